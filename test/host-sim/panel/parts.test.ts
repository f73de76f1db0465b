/**
 * Tests parts of the panel: spans, files of the ladder, the rate of sound, the voice, the recorded session, the words.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { exported } from "../../../host-sim/panel/exports.js";
import { Player, Recorder } from "../../../host-sim/panel/page/rate.js";
import { Recording } from "../../../host-sim/panel/recording.js";
import { decibels } from "../../../host-sim/panel/sound.js";
import { spansOf } from "../../../host-sim/panel/spans.js";
import { voiceOf } from "../../../host-sim/panel/voice.js";
import { en, enExplain } from "../../../host-sim/panel/words/en.js";
import { explainHeader, explainMessage, explainState } from "../../../host-sim/panel/words/index.js";
import { RFC } from "../../../host-sim/panel/words/rfc.js";
import { zh, zhExplain } from "../../../host-sim/panel/words/zh.js";
import { parseScript } from "../../../host-sim/world/script.js";
import { runHere } from "../../programs.js";
import { TestHouse, VIRTUAL } from "./house.js";

const ROOT = join(import.meta.dirname, "../../..");
const INVITE =
  "INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx7\r\nMax-Forwards: 70\r\n" +
  "f: <sip:al@example.org>;tag=a1\r\nTo: <sip:bob@example.org>\r\ni: c1@x\r\nCSeq: 1 INVITE\r\n" +
  "Subject: one\r\n two\r\nContent-Length: 3\r\n\r\nv=0";

describe("spans", () => {
  it("are the whole message, piece by piece, with what each is", () => {
    const lines = spansOf(Buffer.from(INVITE));
    expect(lines.map(({ parts }) => parts.map(([, text]) => text).join("")).join("\r\n")).toBe(INVITE);
    const kind = (text: string): string[] =>
      lines.flatMap(({ parts }) => parts.filter((part) => part[1] === text)).map(([k]) => k);
    expect(kind("INVITE")).toEqual(["method", "method"]);
    expect(kind("sip:bob@example.org")).toEqual(["uri"]);
    expect(kind("z9hG4bKx7")).toEqual(["branch"]);
    expect(kind("a1")).toEqual(["tag"]);
    expect(kind("c1@x")).toEqual(["call-id"]);
    // Compact forms are explained by their long names; a folded line belongs to its field.
    expect(lines.map(({ header }) => header)).toEqual([
      "start",
      "Via",
      "Max-Forwards",
      "From",
      "To",
      "Call-ID",
      "CSeq",
      "Subject",
      "Subject",
      "Content-Length",
      "",
      "body",
    ]);
  });

  it.each(["", "\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n", "\u0000\u00ff"])(
    "show %j as it came",
    (text) => {
      const lines = spansOf(Buffer.from(text));
      expect(lines.map(({ parts }) => parts.map((part) => part[1]).join("")).join("")).toBe(text.replace(/\r\n/g, ""));
    },
  );
});

/** tshark, and a simulator of its own, need time on a busy machine. */
const PROGRAM_MS = 90_000;

