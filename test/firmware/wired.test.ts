/**
 * A wired board: the twin of the SDK's Wi-Fi over a model of its Ethernet driver, joined by hal/moddable/join.ts, and
 * the whole firmware on it. The model has the driver's habits: "connecting" hides the link, `disconnect` forgets an
 * address that is not told again, a renewed lease is not told. Not here: the driver itself, which runs on a chip only.
 */
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { FixedAddress } from "../../hal/device.js";
import { Join } from "../../hal/moddable/join.js";
import WiredRadio from "../../hal/moddable/wired/radio.js";
import main from "../../src/main.js";
import { board, newBoard } from "./virtual.js";

vi.mock("embedded:io/digital", async () => ({ default: (await import("./virtual.js")).Digital }));
vi.mock("embedded:io/serial", async () => ({ default: (await import("./virtual.js")).Serial }));
vi.mock("embedded:io/smbus", async () => ({ default: (await import("./virtual.js")).SMBus }));
vi.mock("embedded:io/socket/listener", async () => ({ default: (await import("./virtual.js")).Listener }));
vi.mock("embedded:io/socket/tcp", async () => ({ default: (await import("./virtual.js")).TCP }));
vi.mock("embedded:network/interface/ethernet", async () => ({ default: (await import("./virtual.js")).Ethernet }));
// The manifest of a wired board makes the same replacement.
vi.mock("embedded:network/interface/wifi", async () => await import("../../hal/moddable/wired/radio.js"));
vi.mock("embedded:storage/key-value", async () => ({ default: (await import("./virtual.js")).KeyValue }));
vi.mock("net", async (original) => ({ ...(await original<object>()), default: { get: () => ["192.0.2.53"] } }));
vi.mock("time", async () => ({ default: (await import("./virtual.js")).Time }));
vi.mock("timer", async () => ({ default: (await import("./virtual.js")).Timer }));
vi.mock("../../hal/native/datagram.js", async () => ({ openUdp: (await import("./virtual.js")).openUdp }));
vi.mock("../../hal/native/i2s.js", async () => ({ openI2S: (await import("./virtual.js")).openI2S }));
vi.mock("../../hal/boards/board.js", async () => {
  const { BOARD } = await import("../../hal/boards/m5atom_echo_s3r/board.js");
  return { BOARD: { ...BOARD, isWired: true } };
});

const NO_LINK = "Ethernet: no link: is the cable plugged in at both ends, and the other end on?";
const seconds = (s: number) => board.clock.runUntil(board.clock.now() + 1000 * s);

beforeEach(() => newBoard());

function joining(fixed: FixedAddress | null = null): string[] {
  const told: string[] = [];
  const radio = new WiredRadio({ onChanged: () => join.changed() });
  const join: Join = new Join({
    radio,
    clock: board.clock,
    isWired: true,
    network: { ssid: "", password: "", fixed },
    onUp: (address) => told.push("up " + address),
    onDown: (reason) => told.push(reason),
  });
  join.start();
  return told;
}

