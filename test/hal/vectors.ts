/**
 * The operations of the vectors, done with the TypeScript twins of hal/native; native.c does the same with the C. State
 * is kept from line to line: one duplex, one queue. Results of more than 8 values are their number and a hash.
 *
 *     encode LAW FIRST COUNT      octets of consecutive samples
 *     decode LAW FIRST COUNT      samples of consecutive octets
 *     down SEED COUNT PEAK        16 kHz of noise to COUNT samples
 *     up SEED COUNT PEAK          COUNT samples of noise to 16 kHz
 *     open BITS KHZ SLOT SHIFT    opens a duplex; 1, or 0 if refused
 *     loop                        the played samples come back in the other slot
 *     start, stop                 the caller begins, the caller stops
 *     received SEED FRAMES PEAK   noise from the port; the frames that wait
 *     leave                       samples left out; the frames that wait
 *     read COUNT                  the microphone: "sound: samples"
 *     reference COUNT             the samples that were played during the last read
 *     write SEED COUNT PEAK       noise for the speaker; the samples that wait
 *     fill FRAMES                 the frames that the port sends, both slots
 *     sound                       gaps, samples missing and dropped
 *     empty                       a new queue of 6
 *     put LENGTH ADDRESS PORT     1 if kept
 *     take ROOM                   "LENGTH from ADDRESS:PORT" or none
 *     queue                       datagrams cut and lost
 */
import { Duplex, type DuplexOptions } from "../../hal/native/duplex.js";
import { HalfbandDown, HalfbandUp } from "../../hal/native/halfband.js";
import { DatagramQueue } from "../../host-sim/io/udp.js";
import { ipv4Text } from "../../src/core/address.js";
import * as g711 from "../../src/media/g711.js";

const FEW = 8;
const QUEUE_PLACES = 6;

function shown(values: ArrayLike<number>): string {
  if (values.length <= FEW) return Array.from(values).join(" ");
  let hash = 2166136261;
  for (let i = 0; i < values.length; i++) hash = Math.imul(hash ^ values[i], 16777619);
  return values.length + " #" + (hash >>> 0).toString(16).padStart(8, "0");
}

function noise(seed: number, count: number, peak: number): Int16Array {
  let state = seed;
  return Int16Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return ((state >>> 8) % (2 * peak + 1)) - peak;
  });
}

export class Twins {
  private options: DuplexOptions = { bits: 16, khz: 8 };
  private duplex = new Duplex({ bits: 16, khz: 8 });
  private isWide = false;
  private queue = new DatagramQueue(QUEUE_PLACES);

  /** @param line an operation as above @returns its result */
  run(line: string): string {
    const [op, ...words] = line.split(" ");
    const [a, b, c, d] = words.map(Number);
    switch (op) {
      case "encode": {
        const out = new Uint8Array(c);
        g711.encode(
          a,
          Int16Array.from({ length: c }, (_, i) => b + i),
          0,
          c,
          out,
          0,
        );
        return shown(out);
      }
      case "decode": {
        const out = new Int16Array(c);
        g711.decode(
          a,
          Uint8Array.from({ length: c }, (_, i) => b + i),
          0,
          c,
          out,
          0,
        );
        return shown(out);
      }
      case "down": {
        const [out, half, filter, input] = [new Int16Array(b), b >> 1, new HalfbandDown(), noise(a, 2 * b, c)];
        filter.run(input, 0, out, 0, half);
        filter.run(input, 2 * half, out, half, b - half);
        return shown(out);
      }
      case "up": {
        const [out, half, filter, input] = [new Int16Array(2 * b), b >> 1, new HalfbandUp(), noise(a, b, c)];
        filter.run(input, 0, out, 0, half);
        filter.run(input, half, out, 2 * half, b - half);
        return shown(out);
      }
      case "open":
        try {
          this.options = { bits: a, khz: b, slot: c, shift: d };
          this.duplex = new Duplex(this.options);
        } catch {
          return "0";
        }
        this.isWide = a === 32;
        return "1";
      case "received": {
        const samples = noise(a, 2 * b, c);
        this.duplex.received(this.isWide ? Int32Array.from(samples, (one) => (one << 16) | (one & 0xffff)) : samples);
        return String(this.duplex.waitingToRead());
      }
      case "fill": {
        const frames = this.isWide ? new Int32Array(2 * a) : new Int16Array(2 * a);
        this.duplex.fill(frames);
        return shown(frames);
      }
      case "read": {
        const out = new Int16Array(a);
        return this.duplex.read(out, 0, a) + ": " + shown(out);
      }
      case "loop":
        this.duplex = new Duplex({ ...this.options, isLooped: true });
        return "";
      case "reference": {
        const out = new Int16Array(a);
        this.duplex.reference(out, 0, a);
        return shown(out);
      }
      case "write":
        this.duplex.write(noise(a, b, c), 0, b);
        return String(this.duplex.waitingToPlay());
      case "sound": {
        const { gaps, missing, dropped } = this.duplex;
        return "gaps " + gaps + " missing " + missing + " dropped " + dropped;
      }
      case "start":
        this.duplex.start();
        return "";
      case "stop":
        this.duplex.stop();
        return "";
      case "leave":
        return this.duplex.leaveOut() + ", " + this.duplex.frames();
      case "empty":
        this.queue = new DatagramQueue(QUEUE_PLACES);
        return "";
      case "put":
        return this.queue.put(new Uint8Array(a), b, c) ? "1" : "0";
      case "take": {
        const length = this.queue.take(new Uint8Array(a));
        return length === 0 ? "none" : length + " from " + ipv4Text(this.queue.address) + ":" + this.queue.port;
      }
      case "queue":
        return "cut " + this.queue.cut + " lost " + this.queue.lost;
    }
    throw new Error("no such operation: " + line);
  }
}
