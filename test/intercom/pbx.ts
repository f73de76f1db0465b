/**
 * Servers as people have them, spoken by hand: they challenge REGISTER and INVITE (and BYE, where real ones do) in the
 * words of their kind, check the answer with Node's own hashes, and take the call. They speak UDP and TCP, on whatever
 * network they are given. Not here: sound.
 */
import { createHash } from "node:crypto";
import type { Clock, Resolver, TcpConnection, TcpOptions, TcpStack, UdpOptions, UdpSocket } from "../../hal/device.js";
import { TimedPort } from "../../hal/timedport.js";
import { NO_SPEAKER, SamplesInput } from "../../host-sim/io/audio.js";
import { VirtualContact, VirtualOutput } from "../../host-sim/io/digital.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { ipv4Text } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import type { Limits } from "../../src/core/limits.js";
import { Station } from "../../src/driver/station.js";
import type { Settings } from "../../src/settings/settings.js";
import { part } from "../ua/digest.js";
import { header, headers, sdpOf } from "../ua/harness.js";

export type Algorithm = "MD5" | "SHA-256";

/** Describes how a kind of server challenges. */
export interface Kind {
  name: string;
  realm: string;
  /** The challenge without the scheme; each call makes it anew. */
  challenge(realm: string, nonce: string, algorithm: Algorithm): string;
  nonce(count: number): string;
  /** True if each request in a call is challenged as well. */
  asksInDialog?: boolean;
  /** Further fields of the server's 200 to an INVITE. */
  routes?: readonly string[];
}

const hex = (size: number, seed: number) =>
  createHash("sha512").update(String(seed)).digest("hex").repeat(4).slice(0, size);
const base64 = (size: number, seed: number) =>
  createHash("sha512").update(String(seed)).digest("base64url").repeat(4).slice(0, size);

export const KINDS: readonly Kind[] = [
  {
    name: "Asterisk",
    realm: "asterisk",
    challenge: (realm, nonce, algorithm) =>
      `realm="${realm}",nonce="${nonce}",opaque="${hex(16, 1)}",algorithm=${algorithm},qop="auth"`,
    nonce: (count) => `1767225600/${hex(32, count)}`,
  },
  {
    name: "FreeSWITCH",
    realm: "192.0.2.10",
    challenge: (realm, nonce, algorithm) => `realm="${realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth"`,
    nonce: (count) => `${hex(8, count)}-${hex(4, 2)}-4${hex(3, 3)}-a${hex(3, 4)}-${hex(12, 5)}`,
  },
  {
    name: "Kamailio",
    realm: "sip.example.org",
    challenge: (realm, nonce, algorithm) =>
      `realm="${realm}", nonce="${nonce}", qop="auth"${algorithm === "MD5" ? "" : `, algorithm=${algorithm}`}`,
    nonce: (count) => base64(56, count),
    asksInDialog: true,
    routes: ["<sip:192.0.2.10;lr;ftag=00112233;did=4a2.b1f>"],
  },
  {
    name: "3CX",
    realm: "3CXPhoneSystem",
    challenge: (realm, nonce, algorithm) => `nonce="${nonce}",algorithm=${algorithm},realm="${realm}"`,
    nonce: (count) => `414d535c1d2f5b8c4a:${hex(32, count)}`,
  },
  {
    name: "FRITZ!Box",
    realm: "fritz.box",
    challenge: (realm, nonce, algorithm) =>
      `realm="${realm}", nonce="${nonce}"${algorithm === "MD5" ? "" : `, algorithm=${algorithm}`}`,
    nonce: (count) => hex(16, count).toUpperCase(),
  },
  {
    name: "Twilio",
    realm: "sip.twilio.com",
    challenge: (realm, nonce, algorithm) =>
      `realm="${realm}",qop="auth",nonce="${nonce}",opaque="${hex(32, 9)}",algorithm=${algorithm}`,
    nonce: (count) => base64(64, count),
    asksInDialog: true,
    routes: ["<sip:198.51.100.7;lr;twnat=sip:192.0.2.1:5060>", "<sip:192.0.2.10:5060;transport=udp;lr;r2=on>"],
  },
  {
    name: "an IMS",
    realm: "ims.mnc001.mcc262.3gppnetwork.org",
    challenge: (realm, nonce, algorithm) =>
      `realm="${realm}",nonce="${nonce}",opaque="${hex(32, 9)}",stale=FALSE,algorithm=${algorithm},qop="auth"`,
    nonce: (count) => base64(88, count),
    routes: ["<sip:term@pcscf.ims.mnc001.mcc262.3gppnetwork.org:5060;lr>", "<sip:192.0.2.10;lr>"],
  },
  {
    name: "Portero's server",
    realm: "house",
    challenge: (realm, nonce, algorithm) => `realm="${realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth"`,
    nonce: (count) => hex(48, count),
    asksInDialog: true,
  },
];

