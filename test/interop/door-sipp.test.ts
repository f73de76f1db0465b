/**
 * Tests the door with SIPp, which follows its scenarios to the letter: its own `uas` and `uac`, sound and digits from
 * captured packets, late offer, CANCEL.
 */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { Door } from "./door.js";
import { describeWith } from "./programs.js";
import { Sipp } from "./sipp.js";
import { dominantHz, durationMs, longestGapMs, rms, shareOf, trimSilence } from "./sound.js";

/**
 * @param secret user, realm and password
 * @returns the response in a request's credentials, and the right one for its body (RFC 7616 §3.4)
 */
function digestOf(request: string, secret: string): [string, string] {
  const md5 = (text: string) => createHash("md5").update(text, "latin1").digest("hex");
  const credentials = /^(?:Proxy-)?Authorization: Digest (.*)$/m.exec(request)?.[1] ?? "";
  const of = (name: string) => new RegExp(`\\b${name}="?([^",\\s]+)`).exec(credentials)?.[1] ?? "";
  const body = request.slice(request.indexOf("\r\n\r\n") + 4);
  const what = md5(`${request.split(" ")[0]}:${of("uri")}:${md5(body)}`);
  const parts = [md5(secret), of("nonce"), of("nc"), of("cnonce"), "auth-int", what];
  return [of("response"), md5(parts.join(":"))];
}

describeWith(["sipp"], "the door and SIPp", () => {
  it.each(["udp", "tcp"] as const)(
    "the door calls SIPp's uas over %s, and hears itself sent back",
    async (transport) => {
      const uas = await Sipp.start({ scenario: "uas", transport, echo: true });
      const door = await Door.start({
        set: { "call.target": "sip:uas@127.0.0.1:" + uas.port + ";transport=" + transport },
        hz: 1400,
        // SIPp's uas stays for 4 s after BYE, and calls it a failure when a connection goes away before.
        script: "press; expect call=confirmed 10; wait 2; press; expect call=ended 5; wait 5; quit",
      });
      await Promise.all([uas.done(), door.finish(25_000)]);
      const sound = trimSilence(door.heard());
      expect(dominantHz(sound)).toBe(1400);
      expect(shareOf(sound, 1400)).toBeGreaterThan(0.9);
      expect(longestGapMs(sound)).toBeLessThanOrEqual(100);
      expect(durationMs(sound)).toBeGreaterThan(1600);
    },
  );

  it.each(["udp", "tcp"] as const)("SIPp's uac calls the door over %s", async (transport) => {
    const door = await Door.start();
    const uac = await Sipp.start({ scenario: "uac", to: door.port, transport });
    await uac.done();
    await door.finish();
    expect(door.all("call").map((event) => event.value)).toEqual(["ringing", "confirmed", "ended"]);
  });

  it.each(["uac_pcap", "uac_late_offer"] as const)(
    "%s: the door hears G.711 in 30 ms packets, and one digit",
    async (scenario) => {
      const door = await Door.start();
      const uac = await Sipp.start({ scenario, to: door.port, talkMs: 3000, digit: "7" });
      expect((await door.expect("call", "confirmed")).codec).toBe("PCMA");
      await door.expect("dtmf", "7");
      await uac.done();
      await door.finish();
      // Its three end packets are one digit.
      expect(door.all("dtmf").length).toBe(1);
      const sound = trimSilence(door.heard());
      expect(rms(sound)).toBeGreaterThan(100);
      expect(durationMs(sound)).toBeGreaterThan(2000);
    },
  );

  it.each(["udp", "tcp"] as const)(
    "a door code by INFO over %s, in both kinds of body, opens the door",
    async (transport) => {
      const door = await Door.start({ set: { "relay1.code": "2580" } });
      const uac = await Sipp.start({ scenario: "uac_info", to: door.port, transport });
      expect((await door.expect("relay", "on")).reason).toBe("code");
      await uac.done();
      await door.finish();
      expect(door.all("dtmf").map((event) => event.by)).toEqual(["info", "info", "info", "info"]);
    },
  );

  it("a door code by INFO opens the door before the call is answered", async () => {
    const uas = await Sipp.start({ scenario: "uas_info" });
    const door = await Door.start({
      set: { "call.target": "sip:uas@127.0.0.1:" + uas.port, "relay1.code": "2580" },
      script: "press; expect call=early; expect relay=on 5; press; expect call=ended 5; wait 1; quit",
    });
    await Promise.all([uas.done(), door.finish()]);
    expect(door.all("call").map((event) => event.value)).toEqual(["calling", "early", "ended"]);
  });

  it.each(["udp", "tcp"] as const)("SIPp gives up over %s while the door rings", async (transport) => {
    const door = await Door.start({ set: { "call.autoAnswer": "off" } });
    const uac = await Sipp.start({ scenario: "uac_cancel", to: door.port, transport });
    await uac.done();
    await door.expect("call", "ringing");
    await door.expect("call", "ended");
    await door.finish();
  });

  it("the door gives up while SIPp rings", async () => {
    const uas = await Sipp.start({ scenario: "uas_cancelled" });
    const door = await Door.start({
      set: { "call.target": "sip:uas@127.0.0.1:" + uas.port },
      script: "press; expect call=ringing; wait 0.5; press; expect call=ended 5; wait 1; quit",
    });
    await Promise.all([uas.done(), door.finish()]);
  });

  it("registers and calls where the bodies have to be part of the digest (auth-int)", async () => {
    const server = await Sipp.start({ scenario: "uas_auth_int", calls: 2 });
    const door = await Door.start({
      set: {
        "sip.user": "door",
        "sip.password": "secretD",
        "sip.domain": "127.0.0.1:" + server.port,
        "sip.probe": "off",
        "call.target": "200",
      },
      script:
        "expect register=registered 10; press; expect call=confirmed 10; wait 0.5; press; expect call=ended 5; quit",
    });
    await door.finish(20_000);
    await server.done();
    for (const method of ["REGISTER", "INVITE"]) {
      const request = server.received.filter((message) => message.startsWith(method)).at(-1) ?? "";
      const [given, right] = digestOf(request, "door:127.0.0.1:secretD");
      expect(given).toBe(right);
    }
  });
});
