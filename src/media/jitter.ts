/**
 * An adaptive jitter buffer for G.711 on fixed memory. Packets of any length up to 60 ms go in by their timestamps, and
 * frames of 20 ms come out at any time. Missing sound is concealed: the last frame is repeated and fades to silence
 * over 60 ms.
 *
 * The delay follows a measured value, the slack: how long a packet comes before it is needed. A packet is needed when
 * the frame is read in which its first sample lies, so part of a delay that is no multiple of a frame's time is in
 * vain. If the least slack of the last seconds is small, 10 or 20 ms are put in; if less delay would do, 10 or 20 ms
 * are taken out; both by cross-fading. This covers clock drift too. A packet that comes too late grows the delay at
 * once. Not here: order and duplicates by sequence number (reception.ts), the place of the octets (samplering.ts),
 * echo, gain.
 */
import { SAMPLES_PER_MS } from "./g711.js";
import { SampleRing } from "./samplering.js";

/** Samples of a frame that comes out. */
export const FRAME = 160;
/** Longest packet, in samples: 60 ms. */
export const LONGEST_PACKET = 480;

/** The results of `JitterBuffer.put`. */
export const PUT_TAKEN = 0;
/** The packet's turn was over, wholly or in part. */
export const PUT_LATE = 1;
/** The packet is empty, too long, or not of the law that is played at its time. */
export const PUT_REFUSED = 2;

export interface JitterLimits {
  /** Samples the ring can hold, a power of two. It takes 9/8 octets each. */
  readonly capacity: number;
  /** The least time a packet should come before its turn, in ms. */
  readonly minDelayMs: number;
  /** The longest delay, in ms; with the longest packet it must fit the ring. */
  readonly maxDelayMs: number;
}

/** The sizes for a board: 2,048 octets and 160 behind them, 256 for their bits and 320 for the frame make 2,784. */
export const JITTER_LIMITS: JitterLimits = { capacity: 2048, minDelayMs: 10, maxDelayMs: 190 };

/** The delay at first, before anything was measured. */
const BEGIN_DELAY = 40 * SAMPLES_PER_MS;
/** Samples that are put in or taken out at once; the cross-fade is as long. */
const STRETCH = 80;
const CROSSFADE = 40;
/** Frames between two stretches. */
const STRETCH_REST = 2;
/** Frames in a window of measurement. The lower slack of two windows counts. */
const WINDOW = 50;
const NO_SLACK = 0x7fffffff;
/**
 * Delay is taken out only if so much more slack than is aimed at stays, on an uneven path more; otherwise it would soon
 * be put in again.
 */
const SPARE = 3 * SAMPLES_PER_MS;
/** Masks a number of samples down to whole ms. */
const WHOLE_MS = ~(SAMPLES_PER_MS - 1);
/** Concealment fades over this many samples. */
const FADE = 480;
/** Samples over which sound comes back after concealment. */
const RETURN = 24;
/** If the next packet lies further than this from the one before, in samples, the sender's clock was set anew. */
const CLOCK_STEP = 960;
/** After so long without sound the next packet starts the buffer again. */
const IDLE = 2000 * SAMPLES_PER_MS;

export class JitterBuffer {
  /** Packets that came too late, wholly or in part, and packets that were refused. */
  late = 0;
  refused = 0;
  /** Samples that were made up because none had come when their turn came, while the source was heard. */
  concealed = 0;
  /** Stretches of 10 ms put in and taken out, and jumps to another time. */
  inserted = 0;
  removed = 0;
  jumps = 0;
  /** The frame that was read last holds nothing that was sent: it is concealment or silence. */
  isInvented = false;
  /**
   * Samples that have passed since a frame was read; a caller with a clock sets it. The next frame is read a frame's
   * time after the last.
   */
  idle = FRAME;
  private readonly ring: SampleRing;
  private readonly minDelay: number;
  private readonly maxDelay: number;
  /** The frame that is being played; concealment makes the next one from it. */
  private readonly frame = new Int16Array(FRAME);
  private position = FRAME;
  private running = false;
  /** Timestamps (signed 32 bits): that of the next sample to play, and that behind the last sample there is. */
  private play = 0;
  private end = 0;
  /** Is added to the timestamps of packets: the steps that the sender's clock made while sound waited. */
  private shift = 0;
  private type = 0;
  /** Samples to put in (positive) or to take out (negative). */
  private owed = 0;
  private rest = 0;
  private frames = 0;
  /** The least slack of this window and of the one before; and the least slack that 10 ms less delay would leave. */
  private slack = NO_SLACK;
  private slackBefore = NO_SLACK;
  private shortened = NO_SLACK;
  private shortenedBefore = NO_SLACK;
  /** Samples concealed in a row; FADE and more is silence. */
  private faded = FADE;
  private jitter = 0;

