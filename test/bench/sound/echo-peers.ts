/**
 * Echo cancellers as programs of test/bench/c: our own in C, and those of other projects on the same samples, compiled
 * against the libraries which Debian has. One that is not installed is left out, with a line that says how it can be
 * had.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const FOLDER = join(HERE, "../../../build/bench");
/** The filter's length is the same as ours. */
const TAPS = 512;
const RUN_MS = 120_000;
/**
 * Delay 0, as no buffer lies between the two; the least suppression; and it finds the echo's delay itself, without
 * which its own buffers make it look beside the echo: of all settings of the library the one that lowers the echo most
 * and the visitor least.
 */
const WEBRTC = ["0", "0", "1", "0"];
/** Its three levels of suppression. */
const WEBRTC_STRENGTHS = [WEBRTC, ["0", "1", "1", "0"], ["0", "2", "1", "0"]];
/** With its suppression, which takes 40 dB at most, and 15 beside a voice: the library's own values. */
const SPEEX = [String(TAPS), "1", "-40", "-15"];
/** As it is; beside a voice none; and as much there as elsewhere. */
const SPEEX_STRENGTHS = [SPEEX, [String(TAPS), "1", "-40", "0"], [String(TAPS), "1", "-40", "-40"]];

export interface Canceller {
  name: string;
  /** @returns its output for the microphone's samples, which is later by a delay of its own */
  run(microphone: Int16Array, far: Int16Array): Int16Array;
}

/** How strongly our canceller suppresses what its filter leaves, as boards do it: 3 dB more for each one more. */
export const OWN_STRENGTH = 2;

const own = new Map<number, string>();

/**
 * @returns a run of our canceller in C, null without a compiler
 * @param freezeAt the sample at which it stops learning
 */
export function ownInC(options: number, freezeAt: number, strength = OWN_STRENGTH): Canceller["run"] | null {
  const program = own.get(strength) ?? builtOwn(strength);
  own.set(strength, program);
  const freeze = String(Number.isFinite(freezeAt) ? freezeAt : 2 ** 30);
  return program === "" ? null : runner(program, [String(options), freeze]);
}

function builtOwn(strength: number): string {
  const program = join(FOLDER, `echo-own-${strength}`);
  mkdirSync(FOLDER, { recursive: true });
  const flags = ["-O2", `-DECHO_STRENGTH=${strength}`];
  const mine = `${program}.${process.pid}`;
  const made = spawnSync("cc", [...flags, join(HERE, "../c/echo-own.c"), "-o", mine], { encoding: "utf8" });
  if (made.status === 0) {
    // Another run may use the one that is there.
    renameSync(mine, program);
    return program;
  }
  process.stderr.write(
    `our canceller runs in TypeScript, which takes half an hour: no C compiler ${made.stderr ?? ""}\n`,
  );
  return "";
}

/** @returns null if it cannot be compiled here */
function built(name: string, compiler: string, source: string, library: string, packages: string): string | null {
  const program = join(FOLDER, name);
  mkdirSync(FOLDER, { recursive: true });
  try {
    const flags = execFileSync("pkg-config", ["--cflags", "--libs", library], { encoding: "utf8", stdio: "pipe" });
    const words = flags.trim().split(/\s+/);
    const mine = `${program}.${process.pid}`;
    execFileSync(compiler, ["-O2", "-w", join(HERE, "../c", source), "-o", mine, ...words, "-lm"], { stdio: "pipe" });
    renameSync(mine, program);
    return program;
  } catch {
    process.stderr.write(`${name} is left out: Debian's ${packages} and a compiler are not installed\n`);
    return null;
  }
}

function runner(program: string, more: readonly string[]): Canceller["run"] {
  return (microphone, far) => {
    const [heard, played, out] = ["heard", "played", "out"].map((file) => `${program}.${process.pid}.${file}`);
    writeFileSync(heard, microphone);
    writeFileSync(played, far);
    execFileSync(program, [heard, played, out, ...more], { stdio: "pipe", timeout: RUN_MS });
    const octets = readFileSync(out);
    return new Int16Array(octets.buffer.slice(octets.byteOffset, octets.byteOffset + octets.byteLength));
  };
}

/** A canceller that is installed: as it is compared, and from mild to strong. */
export interface Peer extends Canceller {
  /** The first is as it is compared elsewhere. */
  strengths: readonly Canceller[];
}

/** @returns the cancellers that are installed */
export function peers(): Peer[] {
  const found: Peer[] = [];
  const speex = built("echo-speexdsp", "cc", "echo-speexdsp.c", "speexdsp", "libspeexdsp-dev");
  if (speex !== null) found.push(peer("speexdsp", speex, SPEEX, SPEEX_STRENGTHS));
  const library = "webrtc-audio-processing";
  const webrtc = built("echo-webrtc", "c++", "echo-webrtc.cpp", library, "libwebrtc-audio-processing-dev");
  if (webrtc !== null) found.push(peer("webrtc", webrtc, WEBRTC, WEBRTC_STRENGTHS));
  return found;
}

type Words = readonly string[];

function peer(name: string, program: string, usual: Words, strengths: readonly Words[]): Peer {
  return {
    name,
    run: runner(program, usual),
    strengths: strengths.map((words) => ({ name, run: runner(program, words) })),
  };
}