describe("the ladder as a file", () => {
  it(
    "opens as text, SVG, Mermaid and pcap",
    async () => {
      const house = await new TestHouse(VIRTUAL, { "relay1.code": "2580" }).start();
      await house.press();
      await house.phone("answer");
      await house.pass(2);
      await house.phone("hangup");
      const { journal } = house.world;
      const text = exported(journal, "txt", 0).toString();
      expect(text).toMatch(/door -> server +INVITE sip:phone@house \(SDP\)/);
      expect(text).toMatch(/<=> .*RTP \d\.\d s, packets \d+\/\d+, lost 0\/0/);
      const svg = exported(journal, "svg", 0).toString();
      expect(svg.match(/<svg /g)).toHaveLength(1);
      expect(svg).toContain('class="band"');
      expect(svg).not.toMatch(/&(?!amp;|lt;|gt;|quot;)/);
      const mermaid = exported(journal, "mmd", 0).toString().split("\n");
      expect(mermaid[0]).toBe("sequenceDiagram");
      expect(mermaid).toContain("  participant p0 as door");
      expect(mermaid.filter((line) => /^ {2}p\d->>p\d: \d/.test(line)).length).toBeGreaterThan(10);
      const pcap = exported(journal, "pcap", 0);
      expect(pcap.readUInt32LE(0)).toBe(0xa1b2c3d4);
      const file = join(mkdtempSync(join(tmpdir(), "panel-")), "ladder.pcap");
      writeFileSync(file, pcap);
      const found = spawnSync("tshark", ["-r", file, "-Y", "sip.Method == INVITE"], { encoding: "utf8" });
      if (found.error === undefined) expect(found.stdout).toContain("INVITE");
      await house.world.stop();
    },
    PROGRAM_MS,
  );

  it("bounds what it keeps", async () => {
    const house = await new TestHouse().start();
    const { journal } = house.world;
    for (let i = 0; i < 100_000; i++) journal.event({ t: i, who: "door", event: "dtmf", value: "digit" });
    expect(journal.items.length).toBeLessThanOrEqual(20_000);
    expect(journal.items.at(-1)?.t).toBe(99_999);
    await house.world.stop();
  });
});

/** @returns the power at one frequency, as a share of all */
function share(samples: ArrayLike<number>, hz: number, rate: number): number {
  let [re, im, all] = [0, 0, 0];
  for (let i = 0; i < samples.length; i++) {
    re += samples[i] * Math.cos((2 * Math.PI * hz * i) / rate);
    im += samples[i] * Math.sin((2 * Math.PI * hz * i) / rate);
    all += samples[i] * samples[i];
  }
  return (2 * (re * re + im * im)) / (all * samples.length);
}

describe("rates", () => {
  it.each([44100, 48000, 16000])("come down from %i Hz with the tone, and without what would fold", (rate) => {
    const record = (hz: number): number[] => {
      const out: number[] = [];
      const recorder = new Recorder(rate, 160, (samples) => out.push(...samples));
      for (let at = 0; at < rate; at += 128)
        recorder.put(
          Float32Array.from({ length: 128 }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * (at + i)) / rate)),
        );
      return out.slice(800);
    };
    const tone = record(1000);
    expect(Math.abs(tone.length - 7100)).toBeLessThan(200);
    expect(share(tone, 1000, 8000)).toBeGreaterThan(0.99);
    expect(decibels(Int16Array.from(tone), 0, tone.length)).toBeGreaterThan(-10);
    // 5 kHz would be heard as 3.
    const high = Int16Array.from(record(5000));
    expect(decibels(high, 0, high.length)).toBeLessThan(-50);
  });

  it.each([44100, 48000])("go up to %i Hz, with a little in hand and none too much", (rate) => {
    const player = new Player(rate);
    const out: number[] = [];
    const block = new Float32Array(128);
    for (let i = 0; i < 60; i++) {
      const frame = Int16Array.from({ length: 160 }, (_, k) =>
        Math.round(9000 * Math.sin((2 * Math.PI * 700 * (160 * i + k)) / 8000)),
      );
      player.put(frame);
      for (; out.length < ((i + 1) * rate) / 50; out.push(...block)) player.read(block);
      expect(player.waitingMs).toBeLessThan(101);
    }
    expect(player.gaps).toBe(0);
    expect(share(out.slice(rate / 2), 700, rate)).toBeGreaterThan(0.99);
    for (let i = 0; i < 60; i++) player.put(new Int16Array(160));
    expect(player.waitingMs).toBeLessThan(201);
  });
});

describe("the recorded voices", () => {
  it.each(["door", "phone"] as const)("speak, pause, and are the same each time: %s", (who) => {
    const voice = voiceOf(who);
    expect(voice).toEqual(voiceOf(who));
    expect(voice.length / 8000).toBeGreaterThan(3);
    const levels = Array.from({ length: Math.floor(voice.length / 160) }, (_, i) => decibels(voice, 160 * i, 160));
    expect(Math.max(...levels)).toBeGreaterThan(-20);
    expect(levels.filter((level) => level < -50).length).toBeGreaterThan(30);
  });
});

