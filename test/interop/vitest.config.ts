/**
 * Runs the tests with baresip, Linphone, Twinkle, SIPp, Kamailio and Redis. Those with a door run with the limits of
 * the reference board, and most of them once more with those of a plain one, which is no server. They wait most of the
 * time, and four files run at once; after them the tests that load the machine run one at a time.
 */
import { defineConfig } from "vitest/config";

const DOORS = ["door-*.test.ts"];
/** What they try takes a door with any limits. */
const ANY_BOARD = ["door-outbound.test.ts", "door-nat.test.ts", "door-failover.test.ts"];

export default defineConfig({
  test: {
    root: import.meta.dirname,
    testTimeout: 60_000,
    hookTimeout: 30_000,
    // The sound is in real time on a machine that may be busy otherwise: a fault that comes twice is a fault.
    retry: 1,
    projects: [
      {
        extends: true,
        test: {
          name: "reference board",
          include: [...DOORS, "peers.test.ts"],
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "plain board",
          include: DOORS,
          exclude: ["door-server.test.ts", ...ANY_BOARD],
          env: { BOARD: "generic_esp32" },
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "servers",
          include: ["**/*.test.ts"],
          exclude: [...DOORS, "peers.test.ts"],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
