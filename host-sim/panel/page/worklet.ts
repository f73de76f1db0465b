/**
 * Runs the sound of the page on a thread of its own, where it is on time. Not here: the sums (rate.ts), the sockets
 * (audio.ts).
 */
import { Player, Recorder } from "./rate.js";

declare const sampleRate: number;
declare function registerProcessor(name: string, processor: unknown): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

const FRAME = 160;

class PlayerProcessor extends AudioWorkletProcessor {
  private readonly player = new Player(sampleRate);

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.player.put(data as Int16Array);
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    for (const channel of outputs[0].slice(0, 1)) this.player.read(channel);
    for (const channel of outputs[0].slice(1)) channel.set(outputs[0][0]);
    return true;
  }
}

class RecorderProcessor extends AudioWorkletProcessor {
  private readonly recorder = new Recorder(sampleRate, FRAME, (samples) =>
    this.port.postMessage(samples, [samples.buffer]),
  );

  process(inputs: Float32Array[][]): boolean {
    if (inputs[0].length > 0) this.recorder.put(inputs[0][0]);
    return true;
  }
}

registerProcessor("portero-player", PlayerProcessor);
registerProcessor("portero-recorder", RecorderProcessor);
