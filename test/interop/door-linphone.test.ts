/**
 * Tests the door with Linphone: calls both ways, sound both ways by frequency, codes by RTP and INFO, RTP/AVPF, session
 * timer, hold from both ends, refusals, and sound from another address than announced, which Linphone sends on a
 * machine that has an address beside loopback.
 */
import { expect, it } from "vitest";
import { Door, type DoorOptions, IS_PLAIN } from "./door.js";
import { Linphone, type LinphoneOptions } from "./linphone.js";
import { describeWith, Network, pause } from "./programs.js";
import { cut, dominantHz, durationMs, type Sound, trimSilence } from "./sound.js";
import { BEGIN_MS, DOOR_HZ, expectTone, PHONE_HZ, TALK_MS } from "./tones.js";

const ELSEWHERE = "192.0.2.7";
/** The refresh comes after half of 90 s; this is a little more. */
const REFRESH_MS = 48_000;

/** @returns the sound before the digits: while Linphone sends them it sends no sound, and hears them itself */
function beforeDigits(recorded: Sound): Sound {
  return cut(trimSilence(recorded), 0, TALK_MS - 200);
}

/** Starts a door whose button calls a Linphone, in a network of their own. */
async function pair(
  phone: Partial<LinphoneOptions> = {},
  { set, ...door }: DoorOptions = {},
  address?: string,
): Promise<{ network: Network; lin: Linphone; door: Door }> {
  const network = await Network.start(address);
  const lin = await Linphone.start({ user: "lin", hz: PHONE_HZ, network, ...phone });
  const started = await Door.start({
    set: { "call.target": lin.uri, "relay1.code": "2580", "relay1.pulse": 1, "tone.volume": 0, ...set },
    hz: DOOR_HZ,
    network,
    ...door,
  });
  return { network, lin, door: started };
}

