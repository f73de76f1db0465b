/**
 * Tests a house without a server: two baresips register with the door, which rings them, and call each other through
 * it.
 */
import { expect, it } from "vitest";
import { Baresip } from "./baresip.js";
import { Door } from "./door.js";
import { describeWith, HOST, pause } from "./programs.js";
import { dominantHz, trimSilence } from "./sound.js";

describeWith(["baresip"], "the door as the server of two baresips", () => {
  it.each(["udp", "tcp"] as const)(
    "registers them over %s, rings both, and opens by the code of the one that answers",
    async (transport) => {
      const door = await Door.start({
        set: {
          "server.enabled": "on",
          "server.domain": HOST,
          "phone1.name": "kitchen",
          "phone1.password": "secretK",
          "phone2.name": "attic",
          "phone2.password": "secretA",
          "button1.day": "group:house 20s",
          "call.allow": "known",
          "relay1.code": "2580",
        },
        hz: 440,
      });
      const start = (user: string, password: string, hz: number): Promise<Baresip> =>
        Baresip.start({ user, hz, transport, answers: false, server: { port: door.port, password } });
      const [kitchen, attic] = await Promise.all([start("kitchen", "secretK", 1000), start("attic", "secretA", 1400)]);
      await kitchen.dial("sip:attic@" + HOST);
      await attic.expect("CALL_INCOMING");
      await attic.accept();
      await kitchen.expect("CALL_ESTABLISHED");
      await pause(1500);
      await kitchen.hangup();
      await attic.expect("CALL_CLOSED");
      expect(dominantHz(trimSilence(await attic.heard()))).toBe(1000);
      await door.console("press");
      await kitchen.expect("CALL_INCOMING");
      await attic.expect("CALL_INCOMING");
      await kitchen.accept();
      expect((await door.expect("call", "confirmed")).peer).toContain("kitchen");
      await attic.expect("CALL_CLOSED");
      for (const digit of "2580") await kitchen.digit(digit);
      await door.expect("relay", "on");
      await pause(1500);
      await kitchen.hangup();
      await door.finish();
      expect(door.all("audio").map(({ value }) => value)).toEqual(["both"]);
      expect(door.all("phone", "registered")).toHaveLength(2);
    },
  );
});
