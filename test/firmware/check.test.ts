/**
 * The steps of `npm run firmware -- --check` on small folders in place of the SDK and of ESP-IDF: the problems that
 * each step finds and tells. Not here: the steps on the real ones, which docs/verification.md tells of.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chipOf, processorOf, ROOT } from "../../scripts/firmware/boards.js";
import { addSizes, findCompiler, partitionBytes, undeclared } from "../../scripts/firmware/compile.js";
import { emulatorArguments, flashContent, lackOfEmulator } from "../../scripts/firmware/emulate.js";
import { COMPILER, compilations, Headers, missingHeaders } from "../../scripts/firmware/headers.js";
import { lackOfIdf } from "../../scripts/firmware/image.js";
import { idfVersion, otherVersions, sdkVersion } from "../../scripts/firmware/tools.js";
import { missing } from "../../scripts/firmware.js";

const SDKCONFIG = join(import.meta.dirname, "..", "..", "scripts", "firmware", "sdkconfig.py");
const hasKconfiglib = spawnSync("/usr/bin/python3", ["-c", "import kconfiglib"]).status === 0;
const hasGcc = spawnSync("gcc", ["--version"]).status === 0;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "portero-check-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function program(name: string): void {
  chmodSync(write(name, "#!/bin/sh\nexit 0\n"), 0o755);
}

function idf(version: readonly number[]): string {
  const [major, minor, patch] = version;
  const text =
    "set(IDF_VERSION_MAJOR " +
    major +
    ")\nset(IDF_VERSION_MINOR " +
    minor +
    ")\nset(IDF_VERSION_PATCH " +
    patch +
    ")\n";
  write("idf/tools/cmake/version.cmake", text);
  return join(folder, "idf");
}

describe("Another version", () => {
  it("of the SDK or of ESP-IDF is named, with the one that is known to work", () => {
    write("sdk/tools/VERSION", "8.1.0\n");
    const env = { MODDABLE: join(folder, "sdk"), IDF_PATH: idf([5, 4, 2]) };
    expect(otherVersions(env)).toEqual([
      "MODDABLE is of version 8.1.0; known to work: 8.2.3",
      "IDF_PATH is of version 5.4.2; known to work: 6.0.2",
    ]);
    expect(otherVersions({ MODDABLE: join(folder, "nothing") })).toEqual([
      "MODDABLE is of version (none told); known to work: 8.2.3",
    ]);
  });

  it("is not told where there is none: the known ones, and what is not set", () => {
    write("sdk/tools/VERSION", "8.2.3\n");
    const env = { MODDABLE: join(folder, "sdk"), IDF_PATH: idf([6, 0, 2]) };
    expect([sdkVersion(env.MODDABLE), idfVersion(env.IDF_PATH)]).toEqual(["8.2.3", "6.0.2"]);
    expect(otherVersions(env)).toEqual([]);
    expect(otherVersions({})).toEqual([]);
  });

  it("and a folder that is no ESP-IDF is refused", () => {
    program("build/bin/lin/release/mcconfig");
    const env = { MODDABLE: folder, IDF_PATH: join(folder, "nothing") };
    expect(missing(["--check", "generic_esp32"], env)).toMatch(/^IDF_PATH is no folder of ESP-IDF [^\n]* 6\.0\.2$/);
  });
});

describe("What make would compile", () => {
  it("is read from its commands: source, object, flags", () => {
    const printed = [
      "# something",
      COMPILER +
        " -D__ets__ -DESP32=4 -c -Os -MMD -D BOOTLOADER_BUILD=1 -MP -I/sdk/a -I/sdk/b /sdk/a/one.c -o out/one.c.o",
      "cp -f /sdk/x.c y.c",
      "\t" + COMPILER + " -c two.c \\\n -o two.c.o",
    ].join("\n");
    expect(compilations(printed)).toEqual([
      {
        source: "/sdk/a/one.c",
        object: "out/one.c.o",
        flags: ["-D__ets__", "-DESP32=4", "-Os", "-D", "BOOTLOADER_BUILD=1", "-I/sdk/a", "-I/sdk/b"],
      },
      { source: "two.c", object: "two.c.o", flags: [] },
    ]);
  });
});

describe.skipIf(!hasGcc)("A header", () => {
  const missingOf = (source: string, ...flags: string[]) => missingHeaders({ source, object: "", flags });

  it("that the SDK has and no manifest includes is found, below another header too", () => {
    write("sdk/modules/pins/digital/modGPIO.h", "");
    write("sdk/modules/io/spi/spi.h", '#include "modGPIO.h"\n#include "driver/spi_master.h"\n');
    const source = write("sdk/modules/io/spi/esp/spi.c", '#include "spi.h"\nint x;\n');
    const found = missingOf(source, "-I" + join(folder, "sdk/modules/io/spi"));
    expect(found.sort()).toEqual(["driver/spi_master.h", "modGPIO.h"]);
    const headers = new Headers([join(folder, "sdk")]);
    expect(found.map((name) => headers.find(name))).toEqual(["", join(folder, "sdk/modules/pins/digital/modGPIO.h")]);
    expect(
      missingOf(source, ...["io/spi", "pins/digital"].map((one) => "-I" + join(folder, "sdk/modules", one))),
    ).toEqual(["driver/spi_master.h"]);
  });

  it("counts by its whole name, and only where the preprocessor comes to", () => {
    write("sdk/uart.h", "");
    write("sdk/driver/i2c.h", "");
    const headers = new Headers([join(folder, "sdk")]);
    expect(headers.find("driver/uart.h")).toBe("");
    expect(headers.find("driver/i2c.h")).toBe(join(folder, "sdk/driver/i2c.h"));
    const source = write("one.c", "#if OTHER\n#include <uart.h>\n#else\n#include <driver/i2c.h>\n#endif\n");
    expect(missingOf(source)).toEqual(["driver/i2c.h"]);
    expect(missingOf(source, "-DOTHER=1")).toEqual(["uart.h"]);
    expect(missingOf(source, "-D", "OTHER=1")).toEqual(["uart.h"]);
  });

  it("is told although another one gives up", () => {
    const source = write("one.c", '#include "gone.h"\n#error no options\n');
    expect(missingOf(source)).toEqual(["gone.h"]);
    expect(() => missingOf(join(folder, "nothing.c"))).toThrow("cannot read");
  });
});

describe("No cross compiler", () => {
  it("is told with Debian's packages, and Espressif's own is taken first", () => {
    const env = { PATH: join(folder, "bin") };
    expect(findCompiler("esp32c3", env)).toMatch(/Debian's packages gcc-riscv64-unknown-elf and picolibc-riscv64/);
    expect(findCompiler("esp32s3", env)).toMatch(/Debian's packages gcc-xtensa-lx106 and picolibc-xtensa/);
    program("bin/xtensa-esp32s3-elf-gcc");
    expect(findCompiler("esp32s3", env)).toMatchObject({ prefix: "xtensa-esp32s3-elf-", flags: [], options: [] });
    // A compiler that finds no C library.
    chmodSync(write("bin/riscv64-unknown-elf-gcc", "#!/bin/sh\nexit 1\n"), 0o755);
    expect(findCompiler("esp32c3", env)).toMatch(/^no cross compiler/);
    program("bin/riscv64-unknown-elf-gcc");
    expect(findCompiler("esp32c3", env)).toMatchObject({
      prefix: "riscv64-unknown-elf-",
      options: ["LIBC_PICOLIBC=y"],
    });
  });

  it("and no emulator, no whole ESP-IDF: each in one line that says what brings it", () => {
    const env = { PATH: join(folder, "bin"), IDF_PATH: idf([6, 0, 2]) };
    expect(lackOfEmulator(env)).toMatch(/^qemu-system-riscv32 is not on the PATH: [^\n]*install qemu-riscv32[^\n]*$/);
    expect(lackOfIdf("", "esp32", env)).toMatch(/^IDF_PATH is not set/);
    expect(lackOfIdf(env.IDF_PATH, "esp32", env)).toMatch(/^idf\.py is not on the PATH/);
    program("bin/idf.py");
    expect(lackOfIdf(env.IDF_PATH, "esp32c3", env)).toMatch(/^riscv32-esp-elf-gcc is not on the PATH/);
    program("bin/riscv32-esp-elf-gcc");
    expect(lackOfIdf(env.IDF_PATH, "esp32c3", env)).toMatch(/git submodule update/);
    mkdirSync(join(env.IDF_PATH, "components/esp_wifi/lib/esp32c3"), { recursive: true });
    expect(lackOfIdf(env.IDF_PATH, "esp32c3", env)).toBe("");
    program("bin/qemu-system-riscv32");
    expect(lackOfEmulator(env)).toBe("");
  });

  it("nor an emulator of the machine's own, for a board that has none", () => {
    expect(missing(["generic_esp32", "--emulate"], {})).toMatch(/^there is no emulator for generic_esp32; [^\n]*$/);
    expect(missing(["esp32c3_qemu", "--emulated"], {})).toMatch(/^usage: /);
    expect(missing(["--check", "toaster"], {})).toMatch(/^usage: /);
    expect(missing(["--check", "lin", "lin"], {})).toMatch(/^usage: /);
  });
});

describe("A function that no header declares", () => {
  it("is a failure of the project's files unless the archive has it, and a note of the SDK's", () => {
    const at = (path: string, name: string) =>
      path + ":10:5: warning: implicit declaration of function '" + name + "' [-Wimplicit-function-declaration]\n";
    const mine = join(ROOT, "hal/native/i2s.c");
    const output = at(mine, "i2s_gone") + at(mine, "i2s_gone") + at(mine, "xs_there") + at("modTime.c", "c_gone");
    expect(undeclared(output, "00000000 T xs_there\n00000010 D other\n")).toEqual({
      problems: ["i2s.c calls i2s_gone, which no header declares"],
      notes: ["SDK: modTime.c calls c_gone, which no header declares"],
    });
  });
});

describe("Sizes", () => {
  it("are added up by sections of the archive's files", () => {
    const printed = [
      "one.c.o   (ex lib.a):",
      "section               size   addr",
      ".text                    0      0",
      ".text.xs_one           100      0",
      ".literal.xs_one         20      0",
      ".rodata.str1.4          30      0",
      ".srodata.cst8            8      0",
      ".data.x                  4      0",
      ".sbss.y                  2      0",
      ".bss.z                  64      0",
      ".debug_info           9999      0",
      ".riscv.attributes       33      0",
      "Total                10260",
    ].join("\n");
    expect(addSizes(printed + "\n" + printed)).toEqual({ text: 240, rodata: 76, data: 8, bss: 132 });
  });

  it("are held against the program's partition, however that is written", () => {
    const table = (size: string) =>
      "# Name, app, x\nnvs,      data, nvs,     0x9000,  0x6000,\nfactory, app, factory, 0x10000, " + size + ",";
    expect(["0x3F0000", "4128768", "4032K", "2M"].map((size) => partitionBytes(table(size)))).toEqual([
      4128768, 4128768, 4128768, 2097152,
    ]);
    expect(partitionBytes("nvs, data, nvs, , 0x6000")).toBe(0);
  });

  it("are those of the board's chip", () => {
    expect(["m5atom_echo_s3r", "generic_esp32", "esp32c3_qemu"].map(chipOf)).toEqual(["esp32s3", "esp32", "esp32c3"]);
    expect(["esp32", "esp32s3", "esp32c3", "esp32c6"].map(processorOf)).toEqual(["xtensa", "xtensa", "riscv", "riscv"]);
  });
});

describe.skipIf(!hasKconfiglib)("The options of a board (needs Debian's python3-kconfiglib)", () => {
  function evaluate(merged: string, board: string, ...last: string[]) {
    write(
      "idf/Kconfig",
      'mainmenu "x"\nsource "$COMPONENT_KCONFIGS_PROJBUILD_SOURCE_FILE"\nsource "$COMPONENT_KCONFIGS_SOURCE_FILE"\n',
    );
    write(
      "idf/components/one/Kconfig",
      'menu "One"\n    help\n        Text.\nconfig ONE\n    bool "one"\nconfig SIZE\n    int "size"\n    default 5\n    range 1 9\n' +
        'config TWO\n    bool "two"\n    depends on ONE\nendmenu\n',
    );
    write("idf/components/one/sdkconfig.rename", "CONFIG_OLD_SIZE CONFIG_SIZE\n");
    const header = join(folder, "out/sdkconfig.h");
    const args = [join(folder, "idf"), "esp32", write("merged", merged), write("board", board), header, ...last];
    const { status, stdout, stderr } = spawnSync("/usr/bin/python3", [SDKCONFIG, ...args], { encoding: "utf8" });
    expect(stderr).toBe("");
    return { status, lines: stdout.trim(), header: readFileSync(header, "utf8") };
  }

  it("become the header that C sees", () => {
    const { status, lines, header } = evaluate("CONFIG_ONE=y\nCONFIG_SIZE=7\n", "CONFIG_SIZE=7\n", "SIZE=8");
    expect([status, lines]).toEqual([0, ""]);
    expect(header).toMatch(/define CONFIG_ONE 1/);
    expect(header).toMatch(/define CONFIG_SIZE 8/);
  });

  it.each([
    ["CONFIG_OEN=y", "board: ESP-IDF knows no option CONFIG_OEN"],
    ["CONFIG_OEN=n", "board: ESP-IDF knows no option CONFIG_OEN"],
    ["CONFIG_OLD_SIZE=7", "board: ESP-IDF knows no option CONFIG_OLD_SIZE; it is CONFIG_SIZE now"],
    ["CONFIG_TWO=y", "board: CONFIG_TWO=y has no effect: it is n"],
    ["CONFIG_SIZE=12", "board: CONFIG_SIZE=12 has no effect: it is 5"],
  ])("%s that is not known or has no effect is a failure", (line, told) => {
    expect(evaluate(line + "\n", line + "\n")).toMatchObject({ status: 1, lines: told });
  });

  it("of the SDK alone are told and are no failure", () => {
    expect(evaluate("CONFIG_OEN=y\nCONFIG_OLD_SIZE=3\n", "CONFIG_ONE=y\n")).toMatchObject({
      status: 0,
      lines: "SDK: ESP-IDF knows no option CONFIG_OEN",
    });
  });
});

describe("A board is flashed", () => {
  /** A small twin of the SDK's tool: it notes its targets, and builds according to `image`. */
  function flash(image: string): { asked: string[]; status: number | null; told: string } {
    const built = join(folder, "out/xiao_esp32s3/tmp/esp32/release/xiao_esp32s3/xsProj-esp32s3/build");
    const log = join(folder, "asked");
    const make =
      image === ""
        ? ""
        : 'case "$5" in build) mkdir -p ' + built + "; echo " + image + " > " + built + "/xs_esp32.bin;; esac\n";
    for (const system of ["lin", "mac"]) {
      const path = write(
        "sdk/build/bin/" + system + "/release/mcconfig",
        '#!/bin/sh\necho "$5 $8" >> ' + log + "\n" + make,
      );
      chmodSync(path, 0o755);
    }
    write("sdk/tools/VERSION", "8.2.3\n");
    for (const name of ["idf.py", "xtensa-esp32s3-elf-gcc"]) program("bin/" + name);
    mkdirSync(join(folder, "idf/components/esp_wifi/lib/esp32s3"), { recursive: true });
    const path = join(folder, "bin") + delimiter + process.env.PATH;
    const more = {
      MODDABLE: join(folder, "sdk"),
      IDF_PATH: idf([6, 0, 2]),
      PORTERO_OUT: join(folder, "out"),
      PATH: path,
    };
    const env = { ...process.env, ...more };
    const args = ["--import", "tsx", join(ROOT, "scripts/firmware.ts"), "xiao_esp32s3"];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      env,
      cwd: ROOT,
      encoding: "utf8",
      input: "",
    });
    return { asked: readFileSync(log, "utf8").trim().split("\n"), status, told: stdout + stderr };
  }

  it("after it was built, with what to do at its buttons; and not when there is no image", () => {
    const manifest = join(ROOT, "hal/boards/xiao_esp32s3/manifest.json");
    const good = flash("image");
    expect([good.asked, good.status]).toEqual([["build " + manifest, "deploy " + manifest], 0]);
    expect(good.told).toMatch(/^INSTRUCTIONS: Hold [\s\S]*^Press and release/m);
    rmSync(join(folder, "asked"));
    const bad = flash("");
    expect([bad.asked, bad.status]).toEqual([["build " + manifest], 1]);
    expect(bad.told).toContain("no image was made for xiao_esp32s3");
  });
});

