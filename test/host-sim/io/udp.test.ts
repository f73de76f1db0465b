import { afterEach, describe, expect, it } from "vitest";
import type { UdpSocket } from "../../../hal/device.js";
import { DatagramQueue, openError, openUdp } from "../../../host-sim/io/udp.js";
import { ipv4 } from "../../../src/core/address.js";
import { octets, text } from "../../../src/core/bytes.js";
import { freePorts } from "../../ports.js";

const HERE = ipv4("127.0.0.1");
const sockets: UdpSocket[] = [];

async function open(port = 0, onReadable = () => {}, setting?: string): Promise<UdpSocket> {
  const socket = await openUdp({ address: HERE, port, setting, onReadable, onError: () => {} });
  sockets.push(socket);
  return socket;
}

/** A socket and a promise of its next datagram. */
async function listening(): Promise<{ socket: UdpSocket; readable: Promise<void> }> {
  let ready = () => {};
  const readable = new Promise<void>((resolve) => {
    ready = resolve;
  });
  return { socket: await open(0, () => ready()), readable };
}

function send(from: UdpSocket, to: UdpSocket, what: string): boolean {
  const bytes = octets(what);
  return from.write(bytes, 0, bytes.length, HERE, to.port);
}

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

describe("a UDP socket", () => {
  it("carries a datagram and tells where it came from", async () => {
    const { socket, readable } = await listening();
    const other = await open();
    expect(send(other, socket, "OPTIONS")).toBe(true);
    await readable;
    const into = new Uint8Array(100);
    const length = socket.read(into);
    expect(text(into, 0, length)).toBe("OPTIONS");
    expect(socket.address).toBe(HERE);
    expect(socket.remotePort).toBe(other.port);
    expect(socket.read(into)).toBe(0);
  });

  it("sends the octets as they were at the call, whatever becomes of the buffer", async () => {
    const { socket, readable } = await listening();
    const other = await open();
    const bytes = octets("xACKx");
    other.write(bytes, 1, 4, HERE, socket.port);
    bytes.fill(0);
    await readable;
    const into = new Uint8Array(100);
    expect(text(into, 0, socket.read(into))).toBe("ACK");
  });

  it("cuts a datagram that is longer than the buffer, and counts it", async () => {
    const { socket, readable } = await listening();
    send(await open(), socket, "longer");
    await readable;
    const into = new Uint8Array(4);
    expect(socket.read(into)).toBe(4);
    expect(text(into)).toBe("long");
    expect(socket.cut).toBe(1);
  });

  it("says in one line which port is in use and which setting moves it", async () => {
    const first = await open();
    await expect(open(first.port, undefined, "sip.port")).rejects.toThrow(
      new Error(`port ${first.port} (udp) on 127.0.0.1 is in use: set another sip.port`),
    );
  });

  it("hears a group, with others at the same port, and nothing that is sent to the port alone", async () => {
    const port = freePorts();
    const group = ipv4("239.255.7.7");
    const heard: string[] = [];
    const member = async (name: string) => {
      const socket = await openUdp({
        address: HERE,
        port,
        group,
        onReadable: () => {
          const into = new Uint8Array(100);
          for (let length = socket.read(into); length > 0; length = socket.read(into))
            heard.push(`${name} ${text(into, 0, length)}`);
        },
        onError: () => {},
      });
      sockets.push(socket);
      return socket;
    };
    const first = await member("first");
    await member("second");
    const other = await open();
    other.write(octets("alone"), 0, 5, HERE, port);
    first.write(octets("all"), 0, 3, group, port);
    await expect.poll(() => heard.length).toBe(2);
    expect(heard.sort()).toEqual(["first all", "second all"]);
  });

  it("says in one line that a group cannot be joined", async () => {
    const options = { address: ipv4("192.0.2.1"), port: freePorts(), group: ipv4("239.255.7.7") };
    await expect(openUdp({ ...options, onReadable: () => {}, onError: () => {} })).rejects.toThrow(/^[^\n]+$/);
  });

  it("refuses to write when it is closed, or to a port that is none", async () => {
    const socket = await open();
    const other = await open();
    expect(other.write(octets("x"), 0, 1, HERE, 0)).toBe(false);
    expect(other.write(octets("x"), 0, 1, HERE, 65536)).toBe(false);
    other.close();
    other.close();
    expect(send(other, socket, "x")).toBe(false);
  });

  it("names the address that this machine has not", async () => {
    const options = { address: ipv4("192.0.2.77"), port: 0, onReadable: () => {}, onError: () => {} };
    await expect(openUdp(options)).rejects.toThrow("192.0.2.77 is no address of this machine");
  });
});

describe("the queue of datagrams", () => {
  it("keeps the order, drops what finds it full, and goes on", () => {
    const queue = new DatagramQueue();
    for (let i = 0; i < 300; i++) queue.put(new Uint8Array([i & 255, i >> 8]), i, 1);
    expect(queue.lost).toBe(300 - 256);
    const into = new Uint8Array(2);
    for (let i = 0; i < 256; i++) {
      expect(queue.take(into)).toBe(2);
      expect(queue.address).toBe(i);
    }
    expect(queue.take(into)).toBe(0);
    expect(queue.put(new Uint8Array(1), 7, 8)).toBe(true);
    expect(queue.take(into)).toBe(1);
    expect([queue.address, queue.port]).toEqual([7, 8]);
  });

  it("drops an empty datagram, which reads like none", () => {
    expect(new DatagramQueue().put(new Uint8Array(0), 1, 1)).toBe(false);
  });
});

it("the line about a port has no advice where no setting moves it", () => {
  expect(openError("EACCES", "tcp", HERE, 80, "").message).toBe(
    "port 80 (tcp) on 127.0.0.1 may not be opened by this user",
  );
  expect(openError("ENOBUFS", "udp", HERE, 80, "").message).toBe(
    "port 80 (udp) on 127.0.0.1 cannot be opened (ENOBUFS)",
  );
});
