/**
 * Tests against baresip, SIPp and Kamailio: one file at a time, since the machine's two cores also carry the other programs' sound.
 * Those with a door run twice: with the limits of the reference board, and with those of a plain one, which is no server.
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 30_000,
    projects: [
      { extends: true, test: { name: "reference", include: ["**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "plain board",
          include: ["door-*.test.ts", "peers.test.ts"],
          exclude: ["door-server.test.ts"],
          env: { BOARD: "generic_esp32" },
        },
      },
    ],
  },
});
