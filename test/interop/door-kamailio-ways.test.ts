/**
 * Tests the door at a Kamailio that changes what it sees: contacts, Via and Call-ID are hidden (topoh) or kept in a
 * database (topos), or the sound goes by rtpengine at another address. Covered are registration, calls both ways,
 * sound, hold, digits, and hanging up from both ends.
 */
import { expect, it } from "vitest";
import { Baresip } from "./baresip.js";
import { Door } from "./door.js";
import { Kamailio, SOUND_HOST } from "./kamailio.js";
import { describeWith, pause } from "./programs.js";
import { cut, dominantHz, durationMs, trimSilence } from "./sound.js";
import { BEGIN_MS, DOOR_HZ, expectTone, PHONE_HZ } from "./tones.js";

const USERS = { door: "secretD", phone: "secretP" };
const TALK_MS = 2000;

async function house(way: "topoh" | "topos" | "rtpengine"): Promise<{ server: Kamailio; phone: Baresip; door: Door }> {
  const server = await Kamailio.start({ users: USERS, way });
  const phone = await Baresip.start({
    user: "phone",
    hz: PHONE_HZ,
    server: { port: server.port, password: USERS.phone },
  });
  const door = await Door.start({
    set: {
      "sip.user": "door",
      "sip.password": USERS.door,
      "sip.domain": "127.0.0.1",
      "sip.proxy": "127.0.0.1:" + server.port,
      "call.target": "sip:phone@127.0.0.1",
      "relay1.code": "2580",
      "tone.volume": 0,
    },
    hz: DOOR_HZ,
  });
  await door.expect("register", "registered");
  return { server, phone, door };
}

describeWith(["kamailio", "baresip", "rtpengine", "sqlite3"], "the door at Kamailio", () => {
  it.each(["topoh", "topos", "rtpengine"] as const)(
    "with %s: the door calls, is held, resumed, opens by a code, hangs up",
    async (way) => {
      const { server, phone, door } = await house(way);
      await door.console("press");
      await phone.expect("CALL_ESTABLISHED");
      await door.expect("call", "confirmed");
      await pause(TALK_MS);
      await phone.hold();
      await door.expect("call", "held");
      await pause(500);
      await phone.resume();
      await door.expect("call", "confirmed");
      await pause(TALK_MS);
      for (const digit of "2580") await phone.digit(digit);
      await door.expect("relay", "on");
      await door.console("press");
      await phone.expect("CALL_CLOSED");
      await door.finish();
      expect(server.seen("BYE", "door")).toBe(1);
      const heard = trimSilence(door.heard());
      expectTone(cut(heard, 0, TALK_MS - 200), PHONE_HZ, TALK_MS);
      expect(dominantHz(cut(heard, TALK_MS + 1000, TALK_MS + 2000))).toBe(PHONE_HZ);
      // baresip's recording ends at the first hold.
      expectTone(await phone.heard(), DOOR_HZ, TALK_MS);
    },
  );

  it.each(["topoh", "topos", "rtpengine"] as const)(
    "with %s: the phone calls, the door holds and resumes, the phone hangs up",
    async (way) => {
      const { phone, door } = await house(way);
      await phone.dial("sip:door@127.0.0.1");
      await phone.expect("CALL_ESTABLISHED");
      await door.expect("call", "confirmed");
      await pause(TALK_MS);
      await door.console("hold");
      await phone.expect("CALL_REMOTE_SDP", "offer");
      await pause(500);
      await door.console("resume");
      await phone.expect("CALL_REMOTE_SDP", "offer");
      await pause(TALK_MS);
      await phone.hangup();
      await door.finish();
      const heard = trimSilence(door.heard());
      expectTone(cut(heard, 0, TALK_MS - 200), PHONE_HZ, TALK_MS);
      const resumed = cut(heard, durationMs(heard) - TALK_MS + BEGIN_MS, durationMs(heard) - 200);
      expectTone(resumed, PHONE_HZ, durationMs(resumed));
      expectTone(await phone.heard(), DOOR_HZ, TALK_MS);
      const sdp = way === "rtpengine" ? "c=IN IP4 " + SOUND_HOST : "c=IN IP4 127.0.0.1";
      expect(phone.trace).toContain(sdp);
      // A Kamailio that hides must have hidden: the phone did not see the door's own Contact.
      const contact = "Contact: <sip:door@127.0.0.1:" + door.port;
      expect(phone.trace.includes(contact)).toBe(way === "rtpengine");
    },
  );
});
