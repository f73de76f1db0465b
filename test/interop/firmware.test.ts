/**
 * Tests the firmware as a program for Linux, on the SDK's own XS, with SIPp and baresip: `npm run firmware -- lin`
 * builds it first. Its microphone hears 1 kHz; its terminal is the console, and SIGUSR1 a finger on the button.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { openTcp } from "../../host-sim/io/tcp.js";
import { openUdp } from "../../host-sim/io/udp.js";
import { ipv4 } from "../../src/core/address.js";
import { type Endings, hinder } from "../host-sim/listeners.js";
import { KINDS, LONGEST, Pbx } from "../intercom/pbx.js";
import { freePorts, isOpen } from "../ports.js";
import { Baresip } from "./baresip.js";
import { describeWith, HOST, makeFolder, until } from "./programs.js";
import { Sipp } from "./sipp.js";
import { dominantHz, durationMs, longestGapMs, SAMPLES_PER_SECOND, shareOf, trimSilence } from "./sound.js";

const PROGRAM = join(import.meta.dirname, "..", "..", "build", "firmware", "lin", "bin", "lin", "release", "lin");
const WAIT_MS = 10_000;
const running: ChildProcess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

class Firmware {
  readonly port = freePorts(1);
  readonly #rtpPort = freePorts(20);
  readonly #store = makeFolder();
  readonly #speaker = join(this.#store, "speaker.raw");
  #child: ChildProcess | null = null;
  /** The console's and the relay's lines. */
  written = "";

  /** Starts it twice, because ports take effect at the next start. */
  static async start(settings: Record<string, string> = {}): Promise<Firmware> {
    const it = new Firmware();
    const all = {
      "sip.port": it.port,
      "rtp.port": it.#rtpPort,
      "call.allow": "any",
      "call.autoAnswer": "on",
      ...settings,
    };
    it.#spawn();
    // Another program may have the ports of the initial settings: the console works all the same.
    await it.expect(/^(config ready|error port)/m);
    for (const [key, value] of Object.entries(all)) it.type("set " + key + " " + value);
    it.type("save");
    await until("settings\n" + it.written, WAIT_MS, () => /^ok, from the next start on: .*\n/m.test(it.written));
    it.written = "";
    it.type("reboot");
    await it.expect(/^config ready/m);
    await until("its ports", WAIT_MS, () => isOpen("udp", it.port) && isOpen("tcp", it.port));
    return it;
  }

  #spawn(): void {
    this.#child = spawn(PROGRAM, ["--store", this.#store, "--speaker", this.#speaker]);
    running.push(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on("data", (data) => {
        this.written += data;
      });
  }

  type(line: string): void {
    this.#child?.stdin?.write(line + "\n");
  }

  press(): void {
    this.#child?.kill("SIGUSR1");
  }

  async expect(wanted: RegExp): Promise<void> {
    await until(
      () => wanted + " in\n" + this.written,
      WAIT_MS,
      () => wanted.test(this.written),
    );
  }

  heard() {
    const bytes = readFileSync(this.#speaker);
    const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1)));
    return trimSilence({ samples, samplesPerSecond: SAMPLES_PER_SECOND });
  }
}

const describeBuilt: typeof describeWith = existsSync(PROGRAM)
  ? describeWith
  : (_programs, name, body) => void describe.skip(name + " (needs npm run firmware -- lin)", body);

describeBuilt(["sipp"], "the firmware on XS and SIPp", () => {
  it.each(["udp", "tcp"] as const)("it calls SIPp's uas over %s by its button, and hears itself", async (transport) => {
    const uas = await Sipp.start({ scenario: "uas", transport, echo: true });
    const door = await Firmware.start({
      "call.target": "sip:uas@" + HOST + ":" + uas.port + ";transport=" + transport,
    });
    door.press();
    await door.expect(/^call confirmed direction=out codec=PCM/m);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    door.type("hangup");
    await door.expect(/^audio both .* lost=0/m);
    await uas.done();
    expect(dominantHz(door.heard())).toBe(1000);
    expect(longestGapMs(door.heard())).toBeLessThanOrEqual(100);
  });

  it.each(["udp", "tcp"] as const)("SIPp's uac calls it over %s", async (transport) => {
    const door = await Firmware.start();
    const uac = await Sipp.start({ scenario: "uac", to: door.port, transport });
    await uac.done();
    await door.expect(/^call ended direction=in reason="hung up there"/m);
  });

  it("ends the call and starts again when it has to", async () => {
    const uas = await Sipp.start({ scenario: "uas" });
    const door = await Firmware.start({ "call.target": "sip:uas@" + HOST + ":" + uas.port });
    door.press();
    await door.expect(/^call confirmed/m);
    door.type("open");
    await door.expect(/^relay on$/m);
    door.written = "";
    door.type("reboot");
    await door.expect(/^relay off$/m);
    await door.expect(/^config ready/m);
    await uas.done();
  });
});

