/**
 * Runs the panel's tests in Chromium, as a person uses it: `npm run test:panel`. One file runs at a time, because each
 * has a simulator and a browser of its own.
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    testTimeout: 240_000,
    hookTimeout: 90_000,
    fileParallelism: false,
    // The sound is in real time on a machine that may be busy otherwise: a fault that comes twice is a fault.
    retry: 1,
  },
});
