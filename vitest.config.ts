/**
 * Every test that needs nothing but npm packages. The tests against other programs and on
 * whole machines have configurations of their own: test/interop, test/emulated.
 */
import { configDefaults, defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "test/interop/**", "test/emulated/**"],
    testTimeout: 20_000,
  },
});