describe("The emulated machine", () => {
  it("keeps its settings when another image is put into its flash", () => {
    const files = { "0x0": "boot.bin", "0x8000": "table.bin", "0x10000": "app.bin" };
    write("build/flasher_args.json", JSON.stringify({ flash_files: files }));
    write(
      "partitions.csv",
      "# Name\nnvs,      data, nvs,     0x9000,  0x006000,\nfactory,  app,  factory, 0x10000, 0x3F0000,\n",
    );
    for (const [name, text] of [
      ["boot", "B"],
      ["table", "T"],
      ["app", "A1"],
    ])
      write("build/" + name + ".bin", text);
    const first = flashContent(join(folder, "build"), null);
    expect([first[0], first[1], first[0x8000], first[0x9000], first[0x10001]]).toEqual([66, 255, 84, 255, 49]);
    first[0x9000] = 1;
    first[0xefff] = 2;
    first[0xf000] = 3;
    write("build/app.bin", "A2");
    const second = flashContent(join(folder, "build"), first);
    expect([second[0x9000], second[0xefff], second[0xf000], second[0x10001]]).toEqual([1, 2, 255, 50]);
    expect(second.length).toBe(4 * 1024 * 1024);
  });

  it("is reached on loopback alone", () => {
    const args = emulatorArguments({ flash: "f", efuse: "e", sipPort: 20000, rtpPort: 20002 });
    const network = args[args.indexOf("-nic") + 1];
    expect(network).toContain("hostfwd=udp:127.0.0.1:20000-:5060,hostfwd=tcp:127.0.0.1:20000-:5060");
    const forwards = network.split(",").filter((part) => part.startsWith("hostfwd="));
    expect(forwards.length).toBe(10);
    for (const one of forwards) expect(one).toMatch(/^hostfwd=(udp|tcp):127\.0\.0\.1:\d+-:\d+$/);
  });
});
