/**
 * The taps on the sound of the house: what each microphone hears comes from the laptop, from a recorded voice, or from
 * where it came before, and what each loudspeaker plays is handed on. Levels of both are kept. Not here: the browser's
 * side (page/audio.ts).
 */
import type { AudioInput, AudioOutput } from "../../hal/device.js";
import type { SoundTap } from "../house.js";
import { SamplesInput } from "../io/audio.js";
import { type Laptop, type Meter, octetOf, SOUND_SIDES, type SoundSide } from "./protocol.js";
import { voiceOf } from "./voice.js";

/** At most this many samples of the laptop's sound wait: more would be late, and the oldest are dropped. */
const WAITING_SAMPLES = 1600;
/** This many samples have to wait before sound is played again after it ran out. */
const PRIMED_SAMPLES = 320;
export const SILENCE_DB = -99;
/** A meter falls by this much each time it is read. */
const FALL_DB = 4;

/** The sound that comes from the page, in the pace in which it comes. */
export class LiveInput {
  /** The number of samples that came too late, and were dropped. */
  dropped = 0;
  private readonly ring = new Int16Array(WAITING_SAMPLES);
  private from = 0;
  private waiting = 0;
  private isPrimed = false;

  put(samples: Int16Array): void {
    for (let i = 0; i < samples.length; i++) {
      if (this.waiting === WAITING_SAMPLES) {
        this.from = (this.from + 1) % WAITING_SAMPLES;
        this.waiting -= 1;
        this.dropped += 1;
      }
      this.ring[(this.from + this.waiting++) % WAITING_SAMPLES] = samples[i];
    }
    if (this.waiting >= PRIMED_SAMPLES) this.isPrimed = true;
  }

  /** @returns whether all of it was sound */
  read(into: Int16Array, start: number, count: number): boolean {
    if (!this.isPrimed || this.waiting < count) {
      this.isPrimed = false;
      into.fill(0, start, start + count);
      return false;
    }
    for (let i = 0; i < count; i++) into[start + i] = this.ring[(this.from + i) % WAITING_SAMPLES];
    this.from = (this.from + count) % WAITING_SAMPLES;
    this.waiting -= count;
    return true;
  }

  clear(): void {
    this.waiting = this.from = 0;
    this.isPrimed = false;
  }
}

/** The sound at one party. */
class Side {
  hasVoice = true;
  readonly live = new LiveInput();
  /** The page that is heard there; 0: none. */
  talker = 0;
  /** Its microphone sends. */
  isLive = false;
  readonly voice: SamplesInput;
  microphoneDb = SILENCE_DB;
  speakerDb = SILENCE_DB;
  readonly octet: number;

  constructor(who: SoundSide) {
    this.voice = new SamplesInput(voiceOf(who === "door" ? "door" : "phone"));
    this.octet = octetOf(who);
  }
}

export class SoundDesk implements SoundTap {
  /** Called with the sound of each loudspeaker; the samples are lent. */
  onSound: (octet: number, samples: Int16Array) => void = () => {};
  private readonly sides: Record<SoundSide, Side> = {
    door: new Side("door"),
    phone: new Side("phone"),
    phone2: new Side("phone2"),
    phone3: new Side("phone3"),
    phone4: new Side("phone4"),
  };
  private readonly keepsDoor: boolean;

  /** @param keepsDoor the door's microphone has sound of its own (--mic), which the voice does not replace */
  constructor(keepsDoor: boolean) {
    this.keepsDoor = keepsDoor;
    this.sides.door.hasVoice = !keepsDoor;
  }

  private side(who: string): Side | null {
    const known = SOUND_SIDES.find((side) => side === who);
    return known === undefined ? null : this.sides[known];
  }

  microphone(who: string, input: AudioInput): AudioInput {
    const side = this.side(who);
    return {
      read: (into, start, count) => {
        if (side === null) {
          // Parties that nobody listens to are silent: a tone would be heard in the door.
          into.fill(0, start, start + count);
          return count;
        }
        const done = this.readSide(side, who === "door" && this.keepsDoor ? input : null, into, start, count);
        side.microphoneDb = Math.max(side.microphoneDb, decibels(into, start, count));
        return done;
      },
    };
  }

  speaker(who: string, output: AudioOutput): AudioOutput {
    const side = this.side(who);
    if (side === null) return output;
    return {
      write: (from, start, count) => {
        side.speakerDb = Math.max(side.speakerDb, decibels(from, start, count));
        this.onSound(side.octet, from.subarray(start, start + count));
        output.write(from, start, count);
      },
    };
  }

  setVoice(who: "door" | "phone", on: boolean): void {
    // All residents speak with the same voice.
    for (const side of SOUND_SIDES) if ((side === "door") === (who === "door")) this.sides[side].hasVoice = on;
  }

  get voices(): { door: boolean; phone: boolean } {
    return { door: this.sides.door.hasVoice, phone: this.sides.phone.hasVoice };
  }

  get talkers(): Record<SoundSide, number> {
    const { door, phone, phone2, phone3, phone4 } = this.sides;
    return {
      door: door.talker,
      phone: phone.talker,
      phone2: phone2.talker,
      phone3: phone3.talker,
      phone4: phone4.talker,
    };
  }

  /** Puts the computer before that page at that party, in place of another one, and nowhere else. */
  seat(page: number, who: Laptop): void {
    for (const [name, side] of Object.entries(this.sides)) {
      if (name !== who && side.talker !== page) continue;
      side.talker = name === who ? page : 0;
      side.live.clear();
      side.isLive = false;
    }
  }

  /** Takes sound of a computer's microphone. @returns false when it is not that party's now */
  hear(page: number, octet: number, samples: Int16Array): boolean {
    const who = SOUND_SIDES[octet - 1];
    const side = who === undefined ? null : this.sides[who];
    if (side === null || page === 0 || side.talker !== page) return false;
    side.isLive = true;
    side.live.put(samples);
    return true;
  }

  /** @returns the loudest level since the meter was read last, which falls slowly */
  meters(): { door: Meter; phone: Meter } {
    const meter = (side: Side): Meter => {
      const shown = { microphone: Math.round(side.microphoneDb), speaker: Math.round(side.speakerDb) };
      side.microphoneDb = fallen(side.microphoneDb);
      side.speakerDb = fallen(side.speakerDb);
      return shown;
    };
    return { door: meter(this.sides.door), phone: meter(this.sides.phone) };
  }

  private readSide(side: Side, own: AudioInput | null, into: Int16Array, start: number, count: number): number {
    if (side.isLive) {
      side.live.read(into, start, count);
      return count;
    }
    if (own !== null && !side.hasVoice) return own.read(into, start, count);
    if (side.hasVoice) return side.voice.read(into, start, count);
    into.fill(0, start, start + count);
    return count;
  }
}

/** @returns dBFS of that sound, SILENCE_DB for none */
export function decibels(samples: Int16Array, start: number, count: number): number {
  let sum = 0;
  for (let i = start; i < start + count; i++) sum += samples[i] * samples[i];
  return sum === 0 ? SILENCE_DB : 10 * Math.log10(sum / count / (32768 * 32768));
}

function fallen(db: number): number {
  return db - FALL_DB < -80 ? SILENCE_DB : db - FALL_DB;
}
