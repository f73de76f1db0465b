/**
 * Tests the simulated door's port for TLS: a phone calls it from address to address, and clients that cannot be
 * answered are told in one line. Not here: the handshakes themselves (tls.test.ts), a real phone (test/interop).
 */
import { connect as connectTcp } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SimHouse } from "../../../host-sim/house.js";
import { Interruption } from "../../../host-sim/interruption.js";
import { NO_SPEAKER, SamplesInput } from "../../../host-sim/io/audio.js";
import { Complaints } from "../../../host-sim/io/doorlistener.js";
import { MemoryStore } from "../../../host-sim/io/store.js";
import { Certificates } from "../../../host-sim/io/tlslistener.js";
import { BOARDS } from "../../../host-sim/world/boards.js";
import { VirtualClock } from "../../../host-sim/world/clock.js";
import type { SimEvent } from "../../../host-sim/world/events.js";
import { Ladder } from "../../../host-sim/world/ladder.js";
import { ipv4 } from "../../../src/core/address.js";
import { Authority } from "../../certificates.js";
import { freePorts } from "../../ports.js";
import { runHere } from "../../programs.js";
import { headers } from "../../ua/harness.js";

const HOST = "127.0.0.1";
const PORTS = freePorts(8);
const TLS_PORT = PORTS + 1;
const OURS = "SIP/2.0/TLS " + HOST + ":" + TLS_PORT;
const authority = new Authority();
const pair = authority.issue({ names: "IP:" + HOST });
const certificates = new Certificates({ pairs: [pair], ca: "" });
const events: SimEvent[] = [];
const waiting: (() => void)[] = [];
let house: SimHouse;

function houseWith(settings: Record<string, string | number>): SimHouse {
  return new SimHouse({
    board: BOARDS[0],
    ofFile: [],
    ofLine: Object.entries(settings).map(([key, value]) => ({ key, value: String(value) })),
    phones: 0,
    seed: 1,
    isVirtual: false,
    store: new MemoryStore(),
    isKept: false,
    microphone: new SamplesInput(),
    speaker: NO_SPEAKER,
    ladder: new Ladder(() => {}),
    listener: { ip: ipv4(HOST), port: TLS_PORT, certificates },
    tell: (event) => {
      events.push(event);
      for (const look of waiting.splice(0)) look();
    },
  });
}

