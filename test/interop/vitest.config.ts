/** Tests against baresip, SIPp and Kamailio: one file at a time, since the machine's two cores also carry the other programs' sound. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 30_000,
  },
});
