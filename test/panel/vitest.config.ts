/**
 * The panel in Chromium, as a person uses it: `npm run test:panel`. One file at a time, for each has a simulator and a
 * browser of its own.
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    testTimeout: 240_000,
    hookTimeout: 90_000,
    fileParallelism: false,
    // Sound in real time on a machine that may be busy otherwise: what goes wrong twice is wrong.
    retry: 1,
  },
});
