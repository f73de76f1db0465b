/**
 * Tests a visitor's call that goes over to another phone: baresip moves it, to another baresip and to one that is busy;
 * SIPp takes its place.
 */
import { expect, it } from "vitest";
import { Baresip } from "./baresip.js";
import { Door } from "./door.js";
import { describeWith, pause } from "./programs.js";
import { Sipp } from "./sipp.js";
import { dominantHz, trimSilence } from "./sound.js";

const DOOR_HZ = 440;
const FIRST_HZ = 1000;
const SECOND_HZ = 1600;
const TALK_MS = 2500;

/** Starts a door whose button calls the first phone; both stand in its plan. */
async function house(second: { answers: boolean }) {
  const first = await Baresip.start({ user: "first", hz: FIRST_HZ });
  const other = await Baresip.start({ user: "second", hz: SECOND_HZ, answers: second.answers });
  const door = await Door.start({ set: { "button1.day": `${first.uri} > ${other.uri}` }, hz: DOOR_HZ });
  await door.console("press");
  await first.expect("CALL_ESTABLISHED");
  await door.expect("call", "confirmed");
  return { first, other, door };
}

describeWith(["baresip"], "baresip moves the visitor", () => {
  it("to another phone: both hear each other, and the first one is out of it", async () => {
    const { first, other, door } = await house({ answers: true });
    await pause(1000);
    await first.command("transfer", other.uri);
    await other.expect("CALL_ESTABLISHED");
    await door.expect("transfer", "done");
    await first.expect("CALL_CLOSED");
    await pause(TALK_MS);
    await other.hangup();
    await door.finish();
    expect(dominantHz(trimSilence(await other.heard()))).toBe(DOOR_HZ);
    expect(first.trace).toMatch(/^SIP\/2\.0 202 Accepted/m);
    expect(first.trace).toMatch(/^Subscription-State: terminated;reason=noresource/m);
    expect(door.all("call").map((event) => event.value)).toEqual(["calling", "ringing", "confirmed", "ended"]);
  });

  it("to one that declines: it is told so, and is the one who hangs up then", async () => {
    const { first, other, door } = await house({ answers: false });
    await first.command("transfer", other.uri);
    await other.expect("CALL_INCOMING");
    await other.hangup();
    expect((await door.expect("transfer", "failed")).code).toBe(486);
    expect((await door.expect("call", "ended")).reason).toBe("hung up there");
    await door.finish();
    expect(first.trace).toMatch(/^SIP\/2\.0 486 Busy Here$/m);
  });
});

describeWith(["sipp", "baresip"], "SIPp and the door", () => {
  it("SIPp moves the door into a call that another SIPp has, and is told each step", async () => {
    const replaces = "c1@sipp;to-tag=t1;from-tag=f1";
    const uas = await Sipp.start({ scenario: "uas_replaced", values: { REPLACES: replaces } });
    const target = "sip:uas@127.0.0.1:" + uas.port;
    const door = await Door.start({
      set: { "call.target": target, "call.knownByAddress": "on" },
      script: "expect transfer=done 20; wait 2; press; expect call=ended 5; wait 1; quit",
    });
    const values = { REFER_TO: `<${target}?Replaces=${encodeURIComponent(replaces)}>` };
    const uac = await Sipp.start({ scenario: "uac_refer", to: door.port, values });
    await uac.done();
    await door.finish(20_000);
    await uas.done();
    expect(door.all("transfer").map((event) => event.value)).toEqual(["calling", "ringing", "done"]);
    expect(door.all("call").map((event) => event.value)).toEqual(["ringing", "confirmed", "ended"]);
  });

  it.each(["talks", "rings"])("SIPp takes the place of a baresip that %s", async (state) => {
    const phone = await Baresip.start({ user: "phone", hz: FIRST_HZ, answers: state === "talks" });
    const door = await Door.start({ set: { "call.target": phone.uri, "call.knownByAddress": "on" } });
    await door.console("press");
    if (state === "talks") await phone.expect("CALL_ESTABLISHED");
    else await door.expect("call", "ringing");
    const response = state === "talks" ? /SIP\/2\.0 200 Answering[\s\S]*?\n\r?\n/ : /SIP\/2\.0 180 [\s\S]*?\n\r?\n/;
    const said = response.exec(phone.trace)?.[0] ?? "";
    const part = (expression: RegExp) => expression.exec(said)?.[1] ?? "";
    const [callId, ours, theirs] = [/^Call-ID: (\S+)/m, /^From: .*;tag=(\S+)/m, /^To: .*;tag=(\S+)/m].map(part);
    const replaces = `${callId};to-tag=${ours};from-tag=${theirs}`;
    const uac = await Sipp.start({ scenario: "uac_replaces", to: door.port, values: { REPLACES: replaces } });
    await door.expect("transfer", "picked-up");
    await phone.expect("CALL_CLOSED");
    await uac.done();
    await door.finish();
    expect(door.all("call").map((event) => event.value)).toEqual(["calling", "ringing", "confirmed", "ended"]);
  });
});