/** The longest challenge that is to be taken: nonce 256, opaque 128, realm 64; the user has 64 as well. */
export const LONGEST: Kind = {
  name: "the longest",
  realm: hex(64, 77),
  challenge: (realm, nonce, algorithm) =>
    `realm="${realm}", nonce="${nonce}", opaque="${hex(128, 8)}", algorithm=${algorithm}, qop="auth"`,
  nonce: (count) => hex(128, count) + hex(128, count + 1),
  asksInDialog: true,
};

export interface Arrived {
  message: string;
  bytes: number;
  isTcp: boolean;
}

export interface PbxOptions {
  ip: number;
  port: number;
  kind: Kind;
  algorithm: Algorithm;
  /** The status of its challenges, and of those to a REGISTER if that is another. */
  status: 401 | 407;
  registerStatus?: 401 | 407;
  user: string;
  password: string;
}

/** Gives the server its sockets. */
export interface Ports {
  udp(options: UdpOptions): Promise<UdpSocket>;
  tcp(options: TcpOptions): Promise<TcpStack>;
}

export class Pbx {
  /** The requests as they came, repeated ones too. */
  readonly arrived: Arrived[] = [];
  /** Problems with the credentials that came. */
  readonly wrong: string[] = [];
  /** True after a BYE was accepted. */
  isHungUp = false;
  /** True if the server accepts TCP connections and never answers on them. */
  isDeafOverTcp = false;
  private readonly options: PbxOptions;
  private udp: UdpSocket | null = null;
  private tcp: TcpStack | null = null;
  private nonces = 0;
  private readonly given = new Set<string>();
  private readonly into = new Uint8Array(65536);
  private readonly pieces = new Map<number, string>();

  constructor(options: PbxOptions) {
    this.options = options;
  }

  /** @param hasTcp false: nothing listens on TCP */
  async open(ports: Ports, hasTcp = true): Promise<void> {
    const { ip, port } = this.options;
    const socket = await ports.udp({
      address: ip,
      port,
      onReadable: () => {
        for (let length = socket.read(this.into); length > 0; length = socket.read(this.into)) {
          const { address, remotePort } = socket;
          this.receive(text(this.into, 0, length), length, false, (answer) => {
            const bytes = octets(answer);
            socket.write(bytes, 0, bytes.length, address, remotePort);
          });
        }
      },
      onError: () => {},
    });
    this.udp = socket;
    if (!hasTcp) return;
    this.tcp = await ports.tcp({
      address: ip,
      port,
      onOpen: () => {},
      onData: (connection, bytes, start, end) => this.onData(connection, text(bytes, start, end)),
      onClose: () => {},
      onError: () => {},
    });
  }

  close(): void {
    this.udp?.close();
    this.tcp?.close();
  }

  requests(method: string): Arrived[] {
    return this.arrived.filter(({ message }) => message.startsWith(method + " "));
  }

  private onData(connection: TcpConnection, data: string): void {
    const whole = (this.pieces.get(connection.id) ?? "") + data;
    this.pieces.set(connection.id, whole);
    const head = whole.indexOf("\r\n\r\n");
    if (head < 0 || octets(whole).length < head + 4 + Number(header(whole, "Content-Length"))) return;
    this.pieces.delete(connection.id);
    this.receive(whole, octets(whole).length, true, (answer) => {
      const bytes = octets(answer);
      if (!this.isDeafOverTcp) connection.write(bytes, 0, bytes.length);
    });
  }

  private receive(message: string, bytes: number, isTcp: boolean, answer: (message: string) => void): void {
    if (message.startsWith("SIP/2.0")) return;
    this.arrived.push({ message, bytes, isTcp });
    const method = message.slice(0, message.indexOf(" "));
    const isInDialog = header(message, "To").includes(";tag=");
    if (method === "ACK" || (isTcp && this.isDeafOverTcp)) return;
    const mustAsk = !isInDialog || (this.options.kind.asksInDialog ?? false);
    if (mustAsk && method !== "CANCEL" && !this.isAllowed(method, message)) {
      answer(this.response(message, this.statusOf(method), "Who are you", [this.challenge(method)]));
      return;
    }
    if (method !== "INVITE") {
      const contacts = method === "REGISTER" ? headers(message, "Contact").map((one) => `Contact: ${one}`) : [];
      answer(this.response(message, 200, "OK", contacts));
      if (method === "BYE") this.isHungUp = true;
      return;
    }
    const { ip, port, kind } = this.options;
    const more = [
      ...(kind.routes ?? []).map((route) => `Record-Route: ${route}`),
      `Contact: <sip:phone@${ipv4Text(ip)}:${port}>`,
      "Content-Type: application/sdp",
    ];
    answer(this.response(message, 100, "Trying", []));
    answer(this.response(message, 200, "OK", more, sdpOf(ipv4Text(ip), 20_000)));
  }