  /** @throws RangeError when the limits do not fit each other */
  constructor(limits: JitterLimits = JITTER_LIMITS) {
    this.minDelay = limits.minDelayMs * SAMPLES_PER_MS;
    this.maxDelay = limits.maxDelayMs * SAMPLES_PER_MS;
    if (this.minDelay < 0 || this.maxDelay < BEGIN_DELAY)
      throw new RangeError("jitter buffer: delays from 0 to 40 or more");
    if (this.maxDelay + LONGEST_PACKET > limits.capacity)
      throw new RangeError("jitter buffer: the delay exceeds the ring");
    this.ring = new SampleRing(limits.capacity);
  }

  /** Forgets the sound and the counters, for a new call. */
  reset(): void {
    this.restart();
    this.late = 0;
    this.refused = 0;
    this.concealed = 0;
    this.inserted = 0;
    this.removed = 0;
    this.jumps = 0;
    this.frame.fill(0);
    this.position = FRAME;
    this.faded = FADE;
  }

  /** Forgets the sound that waits, because another source begins. The frame that is being played fades out. */
  restart(): void {
    this.running = false;
    this.jitter = 0;
  }

  /**
   * Takes a packet's payload `bytes[start, end)`, which is copied.
   * @param sent its timestamp, 32 bits, as a signed integer
   * @param newest whether its sequence number is above all before
   * @param jitter interarrival jitter in ticks
   * @returns one of PUT_…
   */
  put(
    bytes: Uint8Array,
    start: number,
    end: number,
    sent: number,
    payloadType: number,
    newest: boolean,
    jitter: number,
  ): number {
    const count = end - start;
    if (count <= 0 || count > LONGEST_PACKET) return this.refuse();
    this.jitter = jitter;
    if (!this.running) this.begin(sent, payloadType);
    let timestamp = (sent + this.shift) | 0;
    let margin = (timestamp - this.play) | 0;
    const ahead = (this.end - this.play) | 0;
    const empty = ahead <= 0;
    const step = (timestamp - this.end) | 0;
    if (
      newest &&
      !empty &&
      (step < -CLOCK_STEP || (step > CLOCK_STEP && margin > this.maxDelay)) &&
      ahead <= this.maxDelay
    ) {
      // The sound goes on where it stopped, without a gap and without more delay.
      this.jumps += 1;
      this.shift = (this.shift - step) | 0;
      timestamp = this.end;
      margin = ahead;
    } else if (margin > this.maxDelay || margin < -this.ring.capacity) {
      // A packet that is far too early is a burst after a stall, or the sender's clock jumped; far too late is the
      // same.
      if (!newest) return margin < 0 ? this.tooLate(0) : this.refuse();
      this.jump(sent, payloadType);
      timestamp = (sent + this.shift) | 0;
      margin = (timestamp - this.play) | 0;
    } else if (margin < 0 && newest && empty) {
      // Nothing was lost: everything comes later now. The time that was concealed becomes the missing delay.
      margin = this.framesFor(this.low());
      this.play = (timestamp - margin) | 0;
      this.late += 1;
      this.forgetSlack();
    }
    const fresh = newest && ((timestamp - this.end) | 0) >= 0;
    if (!this.ring.accepts(payloadType, timestamp, fresh)) return this.refuse();
    if (fresh) this.type = payloadType;
    if (margin + count <= 0) return this.tooLate(-margin);
    const skip = margin < 0 ? -margin : 0;
    this.ring.store(bytes, start + skip, count - skip, timestamp + skip);
    const packetEnd = (timestamp + count) | 0;
    if (((packetEnd - this.end) | 0) > 0) this.end = packetEnd;
    if (skip > 0) return this.tooLate(skip);
    this.noteSlack(margin + this.owed);
    return PUT_TAKEN;
  }

  /**
   * Writes the next `count` samples to play to `pcm` from `start` on, with silence or concealment for the missing ones.
   */
  read(pcm: Int16Array, start: number, count: number): void {
    const end = start + count;
    let at = start;
    while (at < end) at += this.readFrame(pcm, at, end - at);
  }

  /**
   * Reads as `read` does, but one frame at most; then `isInvented` tells about it. @returns the number of samples
   * written
   */
  readFrame(pcm: Int16Array, start: number, count: number): number {
    if (this.position === FRAME) {
      this.isInvented = false;
      this.next();
      this.position = 0;
      if (count >= FRAME) {
        pcm.set(this.frame, start);
        this.position = FRAME;
        return FRAME;
      }
    }
    const frame = this.frame;
    let from = this.position;
    const until = count < FRAME - from ? from + count : FRAME;
    this.position = until;
    const written = until - from;
    let to = start;
    while (from < until) pcm[to++] = frame[from++];
    return written;
  }

