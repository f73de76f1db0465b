/**
 * The echo canceller at its place: between the microphone and everything that hears it, with what the loudspeaker
 * really played. What the filter knows of the door's housing stays from one call to the next. Not here: the arithmetic
 * (media/echo.ts), the devices' rings.
 */
import type { AudioInput } from "../../hal/device.js";
import { echoBegin, echoRun } from "../media/echo.js";
import { ECHO_SWITCH, EchoState } from "../media/echostate.js";

export class EchoControl {
  /** Options of each step, ECHO_…; -1: nothing is done. */
  private options = 0;
  private readonly input: AudioInput;
  private readonly state: EchoState | null;
  private readonly played: Int16Array | null;

  /** @param samples of one step */
  constructor(input: AudioInput, samples: number) {
    this.input = input;
    const hears = input.reference !== undefined;
    this.state = hears ? new EchoState() : null;
    this.played = hears ? new Int16Array(samples) : null;
    if (this.state !== null) echoBegin(this.state);
  }

  set(how: "cancel" | "switch" | "off"): void {
    this.options = how === "off" ? -1 : how === "switch" ? ECHO_SWITCH : 0;
  }

  /** What the input read last, all of it: the loudspeaker's sound goes out of it. */
  run(samples: Int16Array): void {
    const { state, played } = this;
    if (state === null || played === null || this.options < 0) return;
    this.input.reference?.(played, 0, played.length);
    echoRun(state, samples, 0, played, 0, played.length, this.options);
  }
}
