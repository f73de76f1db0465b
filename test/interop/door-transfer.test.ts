/**
 * Tests that the phone which has the visitor moves him to another: Linphone and Twinkle, blind and after talking to the
 * other first.
 */
import { expect, it } from "vitest";
import { Door } from "./door.js";
import { Kamailio } from "./kamailio.js";
import { Linphone } from "./linphone.js";
import { describeWith, Network, pause } from "./programs.js";
import { cut, dominantHz, durationMs, trimSilence } from "./sound.js";
import { DOOR_HZ, PHONE_HZ } from "./tones.js";
import { Twinkle } from "./twinkle.js";

const OTHER_HZ = 1700;
const TALK_MS = 2500;

/** Starts a door whose button calls the first phone; calls may be moved to the second. */
function startDoor(
  network: Network,
  first: string,
  second: string,
  more: Record<string, string | number> = {},
): Promise<Door> {
  return Door.start({
    set: { "call.target": first, "call.referTo": second, "relay1.code": "2580", "tone.volume": 0, ...more },
    hz: DOOR_HZ,
    network,
  });
}

/** @returns the last half second of talk that a recording has */
function lastHz(sound: Parameters<typeof trimSilence>[0]): number {
  const heard = trimSilence(sound);
  return dominantHz(cut(heard, durationMs(heard) - 1200, durationMs(heard) - 200));
}

describeWith(["kamailio", "linphonec", "twinkle-console", "pulseaudio", "parec", "ip"], "the visitor", () => {
  it("is moved by Linphone to Twinkle, who opens", async () => {
    const network = await Network.start();
    const lin = await Linphone.start({ user: "lin", hz: PHONE_HZ, network });
    const tw = await Twinkle.start({ user: "tw", hz: OTHER_HZ, network });
    const door = await startDoor(network, lin.uri, tw.uri);
    await door.console("press");
    await lin.expect(/incoming call/i);
    lin.type("answer");
    await door.expect("call", "confirmed");
    lin.type("transfer " + tw.uri);
    await tw.expect(/incoming call/i);
    tw.type("answer");
    await lin.expect(/ended/);
    await pause(TALK_MS);
    tw.type("dtmf 2580");
    await door.expect("relay", "on");
    await pause(1500);
    expect(lastHz(tw.heard())).toBe(DOOR_HZ);
    tw.type("bye");
    await door.expect("call", "ended");
    await door.finish();
    expect(lastHz(door.heard())).toBe(OTHER_HZ);
  });

  it("is moved by Twinkle to Linphone", async () => {
    const network = await Network.start();
    const lin = await Linphone.start({ user: "lin", hz: PHONE_HZ, network });
    const tw = await Twinkle.start({ user: "tw", hz: OTHER_HZ, network });
    const door = await startDoor(network, tw.uri, lin.uri);
    await door.console("press");
    await tw.expect(/incoming call/i);
    tw.type("answer");
    await door.expect("call", "confirmed");
    tw.type("transfer " + lin.uri);
    await lin.expect(/incoming call/i);
    lin.type("answer");
    await tw.expect(/ended/);
    await pause(TALK_MS);
    lin.type("terminate");
    await door.expect("call", "ended");
    await door.finish();
    expect(lastHz(door.heard())).toBe(PHONE_HZ);
    expect(lastHz(await lin.heard())).toBe(DOOR_HZ);
  });

  it("is moved by Linphone, at Kamailio, to another that it talked to before", async () => {
    const network = await Network.start();
    const users = { door: "secretD", lin: "secretL", other: "secretO" };
    const server = await Kamailio.start({ users, network });
    const at = (password: string) => ({ network, server: { port: server.port, password } });
    const [lin, other] = await Promise.all([
      Linphone.start({ user: "lin", hz: PHONE_HZ, ...at(users.lin) }),
      Linphone.start({ user: "other", hz: OTHER_HZ, ...at(users.other) }),
    ]);
    const door = await startDoor(network, "sip:lin@127.0.0.1", "sip:other@127.0.0.1", {
      "sip.user": "door",
      "sip.password": users.door,
      "sip.domain": "127.0.0.1",
      "sip.proxy": "127.0.0.1:" + server.port,
    });
    await door.expect("register", "registered");
    await door.console("press");
    await lin.expect(/incoming call/i);
    lin.type("answer");
    await door.expect("call", "confirmed");
    await lin.expect(/Media streams established/);
    lin.type("pause");
    await door.expect("call", "held");
    lin.call("sip:other@127.0.0.1");
    await other.expect(/incoming call/i);
    other.type("answer");
    await lin.expect(/Media streams established/);
    await pause(500);
    lin.type("transfer 1 --to-call 2");
    await door.expect("transfer", "done");
    await pause(TALK_MS);
    other.type("terminate");
    await door.expect("call", "ended");
    await door.finish();
    expect(lastHz(door.heard())).toBe(OTHER_HZ);
  });
});
