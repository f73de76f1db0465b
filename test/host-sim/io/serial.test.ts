import { connect, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { openStreamSerial, openTcpSerial, SERIAL_CLIENTS, type SerialPort } from "../../../host-sim/io/serial.js";
import { ipv4 } from "../../../src/core/address.js";

const HERE = ipv4("127.0.0.1");
const open: (SerialPort | Socket)[] = [];

afterEach(() => {
  for (const one of open.splice(0)) {
    if ("destroy" in one) one.destroy();
    else one.close();
  }
});

/** A terminal, and all that it has seen. */
class Terminal {
  readonly socket: Socket;
  seen = "";
  over = false;
  private tell = () => {};

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    open.push(this.socket);
    this.socket.setEncoding("utf8");
    this.socket.on("data", (text) => {
      this.seen += text;
      this.tell();
    });
    this.socket.on("close", () => {
      this.over = true;
      this.tell();
    });
  }

  async until(done: () => boolean): Promise<void> {
    while (!done()) {
      await new Promise<void>((resolve) => {
        this.tell = resolve;
      });
    }
  }
}

describe("the serial line on streams", () => {
  it("hands lines in, prints what is said, and tells the end", async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    const ended = new Promise<void>((resolve) => {
      const user = { line: (line: string) => (line === "" ? "" : "<" + line + ">\n"), complete: () => [] };
      const port = openStreamSerial(input, output, user, resolve);
      port.print("ready\n");
    });
    input.end("status\nT\u00fcre");
    await ended;
    expect(String(output.read())).toBe("ready\n<status>\n<T\u00fcre>\n");
  });

  it("takes no more lines when it is closed", async () => {
    const input = new PassThrough();
    const seen: string[] = [];
    const port = openStreamSerial(input, new PassThrough(), {
      line: (line) => "" + seen.push(line),
      complete: () => [],
    });
    port.close();
    input.write("status\n");
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([]);
  });
});

describe("the serial line on a TCP port", () => {
  async function port(): Promise<SerialPort & { port: number }> {
    const serial = await openTcpSerial({
      address: HERE,
      port: 0,
      greeting: "Portero\n",
      user: { line: (line) => "<" + line + ">\n", complete: () => [] },
    });
    open.push(serial);
    return serial;
  }

  it("greets, answers whoever wrote, and prints to everybody, with CR LF", async () => {
    const serial = await port();
    const one = new Terminal(serial.port);
    const two = new Terminal(serial.port);
    await one.until(() => one.seen !== "");
    await two.until(() => two.seen !== "");
    one.socket.write("get\r\n");
    await one.until(() => one.seen.includes("<get>"));
    serial.print("relay on\n");
    await one.until(() => one.seen.includes("relay"));
    await two.until(() => two.seen.includes("relay"));
    expect(one.seen).toBe("Portero\r\n<get>\r\nrelay on\r\n");
    expect(two.seen).toBe("Portero\r\nrelay on\r\n");
  });

  it("has room for a bounded number of terminals, and again when one goes", async () => {
    const serial = await port();
    const terminals: Terminal[] = [];
    for (let i = 0; i < SERIAL_CLIENTS; i++) {
      terminals.push(new Terminal(serial.port));
      await terminals[i].until(() => terminals[i].seen !== "");
    }
    const refused = new Terminal(serial.port);
    await refused.until(() => refused.over);
    expect(refused.seen).toBe("too many terminals on this line\r\n");
    terminals[0].socket.end();
    await terminals[0].until(() => terminals[0].over);
    const next = new Terminal(serial.port);
    await next.until(() => next.seen !== "");
    expect(next.seen).toBe("Portero\r\n");
  });

  it("carries nothing out for a web page that posts to its port", async () => {
    const seen: string[] = [];
    const serial = await openTcpSerial({
      address: HERE,
      port: 0,
      user: { line: (line) => "" + seen.push(line), complete: () => [] },
    });
    open.push(serial);
    const browser = new Terminal(serial.port);
    browser.socket.write("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\r\nopen\nsave\n");
    await browser.until(() => browser.over);
    expect(seen).toEqual([]);
  });

  it("sends a terminal away that finds no room, even when it does not close", async () => {
    const serial = await port();
    const first: Terminal[] = [];
    for (let i = 0; i < SERIAL_CLIENTS; i++) {
      first.push(new Terminal(serial.port));
      await first[i].until(() => first[i].seen !== "");
    }
    const stubborn = connect({ port: serial.port, host: "127.0.0.1", allowHalfOpen: true });
    open.push(stubborn);
    stubborn.on("error", () => {});
    const gone = new Promise<void>((resolve) => stubborn.on("close", () => resolve()));
    // Only a connection that is gone on the other side answers further octets with a reset.
    const push = setInterval(() => stubborn.write("x"), 20);
    stubborn.resume();
    await gone;
    clearInterval(push);
  });

  it("says in one line when its port is in use", async () => {
    const taken = (await port()).port;
    await expect(
      openTcpSerial({ address: HERE, port: taken, user: { line: () => "", complete: () => [] } }),
    ).rejects.toThrow(new Error(`port ${taken} (tcp) on 127.0.0.1 is in use: choose another with --console-port N`));
  });
});
