/**
 * Mixes the sound of a call with more than one phone: each of them, and the door, hears all the others. Not here: who
 * may join (door.ts).
 */
import { Mixer } from "../media/mixer.js";
import type { Line } from "../ua/call.js";

export class Conference {
  private readonly lines: readonly Line[];
  private readonly mixer: Mixer;
  /** The sound of each line: first what came from it, then what is sent to it. */
  private readonly sounds: Int16Array[] = [];

  /** @param samples how many one step has */
  constructor(lines: readonly Line[], samples: number) {
    this.lines = lines;
    this.mixer = new Mixer(samples);
    for (let i = 0; i < lines.length; i++) this.sounds.push(new Int16Array(samples));
  }

  /** Whether more than one line has sound. */
  isOn(): boolean {
    let count = 0;
    for (let i = 0; i < this.lines.length; i++) if (hasSound(this.lines[i])) count += 1;
    return count > 1;
  }

  /** Mixes one step. @param door what its microphone heard; afterwards it holds what its speaker is to play */
  move(door: Int16Array): void {
    const { lines, mixer, sounds } = this;
    const count = door.length;
    mixer.clear();
    mixer.add(door, count);
    for (let i = 0; i < lines.length; i++) {
      if (!hasSound(lines[i])) continue;
      lines[i].media.speaker(sounds[i], 0, count);
      mixer.add(sounds[i], count);
    }
    for (let i = 0; i < lines.length; i++) {
      if (!hasSound(lines[i])) continue;
      mixer.without(sounds[i], sounds[i], count);
      lines[i].media.microphone(sounds[i], 0, count);
    }
    mixer.without(door, door, count);
  }
}

function hasSound(line: Line): boolean {
  return line.call !== null && line.call.hasSound;
}