describe("the session as a command", () => {
  it("is a script that can be read, with the times in it", () => {
    const recording = new Recording();
    recording.clear(1000);
    recording.add({ do: "press", button: "button1" }, 2000);
    recording.add({ do: "release", button: "button1" }, 2150);
    recording.add({ do: "phone", who: "phone", verb: "answer", value: "" }, 4150);
    recording.add({ do: "fault", name: "loss", value: "20" }, 4150);
    recording.add({ do: "line", line: 'set sip.name="A; B"' }, 4150);
    const command = recording.command(7, VIRTUAL, 5150, []);
    expect(command).toBe(
      'npm run sim -- --headless --virtual-time --seed 7 --do "wait 1.0; press 150; wait 2.0; phone answer; fault loss 20; ' +
        'console set sip.name=\\"A\\\\; B\\"; wait 1.0; quit"',
    );
  });

  it(
    "repeats the session",
    async () => {
      const house = await new TestHouse(VIRTUAL, { "relay1.code": "2580" }).start();
      await house.press();
      await house.phone("answer");
      await house.phone("dtmf", "2580");
      await house.pass(2);
      const { command } = house.world.state();
      await house.world.stop();
      const script = /--do "(.*)"$/.exec(command)?.[1] ?? "";
      expect(typeof parseScript(script)).toBe("object");
      const args = ["--headless", "--virtual-time", "--seed", "1", "--set", "relay1.code=2580", "--json"];
      const { code, out } = await runHere("portero-sim", [...args, "--do", script]);
      expect(code).toBe(0);
      expect(out).toContain('"event":"relay","value":"on"');
    },
    PROGRAM_MS,
  );
});

describe("words", () => {
  it("are the same ones in both languages, with the same places for values", () => {
    expect(Object.keys(zh)).toEqual(Object.keys(en));
    expect(Object.keys(zhExplain).sort()).toEqual(Object.keys(enExplain).sort());
    const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();
    for (const key of Object.keys(en) as (keyof typeof en)[]) expect(places(zh[key]), key).toEqual(places(en[key]));
    for (const text of [...Object.values(zh), ...Object.values(zhExplain)]) expect(text.trim()).not.toBe("");
  });

  it("are all there that the page asks for, and none that it does not", () => {
    const page = readdirSync(join(ROOT, "host-sim/panel/page"))
      .filter((name) => name.endsWith(".tsx") || name.endsWith(".ts"))
      .map((name) => readFileSync(join(ROOT, "host-sim/panel/page", name), "utf8"))
      .join("\n");
    const made = [...page.matchAll(/[`"]([a-z]+(?:\.[a-z]+)*\.)(?:\$\{|" \+)/g)].map(([, begin]) => begin);
    const unused = Object.keys(en).filter(
      (key) => !page.includes('"' + key + '"') && !made.some((begin) => key.startsWith(begin)),
    );
    expect(unused).toEqual([]);
  });

  it("explain every kind of row, each with one sentence and its RFC", () => {
    expect(Object.keys(enExplain).sort()).toEqual(Object.keys(RFC).sort());
    expect(explainMessage("INVITE", 0, false)).toBe("method.INVITE");
    expect(explainMessage("INVITE", 0, true)).toBe("again");
    expect(explainMessage("FROB", 0, false)).toBe("method.other");
    expect(explainMessage("INVITE", 599, false)).toBe("status.5");
    expect(explainHeader("X-Odd")).toBe("header.other");
    expect(explainState("call", "ringing")).toBe("state.call.ringing");
    expect(explainState("door", "opened")).toBe("state.door");
    for (const sentence of [...Object.values(enExplain), ...Object.values(zhExplain)])
      expect(sentence).toMatch(/[.。]$/);
  });
});