describeBuilt(["baresip"], "the firmware on XS and baresip", () => {
  it.each(["PCMU", "PCMA"] as const)("hear each other by %s, and a code opens", async (codecs) => {
    const phone = await Baresip.start({ user: "bob", hz: 700, codecs });
    const door = await Firmware.start({ "call.target": phone.uri, "relay1.code": "1234" });
    door.press();
    await phone.expect("CALL_ESTABLISHED");
    for (const digit of ["1", "2", "3", "4"]) {
      await phone.digit(digit);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    await door.expect(/^relay on relay=1 reason=code/m);
    door.type("hangup");
    await phone.expect("CALL_CLOSED");
    const heard = await phone.heard();
    expect(dominantHz(trimSilence(heard))).toBe(1000);
    expect(durationMs(trimSilence(heard))).toBeGreaterThan(1000);
    expect(dominantHz(door.heard())).toBe(700);
  });
});

describeBuilt(["baresip"], "the firmware on XS as the server of three baresips", () => {
  it("registers them, rings all, opens by the code of the one that answers, and mixes a second one into the call", async () => {
    const names = ["kitchen", "attic", "cellar"];
    const phones = names.flatMap((name, i) => [
      ["phone" + (i + 1) + ".name", name],
      ["phone" + (i + 1) + ".password", "secret" + name],
    ]);
    const door = await Firmware.start({
      "server.enabled": "on",
      "server.domain": HOST,
      ...Object.fromEntries(phones),
      "button1.day": "group:house",
      "relay1.code": "2580",
      "call.join": "on",
      "call.knownByAddress": "on",
      // It takes a steady tone at the microphone for howling.
      "audio.echo": "off",
    });
    const start = (user: string, hz: number): Promise<Baresip> =>
      Baresip.start({ user, hz, answers: false, server: { port: door.port, password: "secret" + user } });
    const [kitchen, attic, cellar] = await Promise.all([
      start("kitchen", 700),
      start("attic", 1400),
      start("cellar", 440),
    ]);
    door.press();
    for (const phone of [kitchen, attic, cellar]) await phone.expect("CALL_INCOMING");
    await attic.accept();
    await door.expect(/^call confirmed/m);
    for (const phone of [kitchen, cellar]) await phone.expect("CALL_CLOSED");
    for (const digit of "2580") await attic.digit(digit);
    await door.expect(/^relay on$/m);
    await kitchen.dial("sip:door@" + HOST);
    await door.expect(/^join confirmed/m);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await kitchen.hangup();
    await door.expect(/^join ended/m);
    await attic.hangup();
    await door.expect(/^call ended/m);
    // The tones are the visitor's 1,000 Hz and the other phone's tone.
    const heard = trimSilence(await kitchen.heard());
    for (const hz of [1000, 1400]) expect(shareOf(heard, hz)).toBeGreaterThan(0.1);
    for (const hz of [440, 700]) expect(shareOf(heard, hz)).toBeLessThan(0.02);
    await kitchen.dial("sip:attic@" + HOST);
    await attic.expect("CALL_INCOMING");
    await attic.accept();
    await attic.expect("CALL_ESTABLISHED");
    await kitchen.hangup();
    await attic.expect("CALL_CLOSED");
    // The output before that belongs to the restart.
    expect(door.written.slice(door.written.indexOf("config ready"))).not.toContain("error");
  });
});

describeBuilt([], "the firmware on XS and servers as people have them", () => {
  const endings: Endings = [];
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });

  it.each([
    ["an ordinary call", "open", KINDS[0]],
    ["the longest credentials", "open", LONGEST],
    ["the longest credentials", "refuse", LONGEST],
    ["the longest credentials", "drop", LONGEST],
    ["the longest credentials", "silent", LONGEST],
    ["the longest credentials", "reset", LONGEST],
  ] as const)("%s, TCP %s", async (_, tcp, kind) => {
    const user = kind === LONGEST ? "u".repeat(64) : "door";
    const port = freePorts();
    const pbx = new Pbx({ ip: ipv4(HOST), port, kind, algorithm: "SHA-256", status: 407, user, password: "secret" });
    endings.push(() => pbx.close());
    await pbx.open({ udp: openUdp, tcp: openTcp }, tcp === "open");
    await hinder(endings, port, tcp);
    const door = await Firmware.start({
      "sip.user": user,
      "sip.password": "secret",
      "sip.domain": HOST + ":" + port,
      "call.target": "100",
    });
    await door.expect(/^register registered/m);
    door.press();
    await door.expect(/^call confirmed/m);
    door.type("hangup");
    await until("a BYE", WAIT_MS, () => pbx.isHungUp);
    expect(pbx.wrong).toEqual([]);
    expect(pbx.requests("INVITE").at(-1)?.isTcp).toBe(kind === LONGEST && tcp === "open");
  });
});
