/**
 * Every test that needs nothing but npm packages. The tests against other programs and on
 * whole machines have configurations of their own: test/interop, test/emulated.
 */
import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";

/** Tests of the core alone, which keeps nothing outside of its objects. */
const CORE =
  "test/{wire,core,dialog,media,transaction,ua,server,settings,intercom,console,driver,conformance,cases,sweep}/**/*.test.ts";
/** They measure what the heap has, so that nothing else may be in it. */
const MEMORY = "test/**/*memory.test.ts";

export default defineConfig({
  test: {
    testTimeout: 20_000,
    // One less than there are processors would be one of two.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        extends: true,
        test: {
          name: "core",
          include: [CORE],
          exclude: [...configDefaults.exclude, MEMORY],
          // The files of a worker share what they import: a quarter of the time would be compiling it anew.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: "machine",
          include: ["test/*.test.ts", "test/{host-sim,hal,xs,rv,bench}/**/*.test.ts"],
          exclude: [...configDefaults.exclude, MEMORY],
          isolate: false,
        },
      },
      {
        extends: true,
        // Each file in a process of its own: they put others in the place of modules, or measure the heap.
        test: { name: "alone", include: ["test/firmware/**/*.test.ts", MEMORY] },
      },
      // What happens at a door, once more with the limits of the smallest board, where those can matter.
      {
        extends: true,
        test: {
          name: "plain board",
          include: [
            "test/intercom/call-goes-over.test.ts",
            "test/intercom/door-stays-open.test.ts",
            "test/intercom/owner-opens-the-door.test.ts",
            "test/intercom/press-any-time.test.ts",
            "test/intercom/someone-calls-the-door.test.ts",
            "test/intercom/visitor-rings-a-house.test.ts",
          ],
          env: { BOARD: "generic_esp32" },
        },
      },
    ],
  },
});