  /** @returns the length of the sound that waits to be played, in ms */
  delayMs(): number {
    const ahead = this.running ? (this.end - this.play) | 0 : 0;
    return ahead > 0 ? Math.floor(ahead / SAMPLES_PER_MS) : 0;
  }

  /** So many samples were not read in time. They are left out, and the next ones are played as after silence. */
  skip(count: number): void {
    if (!this.running) return;
    const ahead = (this.end - this.play) | 0;
    if (ahead > 0) this.ring.drop(this.play, Math.min(ahead, count));
    this.play = (this.play + count) | 0;
    this.position = FRAME;
    this.frame.fill(0);
    this.faded = FADE;
  }

  /** @returns samples until the next frame is read */
  private untilFrame(): number {
    return this.idle < FRAME ? FRAME - this.idle : 0;
  }

  /** @returns whole frames of delay that with the time until the next one is read make `delay` or more, in samples */
  private framesFor(delay: number): number {
    const left = delay - this.untilFrame() + FRAME - 1;
    return left > 0 ? left - (left % FRAME) : 0;
  }

  /** Notes that a packet came `margin` samples before those that are read next. */
  private noteSlack(margin: number): void {
    const until = this.untilFrame();
    const slack = margin - (margin % FRAME) + until;
    const longer = margin + STRETCH;
    const shortened = longer - (longer % FRAME) - FRAME + until;
    if (slack < this.slack) this.slack = slack;
    if (shortened < this.shortened) this.shortened = shortened;
  }

  /**
   * @returns the slack that is aimed at: the least that is allowed, and more on an uneven path. It is whole ms, so that
   * the ring works in words.
   */
  private low(): number {
    return this.minDelay + ((this.jitter > FRAME * 2 ? FRAME : this.jitter >> 1) & WHOLE_MS);
  }

  /** @returns samples of delay to begin with, from the jitter measured so far */
  private target(): number {
    const wanted = this.minDelay + ((this.jitter * 3) & WHOLE_MS);
    return wanted < BEGIN_DELAY ? BEGIN_DELAY : Math.min(wanted, this.maxDelay);
  }

  private begin(timestamp: number, payloadType: number): void {
    this.running = true;
    this.shift = 0;
    this.ring.clear(payloadType, timestamp);
    this.play = (timestamp - this.framesFor(this.target())) | 0;
    this.end = timestamp;
    this.type = payloadType;
    this.owed = 0;
    this.frames = 0;
    this.forgetSlack();
  }

  private jump(sent: number, payloadType: number): void {
    this.jumps += 1;
    const timestamp = (sent + this.shift) | 0;
    const play = (timestamp - this.framesFor(this.target())) | 0;
    const over = (play - this.play) | 0;
    if (over < 0 || over >= this.ring.capacity || payloadType !== this.type) {
      this.begin(sent, payloadType);
      return;
    }
    this.ring.drop(this.play, over);
    this.play = play;
    if (((this.end - play) | 0) < 0) this.end = play;
    this.owed = 0;
    this.forgetSlack();
  }

  private forgetSlack(): void {
    this.slack = NO_SLACK;
    this.slackBefore = NO_SLACK;
    this.shortened = NO_SLACK;
    this.shortenedBefore = NO_SLACK;
  }

  private refuse(): number {
    this.refused += 1;
    return PUT_REFUSED;
  }

  /** @param by samples; so much more delay would have saved the packet */
  private tooLate(by: number): number {
    this.late += 1;
    const ahead = (this.end - this.play) | 0;
    const room = this.maxDelay - Math.max(ahead, 0);
    const wanted = Math.min(by, room);
    if (wanted > this.owed) this.owed = wanted;
    return PUT_LATE;
  }

  /** Makes the next frame. */
  private next(): void {
    if (!this.running) {
      this.conceal(0, FRAME);
      return;
    }
    this.frames += 1;
    if (this.frames >= WINDOW) this.measure();
    const ahead = (this.end - this.play) | 0;
    if (ahead <= 0) {
      if (this.owed > 0) this.owed = this.owed > FRAME ? this.owed - FRAME : 0;
      else this.play = (this.play + FRAME) | 0;
      if (ahead < -IDLE) this.running = false;
      this.concealed += FRAME;
      this.conceal(0, FRAME);
      return;
    }
    if (this.rest > 0) this.rest -= 1;
    else if (this.owed > 0 && this.has(FRAME)) {
      this.insert();
      return;
    } else if (this.owed <= -STRETCH && this.has(FRAME + STRETCH)) {
      this.remove();
      return;
    }
    this.take(FRAME);
    this.advance(FRAME);
  }

