/**
 * Tests on a whole machine: on the emulated chip where Espressif's QEMU and ESP-IDF are, and on the program for Linux
 * where that is built.
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 120_000,
  },
});
