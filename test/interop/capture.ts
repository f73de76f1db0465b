/**
 * Captures the loopback interface by tshark: the RTP that arrives at a port, decoded to sound with silence for missing
 * packets. It shows what no peer can tell by itself, and needs the right to capture (root).
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { PCMA, PCMU, sampleOf } from "../../src/media/g711.js";
import { makeFolder, Program } from "./programs.js";
import type { Sound } from "./sound.js";

const START_MS = 10_000;
const SAMPLES_PER_MS = 8;

export class Capture {
  readonly #program: Program;
  readonly #path = join(makeFolder(), "capture.pcap");

  /** @param filter of libpcap: "udp port 4000" */
  static async start(filter: string): Promise<Capture> {
    const capture = new Capture(filter);
    // tshark tells it once the interface is open.
    await capture.#program.until("tshark's start", START_MS, () => /Capturing on/.test(capture.#program.tail));
    return capture;
  }

  private constructor(filter: string) {
    const args = ["-i", "lo", "-q", "-a", "duration:100", "-f", filter, "-w", this.#path];
    this.#program = new Program("tshark", args);
  }

  async stop(): Promise<void> {
    await this.#program.end();
  }

  /**
   * @returns the PCMU and PCMA that came to one of `count` UDP ports, laid out by time of arrival from the first packet
   * on
   */
  soundTo(port: number, count: number): Sound {
    return soundTo(this.#path, port, count);
  }
}

/** Does the same with any capture file. */
export function soundTo(path: string, port: number, count: number): Sound {
  const last = port + count - 1;
  const fields = ["-e", "frame.time_relative", "-e", "rtp.p_type", "-e", "rtp.payload"];
  const to = "udp.dstport>=" + port + " && udp.dstport<=" + last;
  const decode = ["-d", "udp.port==" + port + "-" + last + ",rtp", "-Y", "rtp && " + to];
  const run = spawnSync("tshark", ["-n", "-r", path, ...decode, "-T", "fields", ...fields], { encoding: "utf8" });
  if (run.status !== 0) throw new Error("tshark cannot read " + path + ": " + run.stderr);
  const packets = run.stdout
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([, type]) => Number(type) === PCMU || Number(type) === PCMA);
  if (packets.length === 0) return { samplesPerSecond: 1000 * SAMPLES_PER_MS, samples: new Int16Array(0) };
  const firstS = Number(packets[0][0]);
  const lastS = Number(packets[packets.length - 1][0]);
  const samples = new Int16Array(Math.ceil((lastS - firstS) * 1000 + 100) * SAMPLES_PER_MS);
  let end = 0;
  for (const [timeS, type, payload] of packets) {
    const octets = Buffer.from(payload.replaceAll(":", ""), "hex");
    // A packet follows the one before it when it is no later than two frames: packets come with some jitter.
    const arrival = Math.round((Number(timeS) - firstS) * 1000 * SAMPLES_PER_MS);
    const at = arrival > end + 2 * octets.length ? arrival : end;
    for (let i = 0; i < octets.length && at + i < samples.length; i++) {
      samples[at + i] = sampleOf(Number(type), octets[i]);
    }
    end = at + octets.length;
  }
  return { samplesPerSecond: 1000 * SAMPLES_PER_MS, samples };
}