describeWith(["linphonec", "ip"], "the door and Linphone", () => {
  it("the door calls: both hear each other, a code by RFC 4733 opens, the door hangs up", async () => {
    const { lin, door } = await pair();
    await door.console("press");
    await lin.expect(/incoming call/i);
    lin.type("answer");
    await lin.expect(/Media streams established/);
    expect((await door.expect("call", "confirmed")).codec).toBe("PCMU");
    await pause(TALK_MS);
    lin.type("2580");
    expect((await door.expect("relay", "on")).reason).toBe("code");
    expect(door.all("dtmf").map(({ value, by }) => value + " " + by)).toEqual(["2 rtp", "5 rtp", "8 rtp", "0 rtp"]);
    await door.expect("relay", "off");
    await door.console("press");
    await lin.expect(/ended/);
    await door.finish();
    expectTone(beforeDigits(door.heard()), PHONE_HZ);
    expectTone(beforeDigits(await lin.heard()), DOOR_HZ);
  });

  it("Linphone calls with RTP/AVPF and a session timer: both hear each other, a code by INFO opens, Linphone hangs up", async () => {
    const { lin, door } = await pair({ avpf: true, hasTimer: true, digits: "info" });
    lin.call(door.uri);
    await lin.expect(/Media streams established/);
    await door.expect("call", "confirmed");
    await pause(TALK_MS);
    // Linphone sends its first digit at once, and the others four seconds later.
    lin.type("2580");
    expect((await door.expect("relay", "on")).reason).toBe("code");
    expect(door.all("dtmf").map(({ value, by }) => value + " " + by)).toEqual(["2 info", "5 info", "8 info", "0 info"]);
    lin.type("terminate");
    await door.expect("call", "ended");
    await door.finish();
    expect(lin.log).toMatch(/^m=audio \d+ RTP\/AVPF 0\r?$/m);
    expect(lin.log).toMatch(/^Session-Expires: 90;refresher=/m);
    expectTone(door.heard(), PHONE_HZ);
    expectTone(beforeDigits(await lin.heard()), DOOR_HZ);
  });

  it("a session timer of 90 s is refreshed at its half, and nobody hears it", { timeout: 90_000 }, async () => {
    const { lin, door } = await pair({ hasTimer: true }, { script: "expect call=ended 90; quit" });
    lin.call(door.uri);
    await lin.expect(/Media streams established/);
    await door.expect("call", "confirmed");
    await pause(REFRESH_MS);
    lin.type("terminate");
    await door.expect("call", "ended");
    await door.finish();
    // The messages are the INVITE, its 200, the refresh and its 200.
    expect(lin.log.match(/^Session-Expires: 90/gm)?.length).toBe(4);
    // The sound is measured from two seconds before the refresh to two seconds after it.
    for (const [sound, hz] of [
      [door.heard(), PHONE_HZ],
      [await lin.heard(), DOOR_HZ],
    ] as const)
      expectTone(cut(trimSilence(sound), 43_000, 47_000), hz, 4000);
  });

  it.each(["door", "Linphone"])("held and resumed by the %s, they hear each other again", async (holder) => {
    const { lin, door } = await pair();
    lin.call(door.uri);
    await lin.expect(/Media streams established/);
    await door.expect("call", "confirmed");
    await pause(1000);
    if (holder === "door") {
      await door.console("hold");
      await lin.expect(/has been paused/);
    } else {
      lin.type("pause");
      await door.expect("call", "held");
    }
    await pause(1000);
    if (holder === "door") await door.console("resume");
    else {
      lin.type("resume");
      await door.expect("call", "confirmed");
    }
    await lin.expect(/Media streams established/);
    await pause(TALK_MS);
    lin.type("terminate");
    await door.finish();
    for (const [sound, hz] of [
      [trimSilence(door.heard()), PHONE_HZ],
      [trimSilence(await lin.heard()), DOOR_HZ],
    ] as const) {
      const resumed = cut(sound, durationMs(sound) - TALK_MS + BEGIN_MS, durationMs(sound) - 200);
      expectTone(resumed, hz, durationMs(resumed));
    }
  });

  it("Linphone refuses; the door gives up; Linphone gives up", async () => {
    const { lin, door } = await pair(
      {},
      {
        set: { "call.autoAnswer": "off" },
        script: "expect call=ended 20; expect call=ended 20; expect call=ended 20; quit",
      },
    );
    await door.console("press");
    await lin.expect(/incoming call/i);
    lin.type("terminate");
    expect((await door.expect("call", "ended")).code).toBe(603);
    await door.console("press");
    await lin.expect(/incoming call/i);
    await door.expect("call", "ringing");
    await door.console("press");
    await lin.expect(/ended/);
    await door.expect("call", "ended");
    lin.call(door.uri);
    await lin.expect(/ringing/i);
    await door.expect("call", "ringing");
    lin.type("terminate");
    await door.expect("call", "ended");
    await door.finish();
  });

  it.runIf(IS_PLAIN)("a second Linphone hears that the door is busy, and the call goes on", async () => {
    const { network, lin, door } = await pair();
    const other = await Linphone.start({ user: "other", hz: 1700, network });
    lin.call(door.uri);
    await door.expect("call", "confirmed");
    other.call(door.uri);
    await other.expect(/error|ended/);
    expect(other.log).toMatch(/^SIP\/2\.0 486 /m);
    await pause(TALK_MS);
    lin.type("terminate");
    await door.finish();
    expectTone(door.heard(), PHONE_HZ);
  });

  it("without a common codec neither is called, and both say so", async () => {
    const { lin, door } = await pair({ codecs: ["speex 8000"] });
    lin.call(door.uri);
    await lin.expect(/ended|failed|error/i);
    expect(lin.log).toMatch(/^SIP\/2\.0 488 /m);
    await door.console("press");
    expect((await door.expect("call", "ended")).code).toBe(488);
    await door.finish();
  });

  it("sound from another address than Linphone announced is heard, and told", async () => {
    const { lin, door } = await pair({}, {}, ELSEWHERE);
    lin.call(door.uri);
    await door.expect("call", "confirmed");
    expect((await door.expect("sound", "moved")).address).toBe("127.0.0.1:" + lin.rtpPort);
    await pause(TALK_MS);
    lin.type("2580");
    await door.expect("relay", "on");
    lin.type("terminate");
    await door.finish();
    expect(lin.log).toContain("c=IN IP4 " + ELSEWHERE);
    expectTone(beforeDigits(door.heard()), PHONE_HZ);
    expect(dominantHz(trimSilence(await lin.heard()))).toBe(DOOR_HZ);
  });

  it("and is not heard with rtp.source strict: the call ends for want of sound", async () => {
    const { lin, door } = await pair({}, { set: { "rtp.source": "strict", "rtp.timeout": 6 } }, ELSEWHERE);
    lin.call(door.uri);
    await door.expect("call", "confirmed");
    expect((await door.expect("audio")).value).toBe("out");
    const ended = await door.expect("call", "ended");
    expect(ended.reason).toMatch(/sound/);
    await lin.expect(/ended/);
    await door.finish();
    expect(door.all("sound", "moved")).toEqual([]);
    expect(durationMs(trimSilence(door.heard()))).toBe(0);
  });
});
