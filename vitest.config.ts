/**
 * Every test that needs nothing but npm packages. The tests against other programs and on
 * whole machines have configurations of their own: test/interop, test/emulated.
 */
import { configDefaults, defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    exclude: [...configDefaults.exclude, "test/interop/**", "test/emulated/**"],
    testTimeout: 20_000,
    projects: [
      { extends: true, test: { name: "all", include: ["test/**/*.test.ts"] } },
      // What happens at a door, once more with the limits of the smallest board.
      {
        extends: true,
        test: {
          name: "plain board",
          include: [
            "test/intercom/call-goes-over.test.ts",
            "test/intercom/door-stays-open.test.ts",
            "test/intercom/owner-opens-the-door.test.ts",
            "test/intercom/press-any-time.test.ts",
            "test/intercom/ring-any-order.test.ts",
            "test/intercom/someone-calls-the-door.test.ts",
            "test/intercom/sound-from-elsewhere.test.ts",
            "test/intercom/visitor-hears-tones.test.ts",
            "test/intercom/visitor-rings-a-house.test.ts",
          ],
          env: { BOARD: "generic_esp32" },
        },
      },
    ],
  },
});
