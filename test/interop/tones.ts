/** The tones of the door and of the phones in its tests, and checks that they were heard as they should be. */
import { expect } from "vitest";
import { dominantHz, durationMs, longestGapMs, type Sound, shareOf, trimSilence } from "./sound.js";

export const DOOR_HZ = 440;
export const PHONE_HZ = 1000;
export const TALK_MS = 3000;
/** The time until sound flows: the answer's way, and the jitter buffer's filling. */
export const BEGIN_MS = 400;

/** Checks that one tone was heard, without a gap over 100 ms, for as long as the call. */
export function expectTone(recorded: Sound, hz: number, talkMs = TALK_MS): void {
  const sound = trimSilence(recorded);
  expect(durationMs(sound)).toBeGreaterThan(talkMs - BEGIN_MS);
  expect(dominantHz(sound)).toBe(hz);
  expect(shareOf(sound, hz)).toBeGreaterThan(0.9);
  expect(longestGapMs(sound)).toBeLessThanOrEqual(100);
}
