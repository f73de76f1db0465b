/**
 * Tests the door, Linphone and Twinkle registered at one Kamailio: which phone rings, which party hears the other, and
 * whose code opens.
 */
import { expect, it } from "vitest";
import { Door } from "./door.js";
import { Kamailio } from "./kamailio.js";
import { Linphone } from "./linphone.js";
import { describeWith, Network, pause } from "./programs.js";
import { cut, trimSilence } from "./sound.js";
import { DOOR_HZ, expectTone, PHONE_HZ } from "./tones.js";
import { Twinkle } from "./twinkle.js";

const USERS = { door: "secretD", lin: "secretL", tw: "secretT" };
const TALK_MS = 2500;

describeWith(["kamailio", "linphonec", "twinkle-console", "pulseaudio", "parec", "ip"], "at Kamailio", () => {
  it("Linphone and Twinkle ring together, Linphone answers; then Twinkle calls, and opens by a code", async () => {
    const network = await Network.start();
    const server = await Kamailio.start({ users: USERS, network });
    const at = (password: string) => ({ port: server.port, password });
    const [lin, tw] = await Promise.all([
      Linphone.start({ user: "lin", hz: PHONE_HZ, network, server: at(USERS.lin) }),
      Twinkle.start({ user: "tw", hz: PHONE_HZ, network, server: at(USERS.tw) }),
    ]);
    const door = await Door.start({
      set: {
        "sip.user": "door",
        "sip.password": USERS.door,
        "sip.domain": "127.0.0.1",
        "sip.proxy": "127.0.0.1:" + server.port,
        "button1.day": "lin,tw 20s",
        "relay1.code": "2580",
        "tone.volume": 0,
      },
      hz: DOOR_HZ,
      network,
      script: "expect call=ended 60; expect call=ended 60; quit",
    });
    await door.expect("register", "registered");
    await door.console("press");
    await tw.expect(/incoming call/i);
    await lin.expect(/incoming call/i);
    lin.type("answer");
    await door.expect("call", "confirmed");
    await tw.expect(/cancel|ended/i);
    await pause(TALK_MS);
    lin.type("terminate");
    await door.expect("call", "ended");
    expectTone(await lin.heard(), DOOR_HZ, TALK_MS);
    expect(door.all("branch", "ended").map(({ reason }) => reason)).toEqual(["answered elsewhere"]);

    tw.call("sip:door@127.0.0.1");
    await tw.expect(/answered/);
    await door.expect("call", "confirmed");
    await pause(TALK_MS);
    tw.type("dtmf 2580");
    expect((await door.expect("relay", "on")).reason).toBe("code");
    await door.console("press");
    await tw.expect(/ended/);
    await door.finish();
    expectTone(cut(trimSilence(door.heard()), 0, TALK_MS - 200), PHONE_HZ, TALK_MS);
    expectTone(cut(trimSilence(tw.heard()), 0, TALK_MS - 200), DOOR_HZ, TALK_MS);
    expect(server.seen("BYE", "door")).toBe(1);
  });
});