  private statusOf(method: string): 401 | 407 {
    const { status, registerStatus } = this.options;
    return method === "REGISTER" ? (registerStatus ?? status) : status;
  }

  private challenge(method: string): string {
    const { kind, algorithm } = this.options;
    const status = this.statusOf(method);
    const nonce = kind.nonce(++this.nonces);
    this.given.add(nonce);
    const name = status === 401 ? "WWW-Authenticate" : "Proxy-Authenticate";
    return `${name}: Digest ${kind.challenge(kind.realm, nonce, algorithm)}`;
  }

  private isAllowed(method: string, message: string): boolean {
    const { user, password, kind, algorithm } = this.options;
    const status = this.statusOf(method);
    const fields = headers(message, status === 401 ? "Authorization" : "Proxy-Authorization");
    const others = headers(message, status === 401 ? "Proxy-Authorization" : "Authorization");
    // Credentials that a proxy asked of a registration are sent in calls too: another proxy looks like this server.
    if (fields.length > 1 || (others.length > 0 && this.statusOf("REGISTER") === this.statusOf("INVITE")))
      this.wrong.push(method + ": credentials more than once");
    const [field] = fields;
    if (field === undefined) return false;
    const get = (name: string) => part(field.replace("Digest ", ""), name);
    const hash = (value: string) =>
      createHash(algorithm === "MD5" ? "md5" : "sha256")
        .update(value)
        .digest("hex");
    const [nonce, uri, nc, cnonce, qop] = [get("nonce"), get("uri"), get("nc"), get("cnonce"), get("qop")];
    const [a1, a2] = [hash(`${user}:${kind.realm}:${password}`), hash(`${method}:${uri}`)];
    const expected = qop === "" ? hash(`${a1}:${nonce}:${a2}`) : hash(`${a1}:${nonce}:${nc}:${cnonce}:${qop}:${a2}`);
    const asked = kind.challenge(kind.realm, nonce, algorithm);
    const problems = [
      get("username") === user ? "" : "another user",
      get("realm") === kind.realm ? "" : "another realm",
      this.given.has(nonce) ? "" : "a nonce of nobody's",
      uri === message.split(" ")[1] ? "" : "another URI",
      get("response") === expected ? "" : "a wrong response",
      get("opaque") === part(asked, "opaque") ? "" : "another opaque",
      (qop !== "") === asked.includes("qop=") ? "" : "another qop",
      algorithm === "MD5" || get("algorithm") === algorithm ? "" : "no algorithm",
    ].filter((problem) => problem !== "");
    for (const problem of problems) this.wrong.push(`${method}: ${problem}`);
    return problems.length === 0;
  }

  private response(request: string, status: number, reason: string, more: readonly string[], body = ""): string {
    const lines = [`SIP/2.0 ${status} ${reason}`];
    for (const name of ["Via", "From", "To", "Call-ID", "CSeq"])
      for (const value of headers(request, name))
        lines.push(`${name}: ${value}${name === "To" && status > 100 && !value.includes(";tag=") ? ";tag=pbx" : ""}`);
    return [...lines, ...more, `Content-Length: ${octets(body).length}`, "", body].join("\r\n");
  }
}

/** A door's station, configured by lines. @param ports its network @param ip its address */
export function stationAt(
  ports: Ports & { resolver: Resolver },
  clock: Clock,
  ip: number,
  settings: Settings,
  limits: Limits,
  events: string[],
): Station {
  return new Station(
    {
      restart: null,
      wifi: null,
      wire: null,
      address: () => ip,
      clock,
      random: new SeededRandom(2),
      resolver: ports.resolver,
      udp: (options) => ports.udp(options),
      tcp: (options) => ports.tcp(options),
      microphone: new TimedPort(clock, new SamplesInput()),
      speaker: NO_SPEAKER,
      codec: null,
      input: (_name, options) => new VirtualContact(clock).open(options),
      relays: [new VirtualOutput(), new VirtualOutput()],
      led: new VirtualOutput(),
      store: new MemoryStore(),
    },
    settings,
    limits,
    { event: (name, value, fields) => events.push([name, value, ...Object.entries(fields).flat()].join(" ")) },
  );
}
