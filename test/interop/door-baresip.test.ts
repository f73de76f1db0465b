/**
 * Tests the door with baresip, directly: calls both ways, sound both ways by frequency, digits, hold, giving up, over
 * UDP and TCP.
 */
import { expect, it } from "vitest";
import { Baresip, RTP_PORTS } from "./baresip.js";
import { Capture, soundTo } from "./capture.js";
import { Door, IS_PLAIN } from "./door.js";
import { describeWith, pause } from "./programs.js";
import { cut, durationMs, keyTones, shareOf, trimSilence } from "./sound.js";
import { BEGIN_MS, DOOR_HZ, expectTone, PHONE_HZ, TALK_MS } from "./tones.js";

describeWith(["baresip"], "the door and baresip", () => {
  it.each(["PCMU", "PCMA"] as const)("the door calls, by %s: both hear each other", async (codec) => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ, codecs: codec });
    const door = await Door.start({
      set: { "call.target": phone.uri, "audio.codecs": codec },
      hz: DOOR_HZ,
      script: "press; expect call=confirmed 10; wait 3; press; expect call=ended 5; quit",
    });
    expect((await door.expect("call", "confirmed")).codec).toBe(codec);
    await door.finish();
    await phone.expect("CALL_CLOSED");
    expectTone(door.heard(), PHONE_HZ);
    expectTone(await phone.heard(), DOOR_HZ);
  });

  it.each(["PCMU", "PCMA"] as const)("baresip calls, by %s: both hear each other", async (codecs) => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ, codecs });
    const door = await Door.start({ hz: DOOR_HZ });
    await phone.dial(door.uri);
    await phone.expect("CALL_ESTABLISHED");
    expect((await door.expect("call", "confirmed")).codec).toBe(codecs);
    await pause(TALK_MS);
    await phone.hangup();
    await door.finish();
    expectTone(door.heard(), PHONE_HZ);
    expectTone(await phone.heard(), DOOR_HZ);
  });

  it("the door calls over TCP", async () => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ, transport: "tcp" });
    const door = await Door.start({
      set: { "call.target": phone.uri },
      hz: DOOR_HZ,
      script: "press; expect call=confirmed 10; wait 3; press; expect call=ended 5; quit",
    });
    await door.finish(20_000);
    await phone.expect("CALL_CLOSED");
    expect(phone.trace).toMatch(/^SIP\/2\.0 200 /m);
    expect(phone.trace).not.toMatch(/^Via: SIP\/2\.0\/UDP/m);
    expectTone(door.heard(), PHONE_HZ);
    expectTone(await phone.heard(), DOOR_HZ);
  });

  it("baresip calls over TCP", async () => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ, transport: "tcp" });
    const door = await Door.start({ set: { "sip.transport": "tcp" }, hz: DOOR_HZ });
    await phone.dial(door.uri);
    await door.expect("call", "confirmed");
    await pause(TALK_MS);
    await phone.hangup();
    await door.finish();
    expect(phone.trace).not.toMatch(/^Via: SIP\/2\.0\/UDP/m);
    expectTone(door.heard(), PHONE_HZ);
  });

  it.each(["door", "phone"])("hear each other's digits when the %s calls", async (caller) => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ });
    const door = await Door.start({ set: { "call.target": phone.uri } });
    if (caller === "door") await door.console("press");
    else await phone.dial(door.uri);
    await phone.expect("CALL_ESTABLISHED");
    await door.expect("call", "confirmed");
    for (const digit of ["5", "0", "*", "#"]) {
      await phone.digit(digit);
      await door.expect("dtmf", digit);
      await pause(300);
    }
    await door.console("dtmf 19#");
    for (const digit of ["1", "9", "#"]) await phone.expect("CALL_DTMF_START", digit);
    expect(door.all("dtmf").map((event) => event.value)).toEqual(["5", "0", "*", "#"]);
    await phone.hangup();
    await door.finish();
  });

  it("a door code of the phone opens the door", async () => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ });
    const door = await Door.start({ set: { "call.target": phone.uri, "relay1.code": "4711", "relay1.pulse": "1" } });
    await door.console("press");
    await phone.expect("CALL_ESTABLISHED");
    for (const digit of ["4", "7", "1", "1", "#"]) {
      await phone.digit(digit);
      await pause(300);
    }
    await door.expect("relay", "on");
    await door.expect("relay", "off");
    await phone.hangup();
    await door.finish();
  });

  it.each(["PCMU", "PCMA"] as const)("a door code in the sound of the phone, by %s, opens the door", async (codecs) => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ, codecs, sound: keyTones("4711#") });
    const door = await Door.start({ set: { "relay1.code": "4711", "relay1.pulse": "1", "dtmf.inband": "on" } });
    await phone.dial(door.uri);
    await door.expect("call", "confirmed");
    await door.expect("relay", "on");
    expect(
      door
        .all("dtmf")
        .map((event) => event.value)
        .join(""),
    ).toMatch(/^4711/);
    await phone.hangup();
    await door.finish();
  });

  it("as many phones as the board can ring together: the one that answers talks, the others hear that it was elsewhere", async () => {
    const phones = await Promise.all(
      ["one", "two", ...(IS_PLAIN ? [] : ["three"])].map((user) =>
        Baresip.start({ user, hz: PHONE_HZ, answers: false }),
      ),
    );
    const door = await Door.start({ set: { "button1.day": phones.map((phone) => phone.uri).join(",") }, hz: DOOR_HZ });
    await door.console("press");
    for (const phone of phones) await phone.expect("CALL_INCOMING");
    await phones[1].accept();
    expect((await door.expect("call", "confirmed")).peer).toBe(phones[1].uri);
    for (const phone of phones.filter((phone) => phone !== phones[1])) {
      await phone.expect("CALL_CLOSED");
      expect(phone.trace).toMatch(/^CANCEL sip:/m);
      expect(phone.trace).toMatch(/^Reason: SIP;cause=200;text="Call completed elsewhere"/m);
      expect(phone.trace).toMatch(/^SIP\/2\.0 487 /m);
    }
    await pause(TALK_MS);
    await phones[1].hangup();
    await door.finish();
    expectTone(door.heard(), PHONE_HZ);
    expectTone(await phones[1].heard(), DOOR_HZ);
  });

  it("a phone that does not answer is given up for the next one", async () => {
    const [first, second] = await Promise.all([
      Baresip.start({ user: "first", hz: PHONE_HZ, answers: false }),
      Baresip.start({ user: "second", hz: PHONE_HZ }),
    ]);
    const door = await Door.start({ set: { "button1.day": first.uri + " 5s > " + second.uri }, hz: DOOR_HZ });
    await door.console("press");
    await first.expect("CALL_INCOMING");
    expect((await door.expect("call", "confirmed")).peer).toBe(second.uri);
    await first.expect("CALL_CLOSED");
    await second.hangup();
    await door.finish();
    expect(door.all("branch", "ended").map((event) => event.reason)).toEqual(["no answer"]);
  });

  it.runIf(IS_PLAIN)("a second phone hears that the door is busy, and the call goes on", async () => {
    const first = await Baresip.start({ user: "first", hz: PHONE_HZ });
    const second = await Baresip.start({ user: "second", hz: 1700 });
    const door = await Door.start({
      set: { "call.target": first.uri, "call.join": "on", "call.knownByAddress": "on" },
      hz: DOOR_HZ,
    });
    await door.console("press");
    await door.expect("call", "confirmed");
    await second.dial(door.uri);
    await second.expect("CALL_CLOSED");
    expect(second.trace).toMatch(/^SIP\/2\.0 486 /m);
    await pause(TALK_MS);
    await first.hangup();
    await door.finish();
    expectTone(door.heard(), PHONE_HZ);
  });

  it.skipIf(IS_PLAIN)("a second phone joins the call: all three hear the two others", async () => {
    const first = await Baresip.start({ user: "first", hz: PHONE_HZ });
    const second = await Baresip.start({ user: "second", hz: 1700 });
    const door = await Door.start({
      set: { "call.target": first.uri, "call.join": "on", "call.knownByAddress": "on" },
      hz: DOOR_HZ,
    });
    await door.console("press");
    await door.expect("call", "confirmed");
    await second.dial(door.uri);
    await door.expect("join", "confirmed");
    await pause(TALK_MS);
    await second.hangup();
    await door.expect("join", "ended");
    await first.hangup();
    await door.finish();
    for (const [sound, others] of [
      [door.heard(), [PHONE_HZ, 1700]],
      [await first.heard(), [DOOR_HZ, 1700]],
      [await second.heard(), [DOOR_HZ, PHONE_HZ]],
    ] as const) {
      const trimmed = trimSilence(sound);
      const together = cut(trimmed, durationMs(trimmed) - TALK_MS + BEGIN_MS, durationMs(trimmed) - BEGIN_MS);
      for (const hz of others) expect(shareOf(together, hz)).toBeGreaterThan(0.4);
    }
  });

  it("gives the call up when the button is pressed while it rings", async () => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ, answers: false });
    const door = await Door.start({
      set: { "call.target": phone.uri },
      script: "press; expect call=ringing; wait 0.5; press; expect call=ended 5; wait 1; quit",
    });
    await phone.expect("CALL_INCOMING");
    await phone.expect("CALL_CLOSED");
    await door.finish();
    expect(phone.trace).toMatch(/^CANCEL sip:/m);
    expect(phone.trace).toMatch(/^SIP\/2\.0 487 /m);
  });

  it("tells that the phone refused", async () => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ, answers: false });
    const door = await Door.start({ set: { "call.target": phone.uri } });
    await door.console("press");
    await phone.expect("CALL_INCOMING");
    await phone.hangup();
    expect((await door.expect("call", "ended")).code).toBe(486);
    await door.finish();
  });
});

