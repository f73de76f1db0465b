/** Runs the host tool as a program, at a console on a TCP port. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openTcpSerial, type SerialPort } from "../../host-sim/io/serial.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Console } from "../../src/console/console.js";
import { Terminal } from "../../src/console/terminal.js";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { Flow } from "../../src/transaction/flow.js";
import { TRANSPORT_UDP } from "../../src/wire/names.js";
import { House } from "../intercom/house.js";
import { type Ended, program, runHere } from "../programs.js";
import { World } from "../ua/harness.js";

let folder: string;
let house: House;
let line: Console;
let serial: SerialPort & { readonly port: number };
let heard: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "portero-config-"));
  house = new House(new World());
  line = new Console(house.door, { store: new MemoryStore(), restart: () => {}, reboot: null, log: house.log });
  heard = [];
  serial = await openTcpSerial({
    address: ipv4("127.0.0.1"),
    port: 0,
    greeting: "Portero\n",
    user: {
      line: (input) => {
        if (input !== "") heard.push(input);
        return line.line(input);
      },
      complete: () => [],
    },
  });
});

afterEach(() => {
  serial.close();
  rmSync(folder, { recursive: true, force: true });
});

/** @param input for its stdin, null to leave it open */
function start(
  args: string[],
  input: string | null,
  port = serial.port,
): { child: ChildProcess; outcome: Promise<Ended> } {
  const child = spawn(process.execPath, [program("portero-config"), "--tcp", `127.0.0.1:${port}`, ...args], {
    timeout: 30_000,
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (bytes) => {
    out += bytes;
  });
  child.stderr.on("data", (bytes) => {
    err += bytes;
  });
  if (input !== null) child.stdin.end(input);
  const outcome = new Promise<Ended>((resolve) =>
    child.once("close", (code) => resolve({ code: code ?? -1, out, err })),
  );
  return { child, outcome };
}

function tool(args: string[], input = ""): Promise<Ended> {
  return runHere("portero-config", ["--tcp", `127.0.0.1:${serial.port}`, ...args], input);
}

function file(content: unknown): string {
  const path = join(folder, "door.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe("the host tool", { timeout: 60_000 }, () => {
  it("sets several settings at once, in force and saved", async () => {
    expect(await tool(["set", "call.ringTime=25", "sip.password=geheim"])).toEqual({
      code: 0,
      out: "2 saved\n",
      err: "",
    });
    expect(house.settings.text("call.ringTime")).toBe("25");
    expect(house.settings.text("sip.password")).toBe("geheim");
  });

  it("sends nothing when one of them is wrong", async () => {
    const { code, err } = await tool(["set", "call.ringTime=25", "sip.port=99999"]);
    expect([code, err]).toEqual([2, "sip.port: '99999' is not allowed: a whole number from 1 to 65535\n"]);
    expect(heard).toEqual([]);
  });

  it("takes a file over whole, and gives it back by backup without secrets", async () => {
    const settings = { "call.ringTime": 30, "relay1.pulse": 2.5, "sip.name": "T\u00fcr 2", "relay1.code": "4711" };
    expect((await tool(["apply", file(settings)])).out).toBe("4 saved\n");
    const copy = join(folder, "copy.json");
    expect(await tool(["backup", copy])).toEqual({
      code: 0,
      out: "",
      err: "left out: relay1.code (--with-secrets seals them by a passphrase)\n",
    });
    expect(JSON.parse(readFileSync(copy, "utf8"))).toMatchObject({
      version: 1,
      "call.ringTime": 30,
      "relay1.pulse": 2.5,
      "sip.name": "T\u00fcr 2",
      "sip.port": 5060,
      leftOut: ["relay1.code"],
    });
    await tool(["set", "sip.port=5070", "call.ringTime=60"]);
    expect(await tool(["apply", copy])).toMatchObject({ code: 0, err: "left as they are on the door: relay1.code\n" });
    expect(["sip.port", "call.ringTime"].map((key) => house.settings.text(key))).toEqual(["5060", "30"]);
  });

  it("seals secrets by a passphrase from stdin, and opens them by no other", async () => {
    house.set("console.password=sesam", "sip.password=geheim", "relay1.code=4711");
    const copy = join(folder, "copy.json");
    const args = ["--password-stdin", "backup", "--with-secrets", copy];
    expect(await tool(args, "sesam\npass phrase\n")).toEqual({ code: 0, out: "", err: "" });
    expect(readFileSync(copy, "utf8")).not.toMatch(/geheim|4711|sesam/);
    house.set("sip.password=other", "relay1.code=", "phone1.password=x");
    for (const [input, problem] of [
      ["sesam\nwrong\n", `${copy}: wrong passphrase, or what is sealed was changed\n`],
      ["sesam\n", `${copy}: its secrets need the passphrase on standard input, or --without-secrets\n`],
    ]) {
      const result = await tool(["--password-stdin", "apply", copy], input);
      expect([result.code > 0, result.out, result.err]).toEqual([true, "", problem]);
    }
    const kept = await tool(["--password-stdin", "apply", "--without-secrets", copy], "sesam\n");
    expect(kept.err).toBe("left as they are on the door: sip.password, phone1.password, console.password\n");
    expect((await tool(["--password-stdin", "apply", copy], "sesam\npass phrase\n")).err).toBe("");
    const now = ["sip.password", "relay1.code", "phone1.password"].map((key) => house.settings.text(key));
    expect(now).toEqual(["geheim", "4711", ""]);
  });

  it("takes set KEY VALUE, asks for secrets, and reads them out of files", async () => {
    expect((await tool(["set", "sip.name", "Front", "door"])).out).toBe("1 saved\n");
    expect((await tool(["set", "audio.volume", "-10"])).out).toBe("1 saved\n");
    expect((await tool(["set", "sip.password", "tone.volume=5", "relay1.code"], "geheim\n4711\n")).out).toBe(
      "3 saved\n",
    );
    const path = join(folder, "secret");
    writeFileSync(path, "wifi secret\r\n");
    expect(
      (await tool(["set", "--set-file", `wifi.password=${path}`, "--set-file", "phone1.password=-"], "x\n")).code,
    ).toBe(0);
    const keys = [
      "sip.name",
      "audio.volume",
      "sip.password",
      "tone.volume",
      "relay1.code",
      "wifi.password",
      "phone1.password",
    ];
    expect(keys.map((key) => house.settings.text(key))).toEqual([
      "Front door",
      "-10",
      "geheim",
      "5",
      "4711",
      "wifi secret",
      "x",
    ]);
    for (const [args, problem] of [
      [["set", "sip.name"], "'sip.name' has no value: write KEY=VALUE, or KEY VALUE\n"],
      [["set", "sip.nam", "x"], "sip.nam: no such key; did you mean sip.name?\n"],
      [["set", "sip.name", "x", "sip.user=y"], "'sip.name' has no value: write KEY=VALUE, or KEY VALUE\n"],
      [["set", "--set-file", "sip.prt=x"], "--set-file sip.prt: no such key; did you mean sip.port?\n"],
    ] as const)
      expect(await tool([...args])).toEqual({ code: 2, out: "", err: problem });
  });

  it("sends nothing of a file with one mistake, and names each", async () => {
    const { code, err } = await tool(["apply", file({ "call.ringTime": 30, "relay1.pulse": 99, "sip.prot": 1 })]);
    expect(code).toBe(2);
    expect(err).toContain("relay1.pulse: '99' is not allowed: a number from 0.5 to 60 s\n");
    expect(err).toContain("sip.prot: no such key");
    expect((await tool(["apply", file("{")])).code).toBe(2);
    expect(heard).toEqual([]);
  });

  it("leaves the door as it was when that refuses", async () => {
    const refusing = new MemoryStore();
    refusing.write = () => {
      throw new Error("flash is full");
    };
    line = new Console(house.door, { store: refusing, restart: () => {}, reboot: null, log: house.log });
    const { code, err } = await tool(["set", "call.ringTime=25"]);
    expect([code, err]).toEqual([1, "not saved: flash is full\n"]);
    expect(line.line("diff")).toBe("nothing is waiting for save\n");
    expect(house.settings.text("call.ringTime")).toBe("60");
  });

  it("drops what was set on its line before and never saved, and says what", async () => {
    line.line("set sip.name half");
    const { code, out, err } = await tool(["set", "call.ringTime=25"]);
    expect([code, out, err]).toEqual([0, "1 saved\n", "dropped, set on this line before and never saved: sip.name\n"]);
    expect(["call.ringTime", "sip.name"].map((key) => house.settings.text(key))).toEqual(["25", ""]);
  });

  it("logs out at its end, and also when a signal ends it", async () => {
    house.set("console.password=sesam");
    await tool(["--password-stdin", "get", "call.ringTime"], "sesam\n");
    expect(heard.at(-1)).toBe("logout --json");
    expect(line.line("get call.ringTime")).toContain("locked");
    const running = start(["--password-stdin", "monitor"], "sesam\n");
    await vi.waitFor(() => expect(heard.at(-1)).toBe("diff --json"), 10_000);
    running.child.kill("SIGTERM");
    expect((await running.outcome).code).toBe(0);
    expect(heard.at(-1)).toBe("logout --json");
  });

  it("carries out nothing that is half typed on the line of a board, as a console either", async () => {
    let socket: Socket | null = null;
    const user = {
      line: (input: string) => {
        heard.push(input);
        return line.line(input);
      },
      complete: () => [],
    };
    const terminal = new Terminal(user, (text) => void socket?.write(text));
    const board = createServer((opened) => {
      socket = opened;
      opened.on("error", () => {});
      opened.on("data", (bytes: Buffer) => terminal.receive(bytes, 0, bytes.length));
    });
    await new Promise<void>((resolve) => board.listen(0, "127.0.0.1", resolve));
    const typed = octets("open");
    terminal.receive(typed, 0, typed.length);
    const { code, out } = await start(["console"], "version\n", (board.address() as AddressInfo).port).outcome;
    expect([code, out]).toEqual([0, "Portero 0.1.0\n"]);
    expect(heard).toEqual(["version", "logout"]);
    board.close();
  });

  it.each(["monitor", "console"])("%s says so when the line is closed or reset", async (verb) => {
    for (const end of ["destroy", "resetAndDestroy"] as const) {
      const sockets: Socket[] = [];
      const door = createServer((socket) => {
        sockets.push(socket);
        socket.on("error", () => {});
        socket.on("data", (bytes) => {
          if (bytes.includes("version")) socket.write('{"ok":true,"version":"0"}\n');
          if (bytes.includes("diff")) socket.write('{"ok":true}\n');
          if (bytes.includes("diff") || verb === "console") setTimeout(() => socket[end](), 100);
        });
      });
      await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
      const running = start([verb], null, (door.address() as AddressInfo).port);
      const { code, err } = await running.outcome;
      expect(code).toBe(1);
      expect(err).toMatch(/^(the line was closed|read ECONNRESET)\n$/);
      door.close();
    }
  });

  it("ends without a word when nobody reads what it prints", async () => {
    const running = start(["monitor"], "");
    await vi.waitFor(() => expect(heard.at(-1)).toBe("diff --json"), 10_000);
    running.child.stdout?.destroy();
    const flood = setInterval(() => serial.print("relay on relay=1\n"), 20);
    const { code, err } = await running.outcome;
    clearInterval(flood);
    expect([code, err]).toEqual([0, ""]);
  });

  it("logs in with the password from stdin", async () => {
    house.set("console.password=sesam");
    expect((await tool(["get", "call.ringTime"])).err).toBe("the console is locked: login PASSWORD first\n");
    expect((await tool(["--password-stdin", "get", "call.ringTime"], "sesam\n")).out).toBe("call.ringTime 60\n");
  });

  it("shows the last call's messages, and writes them for Wireshark", async () => {
    const none = await tool(["trace"]);
    expect([none.code, none.err]).toEqual([1, "there was no call since the start\n"]);
    const flow = new Flow();
    flow.set(TRANSPORT_UDP, ipv4("192.0.2.7"), 5060, -1);
    const bytes = octets("INVITE sip:b@192.0.2.7 SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n");
    house.door.trace.onMessage(true, flow, bytes, 0, bytes.length);
    expect((await tool(["trace"])).out).toBe("     0.000 -> 192.0.2.7:5060            INVITE sip:b@192.0.2.7\n");
    const path = join(folder, "call.pcap");
    expect((await tool(["trace", path])).code).toBe(0);
    expect(
      readFileSync(path)
        .subarray(24 + 16 + 28)
        .toString(),
    ).toBe(Buffer.from(bytes).toString());
  });

  it("passes lines to the console and shows what it says", async () => {
    const { out } = await tool(["console"], "get call.ringTime\n");
    expect(out).toContain("call.ringTime 60\r\n");
  });

  it("says in one line when there is nobody", async () => {
    serial.close();
    const { code, err } = await tool(["get"]);
    expect([code, err]).toEqual([1, `no console at 127.0.0.1:${serial.port}: nobody listens\n`]);
  });
});