describe("A cable", () => {
  it("brings the network up when there is an address, not before", async () => {
    const told = joining();
    board.cable.plug();
    await seconds(2);
    expect(told).toEqual([]);
    board.cable.give("192.0.2.1");
    await seconds(60);
    expect(told).toEqual(["up 192.0.2.1"]);
  });

  it("that is there before the firmware starts is found", async () => {
    board.cable.plug();
    board.cable.give("192.0.2.1");
    const told = joining();
    await seconds(1);
    expect(told).toEqual(["up 192.0.2.1"]);
  });

  it("that is missing is told apart from a network without addresses, whenever it is plugged in", async () => {
    const told = joining();
    await seconds(30);
    expect(told).toEqual([NO_LINK]);
    board.cable.plug();
    await seconds(60);
    expect(told.slice(1)).not.toContain(NO_LINK);
    expect(told).toContain("Ethernet: the network gives no address");
    board.cable.give("192.0.2.1");
    await seconds(1);
    expect(told.at(-1)).toBe("up 192.0.2.1");
  });

  it("that is pulled and plugged again brings it up again, however long it was out", async () => {
    for (const outS of [1, 25, 300]) {
      newBoard();
      board.cable.plug();
      board.cable.give("192.0.2.1");
      const told = joining();
      await seconds(60);
      board.cable.pull();
      await seconds(outS);
      expect(told[1]).toBe("Ethernet: the network is gone");
      board.cable.plug();
      await seconds(3);
      board.cable.give("192.0.2.1");
      await seconds(1);
      expect(told.at(-1), "out for " + outS + " s").toBe("up 192.0.2.1");
    }
  });

  it("with a fixed address has it as soon as it is plugged in, without DHCP", async () => {
    const told = joining({ address: "192.0.2.20", mask: "255.255.255.0", gateway: "0.0.0.0" });
    await seconds(5);
    expect(told).toEqual([]);
    board.cable.plug();
    await seconds(1);
    expect(told).toEqual(["up 192.0.2.20"]);
    board.cable.pull();
    await seconds(5);
    board.cable.plug();
    await seconds(5);
    expect(told).toEqual(["up 192.0.2.20", "Ethernet: the network is gone", "up 192.0.2.20"]);
  });

  it("over which another address comes tells it within ten seconds, though the driver does not", async () => {
    board.cable.plug();
    board.cable.give("192.0.2.1");
    const told = joining();
    await seconds(60);
    board.cable.renew("192.0.2.77");
    await seconds(10);
    expect(told).toEqual(["up 192.0.2.1", "up 192.0.2.77"]);
    board.cable.renew("fe80::1");
    await seconds(10);
    expect(told[2]).toBe("Ethernet: the network is gone");
    board.cable.renew("192.0.2.78");
    await seconds(10);
    expect(told.at(-1)).toBe("up 192.0.2.78");
  });
});

describe("The firmware on a wired board", () => {
  it("never asks for a Wi-Fi, says that the cable is missing, and is ready when it is there", async () => {
    board.start(main);
    await board.run(30_000, main);
    expect(board.printed).toContain("error " + NO_LINK);
    board.type("press\nwifi\nwifi scan\n");
    expect(board.printed).toContain("error: no network yet: is the cable plugged in?");
    expect(board.printed).toContain("this machine has no Wi-Fi");
    board.cable.plug();
    board.cable.give("192.0.2.1");
    await board.run(5000, main);
    expect(board.printed).toMatch(/^config ready address=sip:door@192\.0\.2\.1:5060/m);
    expect(board.printed).not.toContain("wifi.ssid");
    expect(board.restarts).toEqual([]);
  });

  it("takes no Wi-Fi from a browser", async () => {
    board.cable.plug();
    board.cable.give("192.0.2.1");
    board.start(main);
    await board.run(5000, main);
    const text = (value: string) => [value.length, ...Buffer.from(value)];
    const handed = [...text("house"), ...text("secret")];
    const payload = [1, handed.length, ...handed];
    const frame = [...Buffer.from("IMPROV"), 1, 3, payload.length, ...payload];
    board.type(
      String.fromCharCode(
        ...frame,
        frame.reduce((sum, one) => (sum + one) & 255, 0),
      ) + "\n",
    );
    await board.run(60_000, main);
    expect([...board.stored.values()].join()).not.toContain("house");
    expect(board.restarts).toEqual([]);
  });

  it("starts again when it has another address, and is ready there", async () => {
    board.cable.plug();
    board.cable.give("192.0.2.1");
    board.start(main);
    await board.run(5000, main);
    board.cable.renew("192.0.2.77");
    await board.run(15_000, main);
    expect(board.restarts).toEqual(["another address"]);
    expect(board.printed).toMatch(/^config ready address=sip:door@192\.0\.2\.77:5060/m);
  });
});