/** @returns the next event that fits, of those that no call of this has passed */
async function until(fits: (event: SimEvent) => boolean): Promise<SimEvent> {
  for (;;) {
    const index = events.findIndex(fits);
    if (index >= 0) return events.splice(0, index + 1)[index];
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
}

const call = (value: string): Promise<SimEvent> => until((event) => event.event === "call" && event.value === value);

/** A phone with one connection to the door. Its Contact names a port at which nobody listens. */
class Phone {
  private heard = "";
  private look: () => void = () => {};
  private readonly socket: TLSSocket;
  private readonly contact: string;
  private readonly scheme: string;

  constructor(contact: string) {
    this.contact = contact;
    this.scheme = contact.slice(0, contact.indexOf(":"));
    this.socket = connect({ host: HOST, port: TLS_PORT, ca: authority.own.certificate, rejectUnauthorized: false });
    this.socket.on("error", () => {});
    this.socket.on("data", (bytes) => {
      this.heard += bytes.toString("latin1");
      this.look();
    });
  }

  send(line: string, cseq: string, to: string, body = ""): void {
    const lines = [
      line,
      "Via: SIP/2.0/TLS phone.test;branch=z9hG4bK" + this.scheme + cseq.replace(" ", ""),
      "Max-Forwards: 70",
    ];
    lines.push("From: <sips:bob@phone.test>;tag=bob", "To: " + to, "Call-ID: " + this.scheme, "CSeq: " + cseq);
    lines.push("Contact: <" + this.contact + ">", "Content-Type: application/sdp", "Content-Length: " + body.length);
    this.socket.write([...lines, "", body].join("\r\n"));
  }

  /** @returns the next message that begins so */
  async until(start: string): Promise<string> {
    for (;;) {
      const at = this.heard.indexOf(start);
      const end = this.heard.indexOf("\r\n\r\n", at);
      if (at >= 0 && end >= 0) {
        const message = this.heard.slice(at, end);
        this.heard = this.heard.slice(end);
        return message;
      }
      await new Promise<void>((resolve) => {
        this.look = resolve;
      });
    }
  }

  /** Returns once the door has closed its side too. */
  close(): Promise<void> {
    this.socket.end();
    return new Promise((resolve) => this.socket.once("close", () => resolve()));
  }
}

const sealed = [
  "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/SAVP 0",
  "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A".repeat(40),
  "",
].join("\r\n");

beforeAll(async () => {
  house = houseWith({
    "net.address": HOST,
    "sip.port": PORTS,
    "rtp.port": PORTS + 4,
    "call.allow": "any",
    "call.autoAnswer": "on",
    "media.encryption": "require",
  });
  await house.start();
});

afterAll(async () => {
  await house.stop();
  authority.remove();
});

describe("a door with a port for TLS", () => {
  it("says at its start where it is called by sips:", async () => {
    const ready = await until((event) => event.event === "config" && event.value === "ready");
    expect(ready.secure).toBe("sips:door@" + HOST + ":" + TLS_PORT);
  });

  it("is not called by sips: over TCP, where others can read it", async () => {
    const socket = connectTcp(PORTS, HOST);
    const answer = new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(bytes.toString("latin1"))));
    const lines = ["INVITE sips:door@" + HOST + " SIP/2.0", "Via: SIP/2.0/TCP phone.test;branch=z9hG4bKtcp"];
    lines.push("From: <sip:bob@phone.test>;tag=bob", "To: <sips:door@" + HOST + ">", "Call-ID: two", "CSeq: 1 INVITE");
    socket.write(
      [...lines, "Max-Forwards: 70", "Contact: <sip:bob@" + HOST + ">", "Content-Length: 0", "", ""].join("\r\n"),
    );
    expect(await answer).toMatch(/^SIP\/2\.0 416/);
    socket.destroy();
  });

  it.each([
    ["sips:", "sips:bob@" + HOST + ":9"],
    ["transport=tls", "sip:bob@" + HOST + ":9;transport=tls"],
  ])(
    "is called by %s: the keys are told, status says private, and its BYE takes the same connection",
    async (_, at) => {
      const phone = new Phone(at);
      const scheme = at.slice(0, at.indexOf(":"));
      const uri = scheme + ":door@" + HOST + ":" + TLS_PORT;
      phone.send("INVITE " + uri + " SIP/2.0", "1 INVITE", "<" + uri + ">", sealed);
      const answer = await phone.until("SIP/2.0 200");
      const own = scheme + ":door@" + HOST + ":" + TLS_PORT + ";transport=tls";
      expect(headers(answer, "Contact")).toEqual(["<" + own + ">"]);
      phone.send("ACK " + own + " SIP/2.0", "1 ACK", headers(answer, "To")[0]);
      const confirmed = await call("confirmed");
      expect([confirmed.encryption, confirmed.signalling]).toEqual(["AES_CM_128_HMAC_SHA1_80", "TLS"]);
      expect(house.door.line("status")).toContain(
        "call in, confirmed, signalling by TLS and sound encrypted: private\n",
      );
      house.door.line("press");
      const bye = await phone.until("BYE ");
      expect(bye.split("\r\n")[0]).toBe("BYE " + at + " SIP/2.0");
      expect(headers(bye, "Via")[0]).toContain(OURS + ";branch=");
      const same = ["Via", "From", "To", "Call-ID", "CSeq"].map((name) => name + ": " + headers(bye, name)[0]);
      phone.send("SIP/2.0 200 OK\r\n" + same.join("\r\n"), "2 BYE", "<" + uri + ">");
      await call("ended");
      await phone.close();
    },
  );

  it("tells in one line of a client that speaks SIP without TLS, and of no second one in that minute", async () => {
    const closed = (): Promise<void> =>
      new Promise((resolve) => {
        const socket = connectTcp(TLS_PORT, HOST, () => socket.write("OPTIONS sip:door SIP/2.0\r\n\r\n"));
        socket.on("error", () => {});
        socket.resume();
        socket.on("close", () => resolve());
      });
    await closed();
    const error = await until((event) => event.event === "error");
    expect(error.value).toBe("TLS from " + HOST + ": it does not speak TLS: this port is for sips: and ;transport=tls");
    await closed();
    await closed();
    expect(events.filter((event) => event.event === "error")).toEqual([]);
  });

  it("is refused on another address than its own", () => {
    expect(() => houseWith({ "net.address": "127.0.0.2" })).toThrow(
      "--listen tls:127.0.0.1:" + TLS_PORT + ": must be on the door's own address, net.address, which is 127.0.0.2",
    );
  });
});

