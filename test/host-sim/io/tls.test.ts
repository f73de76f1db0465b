/** A door's connections by TLS: to whom it speaks, to whom it does not, and what it says of that in one line. */
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { TcpConnection, TcpStack, Trust } from "../../../hal/device.js";
import { openTcp, TCP_QUEUE_BYTES } from "../../../host-sim/io/tcp.js";
import { problemOfCertificates } from "../../../host-sim/io/tls.js";
import { Certificates, openTls, type TlsFiles } from "../../../host-sim/io/tlslistener.js";
import { ipv4 } from "../../../src/core/address.js";
import { octets, text } from "../../../src/core/bytes.js";
import { Authority, type Issued } from "../../certificates.js";
import { SeededRandom } from "../../random.js";

const HERE = ipv4("127.0.0.1");
const NAME = "house.test";
const authority = new Authority();
const other = new Authority();
const good = authority.issue({ names: "DNS:" + NAME });
const open: { close(): void }[] = [];

/** A stack that notes its events, and can be waited for. */
class Party {
  stack!: TcpStack;
  readonly log: string[] = [];
  readonly failed: string[] = [];
  certificates: Certificates | null = null;
  private trust: Trust = { ca: "", pins: [] };
  private waiting: (() => void)[] = [];

  async listen(files: TlsFiles): Promise<this> {
    this.certificates = new Certificates(files);
    this.stack = await openTls(this.options(), 16, this.certificates, (_address, reason) => {
      this.failed.push(reason);
      this.note("refused");
    });
    open.push(this.stack);
    return this;
  }

  async open(trust: Trust): Promise<this> {
    this.trust = trust;
    this.stack = await openTcp(this.options());
    open.push(this.stack);
    return this;
  }

  private options() {
    return {
      address: HERE,
      port: 0,
      onOpen: (connection: TcpConnection, incoming: boolean) =>
        this.note(incoming ? "accepted" : "opened by " + connection.proof),
      onData: (_connection: TcpConnection, bytes: Uint8Array, start: number, end: number) =>
        this.note("data " + text(bytes, start, end)),
      onClose: () => this.note("closed"),
      onError: (message: string) => this.note(message),
    };
  }

  connect(port: number, name: string): TcpConnection | null {
    return this.stack.connectSecure?.(HERE, port, name, this.trust) ?? null;
  }

