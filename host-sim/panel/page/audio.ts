/**
 * The computer's microphone and loudspeaker as those of the door or of the phone, and the bell of the phone. Without a
 * microphone the page hears, and says why it is not heard. Not here: the rates (rate.ts).
 */
import { type Laptop, octetOf, type SoundSide } from "../protocol.js";
import type { WordKey } from "../words/index.js";
import { link } from "./link.js";

export class Sound {
  /** The party whose microphone this page's is. */
  who: Laptop = "nobody";
  /** The reason why the microphone is missing; null when it is there. */
  why: WordKey | null = null;
  /** The house has confirmed that this page has the sound. */
  isSettled = false;
  /** Another page has taken it. */
  isTaken = false;
  onChange: () => void = () => {};
  /** The sound that is heard here, for tests. */
  analyser: AnalyserNode | null = null;
  private context: AudioContext | null = null;
  private stream: MediaStream | null = null;
  private player: AudioWorkletNode | null = null;
  private bell: Bell | null = null;

  /** Takes the sound of a party. Call it from a click only: browsers let nothing sound before one. */
  async use(who: Laptop): Promise<void> {
    this.leave();
    this.who = who;
    this.isSettled = this.isTaken = false;
    this.onChange();
    if (who !== "nobody") {
      try {
        await this.open(who);
      } catch (error) {
        this.why = "sound.missing";
        console.warn(error);
      }
    }
    this.onChange();
    await link.order({ do: "laptop", who });
  }

  /** Follows what the house says of the laptop's sound: another page may have taken it. */
  follow(talkers: Record<SoundSide, number>): void {
    if (this.who === "nobody") return;
    if (talkers[this.who] === link.page) this.isSettled = true;
    else if (this.isSettled) {
      this.lost();
      this.isTaken = true;
      this.onChange();
    }
  }

  /** Gives the sound up: another page has taken it, or the simulator was away. */
  lost(): void {
    if (this.who === "nobody") return;
    this.leave();
    this.who = "nobody";
    this.onChange();
  }

  private leave(): void {
    link.onSound = () => {};
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.player?.disconnect();
    this.player = this.analyser = null;
    this.why = null;
  }

  private async open(who: SoundSide): Promise<void> {
    const context = await this.ready();
    const octet = octetOf(who);
    this.player = new AudioWorkletNode(context, "portero-player", { numberOfInputs: 0, outputChannelCount: [1] });
    this.analyser = context.createAnalyser();
    this.player.connect(this.analyser).connect(context.destination);
    link.onSound = (from, samples) => {
      if (from === octet) this.player?.port.postMessage(samples);
    };
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: false, autoGainControl: true },
      });
    } catch (error) {
      this.why = (error as Error).name === "NotAllowedError" ? "sound.denied" : "sound.missing";
      return;
    }
    const recorder = new AudioWorkletNode(context, "portero-recorder", { numberOfOutputs: 1 });
    recorder.port.onmessage = ({ data }) => {
      if (this.who === who) link.sound(octet, data as Int16Array);
    };
    // Nothing comes out of the recorder, but a node that is not connected does not run.
    context.createMediaStreamSource(this.stream).connect(recorder).connect(context.destination);
  }

  private async ready(): Promise<AudioContext> {
    if (this.context === null) {
      this.context = new AudioContext({ latencyHint: "interactive" });
      await this.context.audioWorklet.addModule("/worklet.js");
    }
    if (this.context.state === "suspended") await this.context.resume();
    return this.context;
  }

  /** The bell of the phone: two tones, a second on and two off. */
  ring(on: boolean): void {
    if (on === (this.bell !== null)) return;
    this.bell?.stop();
    this.bell = on ? new Bell() : null;
  }
}

class Bell {
  private readonly context = new AudioContext();
  private readonly timer: ReturnType<typeof setInterval>;

  constructor() {
    this.strike();
    this.timer = setInterval(() => this.strike(), 3000);
  }

  stop(): void {
    clearInterval(this.timer);
    void this.context.close();
  }

  private strike(): void {
    const { context } = this;
    const gain = context.createGain();
    gain.connect(context.destination);
    const at = context.currentTime;
    // A warble of two tones, as indoor phones have it.
    for (let i = 0; i < 10; i++) {
      const tone = context.createOscillator();
      tone.type = "triangle";
      tone.frequency.value = i % 2 === 0 ? 880 : 1100;
      tone.connect(gain);
      tone.start(at + i * 0.1);
      tone.stop(at + i * 0.1 + 0.09);
    }
    gain.gain.setValueAtTime(0.08, at);
    gain.gain.linearRampToValueAtTime(0, at + 1.05);
  }
}

export const sound = new Sound();
