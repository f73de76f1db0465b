/**
 * Mixes the sound of a call with more than one phone: each phone, and the door, hears all the others. Not here: the
 * right to join (door.ts).
 */
import { Mixer } from "../media/mixer.js";
import type { Line } from "../ua/call.js";

export class Conference {
  private readonly lines: readonly Line[];
  private readonly mixer: Mixer;
  /** The sound of each line: first the received samples, then those to send. */
  private readonly sounds: Int16Array[] = [];

  /** @param samples of one step */
  constructor(lines: readonly Line[], samples: number) {
    this.lines = lines;
    this.mixer = new Mixer(samples);
    for (let i = 0; i < lines.length; i++) this.sounds.push(new Int16Array(samples));
  }

  /** Returns whether more than one line has sound. */
  isOn(): boolean {
    let count = 0;
    for (let i = 0; i < this.lines.length; i++) if (hasSound(this.lines[i])) count += 1;
    return count > 1;
  }

  /** Mixes one step. @param door the samples of its microphone, which are replaced by those for its loudspeaker */
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
