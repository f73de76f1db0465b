/**
 * Tests the peers among themselves, without Portero: that baresip, SIPp and Kamailio run here, and that what they hear
 * can be measured. When a test of Portero with one of them fails and these do not, the fault is Portero's.
 */
import { expect, it } from "vitest";
import { Baresip, RTP_PORTS } from "./baresip.js";
import { Capture } from "./capture.js";
import { Kamailio } from "./kamailio.js";
import { describeWith, pause } from "./programs.js";
import { Sipp } from "./sipp.js";
import { cut, dominantHz, durationMs, longestGapMs, rms, shareOf } from "./sound.js";

const TALK_MS = 2000;

describeWith(["baresip"], "baresip and baresip", () => {
  it.each(["PCMU", "PCMA"] as const)("hear each other by %s without a gap, and a digit", async (codecs) => {
    const [alice, bob] = await Promise.all([
      Baresip.start({ user: "alice", hz: 440, codecs }),
      Baresip.start({ user: "bob", hz: 1000, codecs }),
    ]);
    await alice.dial(bob.uri);
    await alice.expect("CALL_ESTABLISHED");
    await bob.expect("CALL_ESTABLISHED");
    await pause(TALK_MS);
    await alice.digit("5");
    await bob.expect("CALL_DTMF_START", "5");
    await alice.hangup();
    await bob.expect("CALL_CLOSED");
    for (const [sound, hz] of [
      [await alice.heard(), 1000],
      [await bob.heard(), 440],
    ] as const) {
      expect(dominantHz(sound)).toBe(hz);
      expect(shareOf(sound, hz)).toBeGreaterThan(0.9);
      expect(longestGapMs(sound)).toBeLessThan(100);
      expect(durationMs(sound)).toBeGreaterThan(TALK_MS - 300);
    }
  });

  it("can be held and resumed, over TCP too", async () => {
    const [alice, bob] = await Promise.all([
      Baresip.start({ user: "alice", hz: 440 }),
      Baresip.start({ user: "bob", hz: 1000, answers: false, transport: "tcp" }),
    ]);
    await alice.dial(bob.uri);
    await bob.expect("CALL_INCOMING");
    await bob.accept();
    await alice.expect("CALL_ESTABLISHED");
    await alice.hold();
    await bob.expect("CALL_REMOTE_SDP", "offer");
    await alice.resume();
    await bob.expect("CALL_REMOTE_SDP", "offer");
    await bob.hangup();
    await alice.expect("CALL_CLOSED");
  });
});

describeWith(["baresip", "tshark"], "tshark", () => {
  it("sees the sound that comes to baresip, and the gap of a hold", async () => {
    const [alice, bob] = await Promise.all([
      Baresip.start({ user: "alice", hz: 440, codecs: "PCMA" }),
      Baresip.start({ user: "bob", hz: 1000, codecs: "PCMA" }),
    ]);
    const capture = await Capture.start("udp portrange " + bob.rtpPort + "-" + (bob.rtpPort + RTP_PORTS - 1));
    await alice.dial(bob.uri);
    await bob.expect("CALL_ESTABLISHED");
    await pause(1000);
    await bob.hold();
    await alice.expect("CALL_REMOTE_SDP", "offer");
    await pause(1000);
    await bob.resume();
    await pause(TALK_MS);
    await bob.hangup();
    await alice.expect("CALL_CLOSED");
    await capture.stop();
    const sound = capture.soundTo(bob.rtpPort, RTP_PORTS);
    expect(longestGapMs(sound)).toBeGreaterThan(700);
    const resumed = cut(sound, durationMs(sound) - TALK_MS, durationMs(sound) - 200);
    expect(dominantHz(resumed)).toBe(440);
    expect(longestGapMs(resumed)).toBeLessThan(100);
  });
});

