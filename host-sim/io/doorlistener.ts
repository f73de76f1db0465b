/**
 * The simulated door's port for TLS, beside its port for TCP: both together are one stack for the door, whose own
 * connections go out by the latter. Each client that is turned away is told in one line, one a minute for all.
 * Not here: the listener itself and its certificates (tlslistener.ts).
 */
import type { Clock, TcpConnection, TcpOptions, TcpStack, Trust } from "../../hal/device.js";
import { ipv4Text } from "../../src/core/address.js";
import { TCP_CONNECTIONS } from "./tcp.js";
import { type Certificates, openTls } from "./tlslistener.js";

/** The time for which one line is enough, whatever comes, ms. */
const TELL_EVERY_MS = 60_000;

/** What a failed handshake means, by OpenSSL's and Node's codes. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/HANDSHAKE_TIMEOUT/, "nothing came of the handshake in 5 s"],
  [
    /HTTP_REQUEST|WRONG_VERSION|PACKET_LENGTH|UNEXPECTED_MESSAGE/,
    "it does not speak TLS: this port is for sips: and ;transport=tls",
  ],
  [
    /UNKNOWN_CA|CERTIFICATE_UNKNOWN|BAD_CERTIFICATE/,
    "it does not believe our certificate: give it the authority of --tls-cert",
  ],
  [/NOT_RETURN_A_CERTIFICATE/, "it has no certificate, and --tls-ca wants one"],
  [/CERTIFICATE_VERIFY_FAILED|VERIFY/, "its certificate is not signed by one of --tls-ca"],
  [/UNSUPPORTED_PROTOCOL|VERSION/, "it knows TLS only in versions before 1.2"],
  [/NO_SHARED/, "it has no cipher or curve in common with us"],
  [/ECONNRESET|EPIPE/, "it closed the connection in the handshake"],
];

/** Where the door listens for TLS, and with what. */
export interface DoorListener {
  ip: number;
  port: number;
  certificates: Certificates;
}

/** Lines about clients that were turned away: one at once, then one a minute with the count of the others. */
export class Complaints {
  private readonly clock: Clock;
  private readonly tell: (line: string) => void;
  private quietUntilMs = 0;
  private untold = 0;

  constructor(clock: Clock, tell: (line: string) => void) {
    this.clock = clock;
    this.tell = tell;
  }

  add(address: string, reason: string): void {
    const nowMs = this.clock.now();
    if (nowMs < this.quietUntilMs) {
      this.untold += 1;
      return;
    }
    const more = this.untold === 0 ? "" : " (and " + this.untold + " others since the last line)";
    this.untold = 0;
    this.quietUntilMs = nowMs + TELL_EVERY_MS;
    this.tell("TLS from " + (address === "" ? "a client that is gone" : address) + ": " + reason + more);
  }
}

/** A stack for TCP and one that listens for TLS, as one. */
class BothStacks implements TcpStack {
  readonly port: number;
  readonly tlsPort: number;
  private readonly plain: TcpStack;
  private readonly secure: TcpStack;

  constructor(plain: TcpStack, secure: TcpStack) {
    this.plain = plain;
    this.secure = secure;
    this.port = plain.port;
    this.tlsPort = secure.port;
  }

  connect(address: number, port: number): TcpConnection | null {
    return this.plain.connect(address, port);
  }

  connectSecure(address: number, port: number, name: string, trust: Trust): TcpConnection | null {
    return this.plain.connectSecure?.(address, port, name, trust) ?? null;
  }

  findSecure(address: number, port: number, name: string): TcpConnection | null {
    return this.plain.findSecure?.(address, port, name) ?? null;
  }

  find(id: number): TcpConnection | null {
    return this.plain.find(id) ?? this.secure.find(id);
  }

  findTo(address: number, port: number): TcpConnection | null {
    return this.plain.findTo(address, port);
  }

  close(): void {
    this.plain.close();
    this.secure.close();
  }
}

/**
 * Opens the port for TLS beside that for TCP. @param options of the latter @param keylog gets the secrets of the
 * connections @returns both as one @throws Error of one line if the port is not available; `plain` is closed then
 */
export async function listenSecure(
  plain: TcpStack,
  options: TcpOptions,
  listener: DoorListener,
  complaints: Complaints,
  keylog?: (line: Uint8Array) => void,
): Promise<TcpStack> {
  const { ip, port, certificates } = listener;
  const complain = (address: string, code: string): void => complaints.add(address, reasonOf(code));
  const secureOptions: TcpOptions = {
    address: ip,
    port,
    onData: (connection, bytes, start, end) => options.onData(connection, bytes, start, end),
    onClose: (connection) => options.onClose(connection),
    onError: (message) => options.onError(message),
    onOpen: (connection, incoming) => {
      options.onOpen(connection, incoming);
      if (!connection.isOpen) complaints.add(ipv4Text(connection.address), "all places for connections are taken");
    },
  };
  try {
    const secure = await openTls(secureOptions, TCP_CONNECTIONS, certificates, complain, keylog);
    return new BothStacks(plain, secure);
  } catch (error) {
    plain.close();
    throw new Error("--listen tls: " + (error as Error).message);
  }
}

function reasonOf(code: string): string {
  return REASONS.find(([pattern]) => pattern.test(code))?.[1] ?? "the handshake failed (" + code + ")";
}
