/**
 * A board's connections by TLS: to whom it speaks, to whom it does not, what it says of that in one line, and that
 * nothing it is sent stops it. The library and the TypeScript are the board's, the servers are OpenSSL's.
 */
import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect as connectPlain, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from "node:tls";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Clock, TcpConnection, Trust } from "../../hal/device.js";
import { SecureStreams } from "../../hal/tls/securestreams.js";
import { RealClock } from "../../host-sim/world/clock.js";
import { ipv4 } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { Authority, type Issued } from "../certificates.js";
import { SeededRandom } from "../random.js";
import { buildLibrary, lackOfMbedTls, NODE_STREAMS } from "./boardtls.js";

const HERE = ipv4("127.0.0.1");
const NAME = "house.test";
const lack = lackOfMbedTls();
const open: { close(): void }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const pemOf = (issued: Issued): string => readFileSync(issued.certificate, "utf8");
const pin = (issued: Issued): string => {
  const key = new X509Certificate(pemOf(issued)).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("hex");
};

it.runIf(process.env.CI !== undefined)(
  "Debian's mbedTLS is there on CI, so that these tests are not passed over",
  () => {
    expect(lack).not.toContain("libmbedtls-dev");
  },
);

describe.skipIf(lack !== "")("a board by TLS (" + (lack === "" ? "mbedTLS" : lack) + ")", () => {
  const library = lack === "" ? buildLibrary() : null;
  const authority = new Authority();
  const other = new Authority();
  const good = authority.issue({ names: "DNS:" + NAME });
  const ca = pemOf(authority.own);
  const real = new RealClock();

  afterAll(() => {
    authority.remove();
    other.remove();
  });

  /** A board, which notes what happens to its connections. */
  class Board {
    readonly log: string[] = [];
    received = "";
    readonly stack: SecureStreams;
    private waiting: (() => void)[] = [];

    constructor(epochS: number | null = null) {
      if (library === null) throw new Error(lack);
      const clock: Clock = {
        now: () => real.now(),
        epochS: () => epochS ?? real.epochS(),
        createTimer: (call) => real.createTimer(call),
      };
      this.stack = new SecureStreams({
        classes: NODE_STREAMS,
        library,
        clock,
        options: {
          address: 0,
          port: 0,
          isCaller: true,
          onOpen: (connection) => this.note("opened by " + connection.proof),
          onData: (_connection, bytes, start, end) => {
            this.received += text(bytes, start, end);
            this.note("");
          },
          onClose: () => this.note("closed"),
          onError: (message) => this.note(message),
        },
      });
      open.push(this.stack);
    }

    private note(line: string): void {
      if (line !== "") this.log.push(line);
      for (const resolve of this.waiting.splice(0)) resolve();
    }

    connect(port: number, trust: Partial<Trust> = { ca }, name = NAME): TcpConnection | null {
      return this.stack.connectSecure(HERE, port, name, { ca: "", pins: [], ...trust });
    }

    async until(found: () => boolean): Promise<void> {
      while (!found()) await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  async function listen(server: Server): Promise<number> {
    server.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    open.push({ close: () => server.close() });
    return (server.address() as { port: number }).port;
  }

  const sockets = new Set<Socket>();
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  });

  /** What the last server was sent in clear. */
  let sent = "";

  function serve(issued: Issued, more: TlsOptions = {}, onSocket: (socket: TLSSocket) => void = () => {}) {
    sent = "";
    const options = { cert: pemOf(issued), key: readFileSync(issued.key), ...more };
    const server = createTlsServer(options, (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("data", (data) => {
        sent += data.toString("latin1");
      });
      onSocket(socket);
    });
    server.on("tlsClientError", () => {});
    return listen(server);
  }

  function servePlain(onSocket: (socket: Socket) => void): Promise<number> {
    return listen(
      createServer((socket) => {
        sockets.add(socket);
        socket.on("error", () => {});
        onSocket(socket);
      }),
    );
  }

  /** Connects a board that has something to say. @returns what it noted first */
  async function meet(port: number, trust: Partial<Trust> = { ca }, name = NAME, epochS: number | null = null) {
    const board = new Board(epochS);
    const secret = octets("password");
    board.connect(port, trust, name)?.write(secret, 0, secret.length);
    await board.until(() => board.log.length >= (board.log[0]?.startsWith("opened") ? 1 : 2));
    if (board.log[0].startsWith("opened")) while (sent !== "password") await new Promise((go) => setTimeout(go, 5));
    else {
      expect(board.log[1]).toBe("closed");
      expect(board.log[0]).not.toMatch(/[\r\n]/);
      expect(sent).toBe("");
    }
    board.stack.close();
    return board.log[0];
  }

  it("speaks to a server that its authority signed, with ECDSA and RSA, whatever it sends besides its own certificate", async () => {
    expect(await meet(await serve(good))).toBe("opened by CA");
    const between = new Authority(authority);
    const behind = between.issue({ names: "URI:sip:" + NAME });
    expect(await meet(await serve(authority.chain(behind, between)))).toBe("opened by CA");
    expect(await meet(await serve(authority.chain(good, other)))).toBe("opened by CA");
    expect(await meet(await serve(good), { ca: pemOf(other.own) + ca })).toBe("opened by CA");
    const folder = authority.folder;
    const rsa = { certificate: folder + "/rsa.pem", key: folder + "/rsa.key" };
    const line =
      "req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=x -addext subjectAltName=IP:127.0.0.1 -keyout " +
      rsa.key +
      " -out " +
      rsa.certificate;
    execFileSync("openssl", line.split(" "), { stdio: "pipe" });
    expect(await meet(await serve(rsa), { ca: pemOf(rsa) }, "")).toBe("opened by CA");
  });

  it("believes a pinned key, whoever signed it, whatever its name and its time, also before it knows the time", async () => {
    const own = other.issue({ until: "20200101000000Z", from: "20190101000000Z" });
    expect(await meet(await serve(own), { pins: ["00", pin(own)] })).toBe("opened by pin");
    expect(await meet(await serve(own), { pins: [pin(own)] }, "", 0)).toBe("opened by pin");
    expect(await meet(await serve(own), { ca, pins: [pin(own)] })).toBe("opened by pin");
  });

  it("refuses every other server, in one line and before anything is sent to it", async () => {
    const expectLine = async (issued: Issued, wanted: RegExp | string, trust: Partial<Trust> = { ca }, name = NAME) => {
      const line = await meet(await serve(issued), trust, name);
      expect(line).toMatch(/^TLS to (house\.test )?\(127\.0\.0\.1:\d+\): /);
      if (typeof wanted === "string") expect(line).toContain(wanted);
      else expect(line).toMatch(wanted);
    };
    await expectLine(
      other.issue({ names: "DNS:" + NAME }),
      "not signed by one that was pasted (ca): give its authority",
    );
    await expectLine(other.own, "not signed by");
    await expectLine(new Authority(authority).issue({ names: "DNS:" + NAME }), "not signed by");
    const old = { names: "DNS:" + NAME, from: "20190101000000Z", until: "20200101000000Z" };
    await expectLine(authority.issue(old), /its certificate ended \(1 Jan 2020 00:00 UTC\), and here it is/);
    const young = { names: "DNS:" + NAME, from: "20370101000000Z", until: "20380101000000Z" };
    await expectLine(authority.issue(young), /begins later \(1 Jan 2037 00:00 UTC\).*: set the clock/);
    for (const names of ["DNS:other.test", "DNS:*.test", "URI:sip:boss@" + NAME])
      await expectLine(authority.issue({ names }), /its certificate (is for|names no host)/);
    await expectLine(authority.issue({ commonName: NAME }), "it needs DNS:" + NAME);
    await expectLine(good, "its certificate is for house.test, not for 127.0.0.1", { ca }, "");
    await expectLine(good, "its key has the SHA-256 " + pin(good), { pins: ["ab".repeat(32)] });
    // The name of an authority of ours does not help a stranger who has it too.
    await expectLine(other.issue({ names: "DNS:" + NAME }), "not signed by", { ca: ca + pemOf(good) });
  });

  it("says that the clock is wrong by years, and asks for the time first", async () => {
    expect(await meet(await serve(good), { ca }, NAME, 1_600_000_000)).toMatch(/begins later .*14 Sep|13 Sep/);
    const board = new Board(0);
    expect(board.connect(await serve(good))).toBeNull();
    expect(board.log[0]).toContain("the time of day is not known yet");
    expect(board.connect(5061, {})).toBeNull();
    expect(board.log[1]).toContain("paste the certificate");
  });

  it("takes eight certificates between a server and its authority, and refuses twenty in one line", async () => {
    const between = [new Authority(authority)];
    const chainOf = (count: number): Promise<number> => {
      while (between.length < count) between.unshift(new Authority(between[0]));
      return serve(authority.chain(between[0].issue({ names: "DNS:" + NAME }), ...between));
    };
    expect(await meet(await chainOf(8))).toBe("opened by CA");
    expect(await meet(await chainOf(20))).toMatch(/^TLS to .*: (its certificates are too many|the handshake failed)/);
  });

  it("moves octets both ways through records of 16 KB, and closes when the other side does", async () => {
    const large = "x".repeat(16384) + "y".repeat(40000) + "end";
    const port = await serve(good, {}, (socket) => socket.once("data", () => socket.end(large)));
    const board = new Board();
    const connection = board.connect(port);
    const message = octets("m".repeat(3000));
    expect(connection?.write(message, 0, message.length)).toBe(true);
    expect(connection?.write(message, 0, message.length)).toBe(false);
    await board.until(() => board.log.includes("closed"));
    expect(board.log).toEqual(["opened by CA", "closed"]);
    expect(board.received).toBe(large);
    expect(sent).toBe("m".repeat(3000));
  });

  it("sends what is queued before it closes, during the handshake too, and says goodbye", async () => {
    const ended: string[] = [];
    const port = await serve(good, {}, (socket) => socket.on("end", () => ended.push(sent)));
    const board = new Board();
    const connection = board.connect(port);
    const message = octets("last words");
    connection?.write(message, 0, message.length);
    connection?.close();
    expect(connection?.write(message, 0, message.length)).toBe(false);
    while (ended.length === 0) await new Promise((go) => setTimeout(go, 5));
    expect(ended).toEqual(["last words"]);
    expect(board.log).toEqual([]);
    expect(board.stack.findSecure(HERE, port, NAME)).toBeNull();
  });

  it("finds a connection by its name, and never as one in clear", async () => {
    const port = await serve(good);
    const board = new Board();
    const connection = board.connect(port);
    expect(board.stack.findSecure(HERE, port, NAME)?.id).toBe(connection?.id);
    expect(board.stack.find(connection?.id ?? 0)).toBe(connection);
    expect(board.stack.findSecure(HERE, port, "other.test")).toBeNull();
    expect(board.stack.findTo(HERE, port)).toBeNull();
    connection?.drop();
    expect(board.stack.find(connection?.id ?? 0)).toBeNull();
  });

  it("speaks no older TLS, no suite without forward secrecy, and to no server that wants a certificate of us", async () => {
    expect(await meet(await serve(good, { minVersion: "TLSv1.3" }))).toMatch(/a newer TLS|handshake failed/);
    const old: TlsOptions = { maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" };
    expect(await meet(await serve(good, old))).toMatch(/^TLS to .*: (the server refused us|the handshake failed)/);
    expect(await meet(await serve(good, { ciphers: "AES256-SHA", maxVersion: "TLSv1.2" }))).toMatch(/refused|failed/);
    const asks: TlsOptions = {
      requestCert: true,
      rejectUnauthorized: true,
      ca: pemOf(other.own),
      maxVersion: "TLSv1.2",
    };
    expect(await meet(await serve(good, asks))).toMatch(/certificate of its clients|closed the connection/);
  });

  it("ends a handshake that stalls after five seconds, one that is cut, and one that is no TLS", async () => {
    const stalled = meet(await servePlain(() => {}));
    expect(await meet(await servePlain((socket) => socket.write("SIP/2.0 200 OK\r\n\r\n")))).toContain(
      "does not speak TLS",
    );
    expect(await meet(await servePlain((socket) => socket.destroy()))).toContain("closed the connection");
    expect(await meet(await servePlain((socket) => socket.once("data", () => socket.end())))).toContain("closed");
    const flood = Buffer.alloc(70000, Buffer.from([22, 3, 3, 64, 0]));
    expect(await meet(await servePlain((socket) => socket.once("data", () => socket.end(flood))))).toMatch(/^TLS to/);
    expect(await stalled).toContain("nothing came of the handshake in 5 s");
  });

  it("is led by no octets to anything but one line, neither in the handshake nor after it", async () => {
    const random = new SeededRandom(21);
    const server = await serve(good);
    for (let round = 0; round < 60; round++) {
      // The octets of a good server pass, and some of them are changed on the way.
      let left = random.below(3000);
      const port = await servePlain((socket) => {
        const behind = connectPlain(server, "127.0.0.1");
        sockets.add(behind);
        behind.on("error", () => {});
        behind.on("close", () => socket.destroy());
        socket.on("close", () => behind.destroy());
        socket.on("data", (data) => behind.write(data));
        behind.on("data", (data) => {
          if (left >= 0 && left < data.length) {
            data[left] ^= 1 << random.below(8);
            if (random.below(2) === 0) data.copyWithin(left, random.below(data.length));
          }
          left -= data.length;
          socket.write(data);
        });
      });
      const board = new Board();
      const connection = board.connect(port);
      await board.until(() => board.log.length > 0);
      expect(board.log[0]).toMatch(/^(TLS to house\.test \(127\.0\.0\.1:\d+\): .+|opened by CA)$/);
      if (board.log[0] !== "opened by CA") {
        await board.until(() => board.log.length > 1);
        expect(board.log[1]).toBe("closed");
      }
      connection?.drop();
    }
  }, 120_000);

  it("leaves handshakes at any moment, and has room for the next ones", async () => {
    const port = await serve(good);
    const random = new SeededRandom(4);
    for (let round = 0; round < 40; round++) {
      const board = new Board();
      const all = [0, 1, 2, 3, 4].map(() => board.connect(port));
      expect(all[4]).toBeNull();
      await new Promise((go) => setTimeout(go, random.below(12)));
      for (const one of all) one?.drop();
      board.stack.close();
    }
    expect(await meet(port)).toBe("opened by CA");
  });
});