describeWith(["baresip", "kamailio"], "baresip and baresip by Kamailio", () => {
  it("register with a password and hear each other through it", async () => {
    const server = await Kamailio.start({ users: { alice: "secretA", bob: "secretB" } });
    const [alice, bob] = await Promise.all([
      Baresip.start({ user: "alice", hz: 440, server: { port: server.port, password: "secretA" } }),
      Baresip.start({ user: "bob", hz: 1000, server: { port: server.port, password: "secretB" }, transport: "tcp" }),
    ]);
    expect(server.seen("REGISTER", "alice")).toBe(2);
    await alice.dial("sip:bob@127.0.0.1");
    await alice.expect("CALL_ESTABLISHED");
    await bob.expect("CALL_ESTABLISHED");
    await pause(TALK_MS);
    await bob.hangup();
    await alice.expect("CALL_CLOSED");
    expect(dominantHz(await alice.heard())).toBe(1000);
    expect(dominantHz(await bob.heard())).toBe(440);
    expect(server.seen("INVITE", "alice")).toBe(2);
    expect(server.seen("BYE", "bob")).toBe(1);
    expect(alice.trace).toContain("407 Proxy Authentication Required");
    expect(bob.trace).toMatch(/^Record-Route: <sip:127\.0\.0\.1:/m);
  });
});

describeWith(["sipp"], "SIPp and SIPp", () => {
  it.each(["udp", "tcp"] as const)("make a call over %s", async (transport) => {
    const uas = await Sipp.start({ scenario: "uas", transport });
    const uac = await Sipp.start({ scenario: "uac", transport, to: uas.port });
    await Promise.all([uac.done(), uas.done()]);
  });

  it("give a call up while it rings", async () => {
    const uas = await Sipp.start({ scenario: "uas_cancelled" });
    const uac = await Sipp.start({ scenario: "uac_cancel", to: uas.port });
    await Promise.all([uac.done(), uas.done()]);
  });
});

describeWith(["sipp", "kamailio"], "SIPp and Kamailio", () => {
  it("register with the right password, and not with a wrong one", async () => {
    const server = await Kamailio.start({ users: { carol: "secretC" } });
    await (await Sipp.start({ scenario: "register", to: server.port, user: "carol", password: "secretC" })).done();
    const wrong = await Sipp.start({ scenario: "register", to: server.port, user: "carol", password: "other" });
    await expect(wrong.done()).rejects.toThrow("401 Unauthorized");
    expect(server.seen("REGISTER", "carol")).toBe(4);
  });
});

describeWith(["sipp", "baresip"], "SIPp and baresip", () => {
  it.each(["uac_pcap", "uac_late_offer"] as const)("%s: baresip hears G.711 and a digit", async (scenario) => {
    const bob = await Baresip.start({ user: "bob", hz: 1000, codecs: "PCMA" });
    const uac = await Sipp.start({ scenario, to: bob.port, user: "bob", talkMs: TALK_MS, digit: "star" });
    await bob.expect("CALL_DTMF_START", "*");
    await uac.done();
    await bob.expect("CALL_CLOSED");
    const sound = await bob.heard();
    expect(rms(sound)).toBeGreaterThan(100);
    expect(durationMs(sound)).toBeGreaterThan(TALK_MS - 300);
  });

  it("SIPp gives up while baresip rings", async () => {
    const bob = await Baresip.start({ user: "bob", hz: 1000, codecs: "PCMA", answers: false });
    const uac = await Sipp.start({ scenario: "uac_cancel", to: bob.port, user: "bob" });
    await bob.expect("CALL_INCOMING");
    await uac.done();
    await bob.expect("CALL_CLOSED");
  });

  it("SIPp sends the sound of baresip back to it", async () => {
    const uas = await Sipp.start({ scenario: "uas", echo: true });
    const bob = await Baresip.start({ user: "bob", hz: 1000 });
    await bob.dial("sip:sipp@127.0.0.1:" + uas.port);
    await bob.expect("CALL_ESTABLISHED");
    await pause(TALK_MS);
    await bob.hangup();
    await uas.done();
    const sound = await bob.heard();
    expect(dominantHz(sound)).toBe(1000);
    expect(longestGapMs(sound)).toBeLessThan(100);
  });
});
