/**
 * Tests the door with Twinkle: calls both ways, sound both ways by frequency, codes by RTP, INFO and tones in the
 * sound, hold, refusals, giving up.
 */
import { expect, it } from "vitest";
import { Door } from "./door.js";
import { describeWith, pause } from "./programs.js";
import { cut, dominantHz, durationMs, type Sound, trimSilence } from "./sound.js";
import { BEGIN_MS, DOOR_HZ, expectTone, PHONE_HZ } from "./tones.js";
import { Twinkle, type TwinkleOptions } from "./twinkle.js";

const TALK_MS = 2500;

/** Starts a door whose button calls a Twinkle. */
async function pair(
  phone: Partial<TwinkleOptions> = {},
  set: Record<string, string | number> = {},
  script?: string,
): Promise<{ tw: Twinkle; door: Door }> {
  const tw = await Twinkle.start({ user: "tw", hz: PHONE_HZ, ...phone });
  const settings = { "call.target": tw.uri, "relay1.code": "2580", "relay1.pulse": 1, "tone.volume": 0, ...set };
  return { tw, door: await Door.start({ set: settings, hz: DOOR_HZ, script }) };
}

/** @returns the sound before the digits: while they are sent there is no other sound */
function beforeDigits(recorded: Sound): Sound {
  return cut(trimSilence(recorded), 0, TALK_MS - 200);
}

describeWith(["twinkle-console", "pulseaudio", "parec"], "the door and Twinkle", () => {
  it("the door calls: both hear each other, a code by RFC 4733 opens, Twinkle hangs up", async () => {
    const { tw, door } = await pair();
    await door.console("press");
    await tw.expect(/incoming call/i);
    tw.type("answer");
    expect((await door.expect("call", "confirmed")).codec).toBe("PCMU");
    await pause(TALK_MS);
    tw.type("dtmf 2580");
    expect((await door.expect("relay", "on")).reason).toBe("code");
    expect(door.all("dtmf").map(({ value, by }) => value + " " + by)).toEqual(["2 rtp", "5 rtp", "8 rtp", "0 rtp"]);
    tw.type("bye");
    await door.expect("call", "ended");
    await door.finish();
    expectTone(beforeDigits(door.heard()), PHONE_HZ, TALK_MS);
    expectTone(beforeDigits(tw.heard()), DOOR_HZ, TALK_MS);
  });

  it("Twinkle calls, holds and takes back: both hear each other, a code by INFO opens, the door hangs up", async () => {
    const { tw, door } = await pair({ digits: "info" });
    tw.call(door.uri);
    await tw.expect(/answered/);
    await door.expect("call", "confirmed");
    await pause(TALK_MS);
    tw.type("hold");
    await door.expect("call", "held");
    await pause(1000);
    tw.type("retrieve");
    await door.expect("call", "confirmed");
    await pause(TALK_MS);
    tw.type("dtmf 2580");
    expect((await door.expect("relay", "on")).reason).toBe("code");
    expect(door.all("dtmf").map(({ by }) => by)).toEqual(["info", "info", "info", "info"]);
    await door.console("press");
    await tw.expect(/ended/);
    await door.finish();
    for (const [sound, hz] of [
      [trimSilence(door.heard()), PHONE_HZ],
      [trimSilence(tw.heard()), DOOR_HZ],
    ] as const) {
      expectTone(beforeDigits(sound), hz, TALK_MS);
      expect(dominantHz(cut(sound, durationMs(sound) - 1500, durationMs(sound) - BEGIN_MS))).toBe(hz);
    }
    // Twinkle's RTCP begins anew at each hold, so it tells nothing of what Twinkle hears.
    expect(new Set(door.all("audio").map(({ value }) => value))).toEqual(new Set(["both"]));
  });

  it("a code by tones in the sound opens the door", async () => {
    const { tw, door } = await pair({ digits: "inband" }, { "dtmf.inband": "on" });
    tw.call(door.uri);
    await tw.expect(/answered/);
    await pause(1000);
    tw.type("dtmf 2580");
    expect((await door.expect("relay", "on")).reason).toBe("code");
    expect(
      door
        .all("dtmf")
        .map(({ value, by }) => value + " " + by)
        .join(),
    ).toBe("2 inband,5 inband,8 inband,0 inband");
    tw.type("bye");
    await door.finish();
  });

  it("Twinkle refuses; the door gives up; Twinkle gives up", async () => {
    const script = "expect call=ended 20; expect call=ended 20; expect call=ended 20; quit";
    const { tw, door } = await pair({}, { "call.autoAnswer": "off" }, script);
    await door.console("press");
    await tw.expect(/incoming call/i);
    tw.type("reject");
    expect((await door.expect("call", "ended")).code).toBe(486);
    await door.console("press");
    await tw.expect(/incoming call/i);
    await door.expect("call", "ringing");
    await door.console("press");
    await tw.expect(/cancelled|ended/i);
    await door.expect("call", "ended");
    tw.call(door.uri);
    await door.expect("call", "ringing");
    tw.type("bye");
    await door.expect("call", "ended");
    await door.finish();
  });

  it("without a common codec neither is called, and both say so", async () => {
    const { tw, door } = await pair({ codecs: "gsm" });
    tw.call(door.uri);
    await tw.expect(/488/);
    await door.console("press");
    expect((await door.expect("call", "ended")).code).toBe(488);
    await door.finish();
  });
});
