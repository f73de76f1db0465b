/**
 * The loss of speech when packets get lost: the log-spectral distance between what is heard at the other end with all
 * packets and without 1, 5 and 20 % of them, each lost independently. Streams of src/media alone, in steps of 20 ms.
 */
import { SeededRandom } from "../../../host-sim/io/random.js";
import { Timers } from "../../../src/core/timers.js";
import { PCMU } from "../../../src/media/g711.js";
import {
  type MediaAgreement,
  type MediaSink,
  MediaStream,
  type MediaUser,
  STREAM_TIMERS,
} from "../../../src/media/stream.js";
import type { Result } from "../harness.js";
import { logSpectralDistance } from "./spectrum.js";
import { type Speech, speech, VOICES } from "./speech.js";

const SEEDS = [1, 2, 3, 4, 5];
const RATES = [1, 5, 20];
const FRAME = 160;
const FRAME_MS = 20;
/** So much silence comes first, until the jitter buffer has come to rest. */
const SETTLE_FRAMES = 200;

const SENDER_IP = 0x0a000001;
const RECEIVER_IP = 0x0a000002;
const PORT = 4000;

const USER: MediaUser = { onDigit() {}, onInbandDigit() {}, onMediaTimeout() {}, onMediaQuiet() {}, onMediaMoved() {} };

function agreed(remoteIp: number): MediaAgreement {
  return {
    remoteIp,
    remotePort: PORT,
    rtcpIp: remoteIp,
    rtcpPort: 0,
    payloadType: PCMU,
    codec: PCMU,
    pcmuType: PCMU,
    pcmaType: -1,
    eventSendType: 101,
    eventReceiveType: 101,
    ptimeMs: FRAME_MS,
    sends: true,
    receives: true,
    protection: null,
  };
}

/** @param percent of the packets that are lost @returns the sound that is heard of `samples` */
function heardOf(samples: Int16Array, percent: number, seed: number): Int16Array {
  const random = new SeededRandom(seed);
  const timers = new Timers(2 * STREAM_TIMERS);
  let receiver: MediaStream | null = null;
  let isSettled = false;
  const sink: MediaSink = {
    rtp(_ip, _port, bytes, start, end) {
      if (isSettled && random.uint32() % 1000 < percent * 10) return;
      receiver?.onRtp(SENDER_IP, PORT, bytes.slice(start, end), end - start);
    },
    rtcp() {},
  };
  const sender = new MediaStream({ timers, random }, sink, USER);
  receiver = new MediaStream({ timers, random }, { rtp() {}, rtcp() {} }, USER);
  sender.start();
  receiver.start();
  sender.configure(agreed(RECEIVER_IP), 0);
  receiver.configure(agreed(SENDER_IP), 0);
  const frames = Math.ceil(samples.length / FRAME);
  const heard = new Int16Array((frames + SETTLE_FRAMES) * FRAME);
  const frame = new Int16Array(FRAME);
  for (let i = 0; i < frames + SETTLE_FRAMES; i++) {
    isSettled = i >= SETTLE_FRAMES;
    const at = (i - SETTLE_FRAMES) * FRAME;
    for (let j = 0; j < FRAME; j++) frame[j] = samples[at + j] ?? 0;
    sender.microphone(frame, 0, FRAME);
    receiver.speaker(heard, i * FRAME, FRAME);
    timers.poll(timers.nowMs + FRAME_MS);
  }
  return heard.subarray(SETTLE_FRAMES * FRAME);
}

export function lossBenchmarks(): Result[] {
  const speeches: Speech[] = SEEDS.map((_, i) => speech(VOICES[i]));
  const voices = speeches.map(({ voice }) => voice).join(", ");
  const clean = speeches.map(({ samples }, i) => heardOf(samples, 0, SEEDS[i]));
  return RATES.map((percent) => {
    const distances = speeches.map(({ samples }, i) =>
      logSpectralDistance(clean[i], heardOf(samples, percent, SEEDS[i])),
    );
    const value = Math.round((distances.reduce((sum, one) => sum + one, 0) / distances.length) * 1000) / 1000;
    return { name: `sound.loss.lsd${percent}`, value, unit: `dB of spectral distance at ${percent} % loss: ${voices}` };
  });
}
