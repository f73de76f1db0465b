/** Every test that needs nothing but npm packages. The tests against other programs have a configuration of their own: test/interop. */
import { configDefaults, defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "test/interop/**"],
    testTimeout: 20_000,
  },
});
