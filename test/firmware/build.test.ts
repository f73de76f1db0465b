/** Tests the firmware's command without an SDK, and that all files named by the manifests exist. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { BOARDS, EMULATED } from "../../scripts/firmware/boards.js";
import { missing } from "../../scripts/firmware.js";
import { current, PRODUCTS } from "../../scripts/wiring.js";

const ROOT = join(import.meta.dirname, "..", "..");

describe("npm run firmware", () => {
  it("says in one line what is missing", () => {
    expect(missing(["--check"], {})).toMatch(/^MODDABLE is not set[^\n]*$/);
    expect(missing(["--check"], { MODDABLE: "nowhere" })).toMatch(/^MODDABLE has no built tools[^\n]*$/);
    expect(missing(["toaster"], {})).toMatch(/^usage: [^\n]*boards: [^\n]*\blin\b/);
    expect(missing([], {})).toMatch(/^usage: /);
  });
});

describe("The manifests", () => {
  const files = [
    "manifest.json",
    "src/manifest.json",
    "hal/moddable/wired/manifest.json",
    "hal/moddable/usb/manifest.json",
    "hal/moddable/uart/manifest.json",
  ];
  for (const [, manifest] of Object.values(BOARDS)) if (!files.includes(manifest)) files.push(manifest);

  it.each(files)("%s names modules that are there", (file) => {
    const manifest = JSON.parse(readFileSync(join(ROOT, file), "utf8"));
    const sources = Object.values<string | string[]>(manifest.modules)
      .flat()
      .filter((source) => !source.startsWith("$("));
    expect(sources.length).toBeGreaterThan(0);
    for (const source of sources) {
      const path = join(ROOT, dirname(file), source.replace(/\/\*$/, ""));
      expect(
        [".ts", ".c", ".h", ""].some((end) => existsSync(path + end)),
        source,
      ).toBe(true);
    }
  });

  it("switch the watchdog on, and let a panic start the chip again", () => {
    for (const [board, [platform, manifest]] of Object.entries(BOARDS)) {
      if (!platform.startsWith("esp32")) continue;
      const { build } = JSON.parse(readFileSync(join(ROOT, manifest), "utf8"));
      const options = readFileSync(join(ROOT, dirname(manifest), build.SDKCONFIGPATH, "sdkconfig.defaults"), "utf8");
      for (const option of ["TASK_WDT_EN", "TASK_WDT_PANIC", "SYSTEM_PANIC_PRINT_REBOOT"])
        expect(options.split("\n"), board).toContain("CONFIG_ESP_" + option + "=y");
    }
  });

  it("let no board write a core dump while its relay stays as it was, and XS on an ESP32-S3 have a fast PSRAM", () => {
    let roomy = 0;
    for (const [board, [platform, manifest]] of Object.entries(BOARDS)) {
      if (!platform.startsWith("esp32")) continue;
      const { build } = JSON.parse(readFileSync(join(ROOT, manifest), "utf8"));
      const text = readFileSync(join(ROOT, dirname(manifest), build.SDKCONFIGPATH, "sdkconfig.defaults"), "utf8");
      const options = text.split("\n");
      expect(options, board).toContain("CONFIG_ESP_COREDUMP_ENABLE_TO_NONE=y");
      expect(options, board).toContain("CONFIG_ESP_COREDUMP_ENABLE_TO_UART=n");
      if (!options.includes("CONFIG_SPIRAM=y")) continue;
      roomy += 1;
      for (const option of ["SPIRAM_SPEED_80M", "ESP32S3_DATA_CACHE_64KB"])
        expect(options, board).toContain("CONFIG_" + option + "=y");
    }
    expect(roomy).toBeGreaterThan(0);
  });

  it("give every board the options that all have, but for those of its console", () => {
    const common = readFileSync(join(ROOT, "hal/boards/sdkconfig/sdkconfig.defaults"), "utf8").split("\n");
    for (const [board, [platform, manifest]] of Object.entries(BOARDS)) {
      if (!platform.startsWith("esp32")) continue;
      const { build, include } = JSON.parse(readFileSync(join(ROOT, manifest), "utf8"));
      const folder = join(ROOT, dirname(manifest), build.SDKCONFIGPATH);
      const options = readFileSync(join(folder, "sdkconfig.defaults"), "utf8").split("\n");
      // The emulated chip has one core.
      if (board === EMULATED) continue;
      const hasUart = include.includes("../../moddable/uart/manifest.json");
      for (const line of common)
        if (line.startsWith("CONFIG_") && (hasUart || !line.startsWith("CONFIG_UART_")))
          expect(options, board).toContain(line);
    }
  });

  it("take in every folder of src/ that a door needs, and every board has its pins", () => {
    const { modules } = JSON.parse(readFileSync(join(ROOT, "src/manifest.json"), "utf8"));
    for (const entry of readdirSync(join(ROOT, "src"), { withFileTypes: true }))
      if (entry.isDirectory()) expect(modules["src/" + entry.name + "/*"]).toBe("./" + entry.name + "/*");
    for (const board of Object.keys(BOARDS)) expect(existsSync(join(ROOT, "hal/boards", board, "board.ts"))).toBe(true);
  });
});

describe("The wiring", () => {
  it("in docs is that of the boards: `npm run docs` makes it", async () => {
    const files = await current();
    expect(files.size).toBeGreaterThan(Object.keys(PRODUCTS).length);
    for (const [path, content] of files) expect(readFileSync(join(ROOT, path), "utf8"), path).toBe(content);
  });
});