describeWith(["baresip", "tshark"], "the door held by baresip", () => {
  it.each(["door", "phone"])("and resumed, has sound both ways again, when the %s called", async (caller) => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ });
    // The beep of an automatic answer would be measured with the microphone's tone.
    const door = await Door.start({ set: { "call.target": phone.uri, "tone.volume": 0 }, hz: DOOR_HZ });
    const capture = await Capture.start("udp portrange " + phone.rtpPort + "-" + (phone.rtpPort + RTP_PORTS - 1));
    if (caller === "door") await door.console("press");
    else await phone.dial(door.uri);
    await door.expect("call", "confirmed");
    await pause(1000);
    await phone.hold();
    await door.expect("call", "held");
    await pause(1000);
    await phone.resume();
    await door.expect("call", "confirmed");
    await pause(TALK_MS);
    await phone.hangup();
    await door.finish();
    await capture.stop();
    for (const [sound, hz] of [
      [trimSilence(door.heard()), PHONE_HZ],
      [capture.soundTo(phone.rtpPort, RTP_PORTS), DOOR_HZ],
    ] as const) {
      const resumed = cut(sound, durationMs(sound) - TALK_MS + BEGIN_MS, durationMs(sound) - 200);
      expectTone(resumed, hz, durationMs(resumed));
    }
    // The packets that the simulator wrote down are those that went over the interface.
    expectTone(cut(soundTo(door.pcapPath, phone.rtpPort, RTP_PORTS), 0, 800), DOOR_HZ, 800);
  });
});
