import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { TcpConnection, TcpStack } from "../../../hal/device.js";
import { openTcp, TCP_CONNECTIONS, TCP_QUEUE_BYTES } from "../../../host-sim/io/tcp.js";
import { ipv4 } from "../../../src/core/address.js";
import { octets, text } from "../../../src/core/bytes.js";

const HERE = ipv4("127.0.0.1");
const stacks: Party[] = [];

/** A stack that notes its events, and can be waited for. */
class Party {
  stack!: TcpStack;
  readonly log: string[] = [];
  readonly incoming: TcpConnection[] = [];
  private waiting: (() => void)[] = [];

  async open(port = 0): Promise<this> {
    this.stack = await openTcp({
      address: HERE,
      port,
      setting: "sip.port",
      onOpen: (connection, incoming) => {
        if (incoming) this.incoming.push(connection);
        this.note(incoming ? "accepted" : "opened");
      },
      onData: (_connection, bytes, start, end) => this.note("data " + text(bytes, start, end)),
      onClose: () => this.note("closed"),
      onError: (message) => this.note("error " + message),
    });
    stacks.push(this);
    return this;
  }

  async until(entry: string): Promise<void> {
    while (!this.log.includes(entry)) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private note(entry: string): void {
    this.log.push(entry);
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

function write(connection: TcpConnection, what: string): boolean {
  const bytes = octets(what);
  const written = connection.write(bytes, 0, bytes.length);
  bytes.fill(0);
  return written;
}

afterEach(() => {
  for (const party of stacks.splice(0)) party.stack.close();
});

describe("a TCP stack", () => {
  it("queues what is written before the connection is open, and carries both ways", async () => {
    const door = await new Party().open();
    const phone = await new Party().open();
    const connection = door.stack.connect(HERE, phone.stack.port)!;
    expect(write(connection, "INVITE")).toBe(true);
    await phone.until("data INVITE");
    expect(door.log).toEqual(["opened"]);
    expect(write(phone.incoming[0], "180")).toBe(true);
    await door.until("data 180");
    expect(phone.log).toEqual(["accepted", "data INVITE"]);
  });

  it("says whether a connection is open, and says nothing any more when it is dropped", async () => {
    const door = await new Party().open();
    const phone = await new Party().open();
    const first = door.stack.connect(HERE, phone.stack.port)!;
    expect(first.isOpen).toBe(false);
    write(first, "INVITE");
    first.drop();
    expect(write(first, "x")).toBe(false);
    const second = door.stack.connect(HERE, phone.stack.port)!;
    write(second, "BYE");
    await door.until("opened");
    expect(second.isOpen).toBe(true);
    await phone.until("data BYE");
    second.drop();
    expect(second.isOpen).toBe(false);
    expect(door.stack.findTo(HERE, phone.stack.port)).toBe(null);
    await phone.until("closed");
    expect(phone.log).not.toContain("data INVITE");
    expect(door.log).toEqual(["opened"]);
  });

  it("finds connections by number and by the other side", async () => {
    const door = await new Party().open();
    const phone = await new Party().open();
    const connection = door.stack.connect(HERE, phone.stack.port)!;
    expect(door.stack.find(connection.id)).toBe(connection);
    expect(door.stack.findTo(HERE, phone.stack.port)).toBe(connection);
    expect(door.stack.findTo(HERE, 1)).toBe(null);
    connection.close();
    expect(door.stack.find(connection.id)).toBe(null);
    expect(write(connection, "x")).toBe(false);
  });

  it("tells when the other side closes, but not when it closes itself", async () => {
    const door = await new Party().open();
    const phone = await new Party().open();
    const connection = door.stack.connect(HERE, phone.stack.port)!;
    write(connection, "BYE");
    connection.close();
    await phone.until("closed");
    expect(phone.log).toEqual(["accepted", "data BYE", "closed"]);
    expect(door.log).not.toContain("closed");
    expect(phone.stack.find(phone.incoming[0]?.id ?? -1)).toBe(null);
  });

  it("tells a connection that is refused as closed", async () => {
    const gone = await new Party().open();
    const port = gone.stack.port;
    gone.stack.close();
    const door = await new Party().open();
    expect(door.stack.connect(HERE, port)).not.toBe(null);
    await door.until("closed");
    expect(door.log).toEqual(["closed"]);
  });

  it("has a bounded number of connections", async () => {
    const phone = await new Party().open();
    const door = await new Party().open();
    for (let i = 0; i < TCP_CONNECTIONS; i++) expect(door.stack.connect(HERE, phone.stack.port)).not.toBe(null);
    expect(door.stack.connect(HERE, phone.stack.port)).toBe(null);
  });

  it("has a bounded queue", async () => {
    // A listener that never reads.
    const deaf = createServer((socket) => socket.pause());
    await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
    const door = await new Party().open();
    const connection = door.stack.connect(HERE, (deaf.address() as { port: number }).port)!;
    const block = new Uint8Array(TCP_QUEUE_BYTES / 2);
    expect(connection.write(block, 0, block.length)).toBe(true);
    expect(connection.write(block, 0, block.length)).toBe(true);
    expect(connection.write(block, 0, 1)).toBe(false);
    door.stack.close();
    deaf.close();
  });

  it.each([
    ["while it opened", "BYE"],
    ["when it was open", ""],
  ])("lets go of a connection that it closed %s, though the other side goes on talking", async (_when, last) => {
    const talker = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => talker.listen(0, "127.0.0.1", resolve));
    // A side that writes to a connection which the other side has closed gets a reset.
    const isLetGo = new Promise<void>((resolve) => {
      talker.on("connection", (socket) => {
        const talk = setInterval(() => socket.write("x"), 50);
        socket.resume();
        socket.on("error", () => {});
        socket.on("close", () => {
          clearInterval(talk);
          resolve();
        });
      });
    });
    const door = await new Party().open();
    const connection = door.stack.connect(HERE, (talker.address() as { port: number }).port)!;
    if (last === "") await door.until("opened");
    else write(connection, last);
    connection.close();
    await isLetGo;
    talker.close();
  });

  it("says in one line which port is in use and which setting moves it", async () => {
    const port = (await new Party().open()).stack.port;
    await expect(new Party().open(port)).rejects.toThrow(
      new Error(`port ${port} (tcp) on 127.0.0.1 is in use: set another sip.port`),
    );
  });
});