  private has(count: number): boolean {
    return this.ring.run(this.play, count, 1) === count;
  }

  /** Plays 10 ms twice: the second time begins under a cross-fade from the sound that would have followed the first. */
  private insert(): void {
    this.take(STRETCH + CROSSFADE);
    const frame = this.frame;
    for (let i = 0; i < CROSSFADE; i++) {
      const on = frame[STRETCH + i];
      frame[STRETCH + i] = on + ((((frame[i] - on) * (i + 1)) / (CROSSFADE + 1)) | 0);
    }
    for (let i = CROSSFADE; i < STRETCH; i++) frame[STRETCH + i] = frame[i];
    this.inserted += 1;
    this.owed = this.owed > STRETCH ? this.owed - STRETCH : 0;
    this.rest = STRETCH_REST;
    this.advance(STRETCH);
  }

  /** Leaves 10 ms out: the frame's end is cross-faded into the sound 10 ms later. */
  private remove(): void {
    this.take(FRAME);
    const frame = this.frame;
    for (let i = 0, at = FRAME - CROSSFADE; i < CROSSFADE; i++, at++) {
      const later = this.ring.sample((this.play + at + STRETCH) | 0);
      frame[at] += (((later - frame[at]) * (i + 1)) / (CROSSFADE + 1)) | 0;
    }
    this.removed += 1;
    this.owed += STRETCH;
    this.rest = STRETCH_REST;
    this.advance(FRAME + STRETCH);
  }

  /** Decides once a window whether the delay is too small or too large for the packets that came. */
  private measure(): void {
    this.frames = 0;
    const slack = Math.min(this.slack, this.slackBefore);
    const shortened = Math.min(this.shortened, this.shortenedBefore);
    this.slackBefore = this.slack;
    this.shortenedBefore = this.shortened;
    this.slack = NO_SLACK;
    this.shortened = NO_SLACK;
    if (slack === NO_SLACK || this.owed > 0) return;
    const low = this.low();
    const enough = low + SPARE + (this.jitter >> 1);
    if (slack < low) {
      // With 10 ms more delay the slack is that of 10 ms less, plus a frame.
      if (((this.end - this.play) | 0) < this.maxDelay) this.owed = shortened + FRAME < low ? FRAME : STRETCH;
    } else if (slack - enough >= FRAME) this.owed = ((slack - enough) % FRAME) - (slack - enough);
    else this.owed = shortened >= enough ? -STRETCH : 0;
  }

  /** Decodes `count` samples from `play` on into the frame's beginning, and conceals the holes. */
  private take(count: number): void {
    let at = 0;
    while (at < count) {
      const there = this.ring.run(this.play + at, count - at, 1);
      if (there > 0) this.sound(at, there);
      at += there;
      if (at >= count) return;
      const missing = this.ring.run(this.play + at, count - at, 0);
      this.concealed += missing;
      this.conceal(at, missing);
      at += missing;
    }
  }

  /** Writes the frame's samples [at, at + count), all of which are there. */
  private sound(at: number, count: number): void {
    const frame = this.frame;
    const until = at + count;
    let to = at;
    if (this.faded > 0) {
      // The sound takes over from the concealment without a step.
      const back = Math.min(count, RETURN);
      for (let i = 1; i <= back; i++, to++) {
        const made = this.faded >= FADE ? 0 : frame[to];
        const real = this.ring.sample((this.play + to) | 0);
        frame[to] = made + ((((real - made) * i) / (RETURN + 1)) | 0);
      }
      this.faded = 0;
    }
    if (to < until) this.ring.decode((this.play + to) | 0, until - to, frame, to);
  }

  private advance(count: number): void {
    this.ring.drop(this.play, count);
    this.play = (this.play + count) | 0;
  }

  /**
   * Makes up the frame's samples [at, at + count) from those of the frame before, which are still in their places. The
   * gain falls evenly with the samples concealed in a row; a sample that was itself made up already has its share of
   * the fall.
   */
  private conceal(at: number, count: number): void {
    if (count === FRAME) this.isInvented = true;
    const frame = this.frame;
    const end = at + count;
    let faded = this.faded;
    let to = at;
    for (; to < end && faded < FADE; to++, faded++) {
      const whole = faded < FRAME ? FADE : FADE + FRAME - faded;
      frame[to] = ((frame[to] * (FADE - faded)) / whole) | 0;
    }
    if (to < end) frame.fill(0, to, end);
    this.faded = faded;
  }
}