describe("lines about clients that are turned away", () => {
  it("come once a minute, with the count of the others", async () => {
    const clock = new VirtualClock();
    const lines: string[] = [];
    const complaints = new Complaints(clock, (line) => lines.push(line));
    for (let i = 0; i < 100; i++) complaints.add("192.0.2.1", "why");
    await clock.runUntil(59_999);
    complaints.add("192.0.2.2", "why");
    expect(lines).toEqual(["TLS from 192.0.2.1: why"]);
    await clock.runUntil(60_000);
    complaints.add("", "why");
    expect(lines.slice(1)).toEqual(["TLS from a client that is gone: why (and 100 others since the last line)"]);
  });
});

describe("SIGHUP", () => {
  it("has the certificates read again instead of ending the program", () => {
    let count = 0;
    const before = process.listeners("SIGHUP");
    const interruption = new Interruption(() => {
      count += 1;
    });
    const own = process.listeners("SIGHUP").filter((one) => !before.includes(one));
    for (const one of own) for (let i = 0; i < 2; i++) one("SIGHUP");
    for (const one of own) process.off("SIGHUP", one);
    expect([count, interruption.isThere]).toEqual([2, false]);
  });
});

describe("the simulator", () => {
  const listen = ["--listen", "tls:" + HOST + ":" + TLS_PORT];
  const files = ["--tls-cert", pair.certificate, "--tls-key", pair.key];

  it.each([
    [
      "a key of another certificate",
      [...listen, "--tls-cert", pair.certificate, "--tls-key", authority.own.key],
      /mismatch/,
    ],
    [
      "no such file",
      [...listen, "--tls-cert", "none.pem", "--tls-key", pair.key],
      /^--tls-cert: none\.pem cannot be read/,
    ],
    ["a key alone", [...listen, "--tls-key", pair.key], /must be given in pairs/],
    ["no files", listen, /^--listen tls:… needs --tls-cert FILE and --tls-key FILE/],
    ["files alone", files, /need --listen tls:IP:PORT/],
    [
      "another transport",
      ["--listen", "udp:127.0.0.1:5060", ...files],
      /^--listen "udp:127\.0\.0\.1:5060": must be tls:IP:PORT/,
    ],
    ["a port over 65535", ["--listen", "tls:127.0.0.1:65536", ...files], /must be tls:IP:PORT/],
    [
      "an address of another machine",
      ["--listen", "tls:192.0.2.1:5061", ...files],
      /must be on the door's own address/,
    ],
    ["virtual time", [...listen, ...files, "--virtual-time"], /leave --virtual-time out/],
    ["text in place of authorities", [...listen, ...files, "--tls-ca", pair.key], /^--tls-ca: .* has no certificate/],
  ])("refuses %s in one line", async (_, args, line) => {
    const { code, err, out } = await runHere("portero-sim", ["--headless", "--alone", "--do", "quit", ...args]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(line);
    expect(err.trimEnd().split("\n").length).toBe(1);
  });

  it("says that the port is in use", async () => {
    const free = freePorts(8);
    const set = ["--set", "sip.port=" + free, "--set", "rtp.port=" + (free + 4)];
    const { code, err } = await runHere("portero-sim", [
      "--headless",
      "--alone",
      "--do",
      "quit",
      ...listen,
      ...files,
      ...set,
    ]);
    expect(code).toBe(1);
    expect(err).toBe("--listen tls: port " + TLS_PORT + " (tcp) on " + HOST + " is in use\n");
  });
});
