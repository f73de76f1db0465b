/**
 * Runs the tests with baresip, Linphone, Twinkle, SIPp, Kamailio and Redis. Those with a door run with the limits of
 * the reference board, and most of them once more with those of a plain one, which is no server. They wait most of the
 * time, and four files run at once; after them the tests that load the machine run one at a time.
 */
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { programsMade } from "../programs.js";

const DOORS = ["door-*.test.ts"];
/** Hundreds of calls at once: they would fail beside others, and others beside them. */
const CROWDS = ["flood.test.ts", "proxy-crowd.test.ts", "redis.test.ts", "server.test.ts"];
/** What they try takes a door with any limits. */
const ANY_BOARD = ["door-outbound.test.ts", "door-nat.test.ts", "door-failover.test.ts"];

/** They wait for what comes after tens of seconds: begun last, they would run on alone. */
const LONGEST = ["door-linphone", "door-outbound", "tls", "srtp", "door-baresip", "door-kamailio"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith("/" + name + ".test.ts"));
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    root: import.meta.dirname,
    testTimeout: 60_000,
    hookTimeout: 30_000,
    env: programsMade("portero-sim", "portero-server"),
    // The sound is in real time on a machine that may be busy otherwise: a fault that comes twice is a fault.
    retry: 1,
    sequence: { sequencer: LongestFirst },
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
          exclude: [...DOORS, ...CROWDS, "peers.test.ts"],
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "crowds",
          include: CROWDS,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