  async until(count: number): Promise<readonly string[]> {
    while (this.log.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.log;
  }

  private note(entry: string): void {
    this.log.push(entry);
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

const server = (issued: Issued, ca = ""): Promise<Party> => new Party().listen({ pairs: [issued], ca });

/** Connects a door to a server with that certificate. @returns the two first things that the door notes */
async function meet(issued: Issued, trust: Partial<Trust>, name = NAME): Promise<readonly string[]> {
  const [house, door] = await Promise.all([server(issued), new Party().open({ ca: "", pins: [], ...trust })]);
  const connection = door.connect(house.stack.port, name);
  const secret = octets("password");
  connection?.write(secret, 0, secret.length);
  const log = await door.until(1);
  if (log[0].startsWith("opened")) await house.until(2);
  else await door.until(2);
  // What was to be sent went to the right one only.
  expect(house.log.some((line) => line.startsWith("data"))).toBe(log[0].startsWith("opened"));
  return log.slice(0, 2);
}

const pin = (issued: Issued): string => {
  const key = new X509Certificate(readFileSync(issued.certificate)).publicKey;
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");
};

/** A server that does not speak TLS. */
async function plain(onSocket: (socket: Socket) => void): Promise<number> {
  const listener: Server = createServer((socket) => {
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  open.push(listener);
  return (listener.address() as { port: number }).port;
}

async function failure(port: number): Promise<string> {
  const door = await new Party().open({ ca: authority.own.certificate, pins: [] });
  door.connect(port, NAME);
  const [line, end] = await door.until(2);
  expect(end).toBe("closed");
  return line;
}

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

afterAll(() => {
  authority.remove();
  other.remove();
});

const ca = authority.own.certificate;

describe("a server is believed", () => {
  it("whose certificate an authority of tls.ca has signed, for the name that was asked for", async () => {
    expect(await meet(good, { ca })).toEqual(["opened by CA"]);
  });

  it("that sends those between it and the authority, also twenty of them", async () => {
    const between = [new Authority(authority)];
    for (let i = 1; i < 20; i++) between.unshift(new Authority(between[0]));
    const leaf = between[0].issue({ names: "DNS:" + NAME });
    expect(await meet(authority.chain(leaf, ...between), { ca })).toEqual(["opened by CA"]);
  });

  it("that is named as a SIP domain, whatever host it is as well", async () => {
    const named = authority.issue({ names: "URI:sip:" + NAME + ",DNS:other.test" });
    expect(await meet(named, { ca })).toEqual(["opened by CA"]);
    expect((await meet(named, { ca }, "other.test"))[0]).toContain(
      "its certificate is for house.test, not for other.test",
    );
  });

  it("that is named by its address, where that alone is known", async () => {
    expect(await meet(authority.issue({ names: "IP:127.0.0.1" }), { ca }, "")).toEqual(["opened by CA"]);
  });

  it("whose key is that of tls.pin, whoever signed it, whatever its name and its time", async () => {
    const own = other.issue({ until: "20200101000000Z", from: "20190101000000Z" });
    expect(await meet(own, { pins: ["00", pin(own)] })).toEqual(["opened by pin"]);
  });
});

describe("a server is refused, in one line and before anything is sent to it,", () => {
  const refused = async (issued: Issued, trust: Partial<Trust>, name = NAME): Promise<string> => {
    const [line, end] = await meet(issued, trust, name);
    expect(end).toBe("closed");
    expect(line).not.toMatch(/[\r\n]/);
    return line;
  };

  it("that another authority has signed, or none", async () => {
    const line = await refused(other.issue({ names: "DNS:" + NAME }), { ca });
    expect(line).toMatch(
      /^TLS to house\.test \(127\.0\.0\.1:\d+\): its certificate is not signed by one in .*ca\.pem: give its authority/,
    );
    expect(await refused(good, {})).toContain("is not signed by an authority that is known");
    expect(await refused(other.own, { ca })).toContain("not signed by");
  });

  it("that leaves out those between it and the authority", async () => {
    const between = new Authority(authority);
    expect(await refused(between.issue({ names: "DNS:" + NAME }), { ca })).toContain("not signed by");
  });

  it("whose time is over, or has not come", async () => {
    const old = authority.issue({ names: "DNS:" + NAME, from: "20190101000000Z", until: "20200101000000Z" });
    expect(await refused(old, { ca })).toMatch(
      /its certificate ended \(1 Jan 2020 00:00 UTC\), and here it is .* UTC: renew it, or set the clock/,
    );
    const young = authority.issue({ names: "DNS:" + NAME, from: "20990101000000Z", until: "21000101000000Z" });
    expect(await refused(young, { ca })).toMatch(
      /its certificate begins later \(1 Jan 2099 00:00 UTC\).*: set the clock/,
    );
  });

  it("that has another name, a wildcard, a part of the name, or none but a common name", async () => {
    const names = ["DNS:other.test", "DNS:*.test", "DNS:" + NAME + ".evil.test", "URI:sip:boss@" + NAME, "DNS:test"];
    for (const name of names)
      expect(await refused(authority.issue({ names: name }), { ca }), name).toMatch(
        /its certificate (is for|names no host)/,
      );
    expect(await refused(authority.issue({ commonName: NAME }), { ca })).toContain("it needs DNS:" + NAME);
  });

  it("whose key is none of tls.pin, and says which it is", async () => {
    const line = await refused(good, { pins: ["ab".repeat(32)] });
    expect(line).toContain("its key has the SHA-256 " + pin(good) + ", which is none of tls.pin");
  });

  it("that does not speak TLS, or closes", async () => {
    expect(await failure(await plain((socket) => socket.write("SIP/2.0 200 OK\r\n\r\n")))).toContain(
      "does not speak TLS",
    );
    expect(await failure(await plain((socket) => socket.destroy()))).toContain("closed the connection");
    expect(await failure(await plain((socket) => socket.once("data", () => socket.end())))).toContain(
      "closed the connection",
    );
  });

  it("that answers with anything at all", async () => {
    const random = new SeededRandom(5);
    for (let i = 0; i < 40; i++) {
      const noise = Uint8Array.from({ length: 1 + random.below(300) }, () => random.below(256));
      // Half of them look like the beginning of a handshake.
      if (i % 2 === 0) noise.set([22, 3, 3, 0, Math.min(255, noise.length), 2, 0, 0].slice(0, noise.length));
      const port = await plain((socket) => socket.once("data", () => socket.end(noise)));
      expect(await failure(port)).toMatch(/^TLS to house\.test \(127\.0\.0\.1:\d+\): .+/);
    }
  });

  it("if tls.ca is no file of certificates, which is told at the start too", async () => {
    const half = join(authority.folder, "half.pem");
    writeFileSync(half, readFileSync(ca, "utf8") + readFileSync(ca, "utf8").slice(0, 200));
    expect(problemOfCertificates(half)).toMatch(/half\.pem: its certificate 2 of 2 cannot be read$/);
    expect(problemOfCertificates(ca)).toBe("");
    expect(problemOfCertificates(join(authority.folder, "none.pem"))).toMatch(/none\.pem cannot be read \(ENOENT\)$/);
    const door = await new Party().open({ ca: join(authority.folder, "none.pem"), pins: [] });
    expect(door.connect(5061, NAME)).toBeNull();
    const empty = join(authority.folder, "empty.pem");
    writeFileSync(empty, "nothing");
    const second = await new Party().open({ ca: empty, pins: [] });
    expect(second.connect(5061, NAME)).toBeNull();
    expect(door.log[0]).toMatch(/tls\.ca: .*none\.pem cannot be read \(ENOENT\)/);
    expect(second.log[0]).toMatch(/tls\.ca: .*empty\.pem has no certificate/);
  });
});

describe("connections by TLS", () => {
  it("are found by the name that they were opened for, and never as connections in clear", async () => {
    const house = await server(good);
    const door = await new Party().open({ ca, pins: [] });
    const { port } = house.stack;
    const connection = door.connect(port, NAME);
    expect(door.stack.findSecure?.(HERE, port, NAME)?.id).toBe(connection?.id);
    expect(door.stack.findSecure?.(HERE, port, "other.test")).toBeNull();
    expect(door.stack.findTo(HERE, port)).toBeNull();
    await door.until(1);
    expect(connection?.isOpen).toBe(true);
  });

  it("move octets through records of 16 KB", async () => {
    const large = "x".repeat(16384) + "y".repeat(40000) + "end";
    const options = { cert: readFileSync(good.certificate), key: readFileSync(good.key) };
    const listener = createTlsServer(options, (socket) => socket.on("error", () => {}).end(large));
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    open.push(listener);
    const door = await new Party().open({ ca, pins: [] });
    door.connect((listener.address() as { port: number }).port, NAME);
    while (!door.log.includes("closed")) await door.until(door.log.length + 1);
    const data = door.log.filter((line) => line.startsWith("data ")).map((line) => line.slice(5));
    expect([door.log[0], data.join("") === large]).toEqual(["opened by CA", true]);
  });

  it("hold no more than their queue while the handshake goes on, and send it before they close", async () => {
    const house = await server(good);
    const door = await new Party().open({ ca, pins: [] });
    const connection = door.connect(house.stack.port, NAME);
    if (connection === null) throw new Error("no room");
    const bytes = new Uint8Array(TCP_QUEUE_BYTES / 2).fill(0x61);
    expect([0, 1, 2].map(() => connection.write(bytes, 0, bytes.length))).toEqual([true, true, false]);
    connection.close();
    while (!house.log.includes("closed")) await house.until(house.log.length + 1);
    const data = house.log.filter((line) => line.startsWith("data")).reduce((sum, line) => sum + line.length - 5, 0);
    expect(data).toBe(TCP_QUEUE_BYTES);
  });
});

describe("a listener for TLS", () => {
  it("gives each client the certificate of the name it asks for, and after a reload the new ones", async () => {
    const second = authority.issue({ names: "DNS:second.test" });
    const house = await new Party().listen({ pairs: [good, second], ca: "" });
    const shown = (servername: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const options = { host: "127.0.0.1", port: house.stack.port, rejectUnauthorized: false };
        const socket = connectTls(servername === "" ? options : { ...options, servername }, () => {
          resolve(socket.getPeerX509Certificate()?.subjectAltName ?? "");
          socket.destroy();
        });
        socket.on("error", reject);
      });
    expect(await shown("SECOND.test")).toBe("DNS:second.test");
    expect(await shown("nobody.test")).toBe("DNS:" + NAME);
    expect(await shown("")).toBe("DNS:" + NAME);
    const renewed = authority.issue({ names: "DNS:" + NAME + ",DNS:new.test" });
    writeFileSync(good.certificate + ".new", readFileSync(renewed.certificate));
    const files: TlsFiles = { pairs: [{ certificate: good.certificate + ".new", key: renewed.key }, second], ca: "" };
    const later = await new Party().listen(files);
    writeFileSync(good.certificate + ".new", "broken");
    expect(() => later.certificates?.reload()).toThrow(/^--tls-cert: .*has no certificate/);
    house.certificates?.reload();
    expect(await shown("")).toBe("DNS:" + NAME);
  });

  it("lets in whoever has a certificate of its authority, if it has one, and nobody else", async () => {
    const house = await server(good, other.own.certificate);
    const ask = (client: Issued | null): Promise<string> =>
      new Promise((resolve) => {
        const key = client === null ? {} : { cert: readFileSync(client.certificate), key: readFileSync(client.key) };
        const socket = connectTls({ host: "127.0.0.1", port: house.stack.port, rejectUnauthorized: false, ...key });
        socket.on("error", () => resolve("refused"));
        socket.on("close", () => resolve("refused"));
        house.until(1).then((log) => resolve(log[0]));
        open.push({ close: () => socket.destroy() });
      });
    expect(await ask(null)).toBe("refused");
    house.log.length = 0;
    expect(await ask(authority.issue())).toBe("refused");
    house.log.length = 0;
    expect(await ask(other.issue())).toBe("accepted");
  });

  it("ends handshakes that stand still after five seconds, as a door does, and takes 64 of one address", async () => {
    const house = await new Party().listen({ pairs: [good], ca: "" });
    const sockets = Array.from({ length: 12 }, () => connect(house.stack.port, "127.0.0.1"));
    const ended = sockets.map((socket) => {
      socket.on("error", () => {});
      socket.resume();
      return new Promise((resolve) => socket.once("close", resolve));
    });
    const [line] = await Promise.all([failure(await plain(() => {})), ...ended]);
    expect(line).toContain("nothing came of the handshake in 5 s");
    expect(new Set(house.failed)).toEqual(new Set(["ERR_TLS_HANDSHAKE_TIMEOUT"]));
    expect(house.log).not.toContain("accepted");
  });

  it("says which file cannot be used", () => {
    const made = (pair: Issued): string => {
      try {
        new Certificates({ pairs: [pair], ca: "" });
      } catch (error) {
        return (error as Error).message;
      }
      return "";
    };
    expect(made({ certificate: "none.pem", key: good.key })).toBe("--tls-cert: none.pem cannot be read (ENOENT)");
    expect(made({ certificate: good.certificate, key: "none.key" })).toBe(
      "--tls-key: none.key cannot be read (ENOENT)",
    );
    expect(made({ certificate: good.certificate, key: other.own.key })).toMatch(
      /^--tls-cert .*, --tls-key .*: .*mismatch/i,
    );
  });
});
