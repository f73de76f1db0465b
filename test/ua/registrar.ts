/**
 * A server in the world of harness.ts that sends the challenges it is told to and checks the answers by Node's own
 * hashes.
 */
import { createHash } from "node:crypto";
import { bodyOf, header, headers, Peer, sdpOf, type World } from "./harness.js";

/** Reads the value of a parameter of a challenge or of credentials. */
export function field(value: string, name: string): string {
  const found = new RegExp(`[ ,]${name}=("([^"]*)"|[^,]*)`).exec(value);
  return found === null ? "" : (found[2] ?? found[1]);
}

/** Reckons the response that RFC 7616 §3.4.1 wants. */
export function expected(value: string, message: string, password: string): string {
  const hash = field(value, "algorithm").startsWith("SHA-256") ? "sha256" : "md5";
  const h = (text: string) => createHash(hash).update(text).digest("hex");
  const [nonce, cnonce, qop] = ["nonce", "cnonce", "qop"].map((name) => field(value, name));
  let a1 = h(`${field(value, "username")}:${field(value, "realm")}:${password}`);
  if (field(value, "algorithm").endsWith("-sess")) a1 = h(`${a1}:${nonce}:${cnonce}`);
  const body = qop === "auth-int" ? `:${h(bodyOf(message))}` : "";
  const a2 = h(`${message.split(" ")[0]}:${field(value, "uri")}${body}`);
  if (qop === "") return h(`${a1}:${nonce}:${a2}`);
  return h(`${a1}:${nonce}:${field(value, "nc")}:${cnonce}:${qop}:${a2}`);
}

export class Server extends Peer {
  /** The challenge of REGISTER and of all else; "" asks for nothing. */
  challenge = 'Digest realm="house", nonce="n1", qop="auth", algorithm=MD5';
  proxyChallenge = "";
  /** True if REGISTER is challenged with 407 too. */
  isProxy = false;
  /** The answer to REGISTER instead, [status line, ...fields]. */
  instead: string[] | null = null;
  /** The fields of a 200 to REGISTER beside its Contacts. */
  more: string[] = [];
  grantS = 0;
  password = "secret";
  isDead = false;
  /** The Contacts that are bound. */
  readonly bound = new Set<string>();
  readonly door: string;

  constructor(world: World, address: string, door = "10.0.0.1") {
    super(world, address);
    this.door = door;
    this.onMessage = (m) => {
      if (!this.isDead && !m.startsWith("SIP/2.0") && !m.startsWith("ACK")) this.answer(m);
    };
  }

  answer(m: string): void {
    const isRegister = m.startsWith("REGISTER");
    if (isRegister && this.instead !== null) {
      this.respond(this.door, m, this.instead[0], "r", this.instead.slice(1));
      return;
    }
    const isProxy = !isRegister || this.isProxy;
    const challenge = isRegister ? this.challenge : this.proxyChallenge;
    if (challenge !== "" && !this.isAnswered(m, challenge, isProxy)) {
      const name = isProxy ? "Proxy-Authenticate" : "WWW-Authenticate";
      this.respond(this.door, m, isProxy ? "407 Who" : "401 Who", "r", [`${name}: ${challenge}`]);
    } else if (isRegister) this.bind(m);
    else if (m.startsWith("INVITE")) {
      const lines = [`Contact: <sip:bob@${this.address}>`, "Content-Type: application/sdp"];
      this.respond(this.door, m, "200 OK", "b", lines, sdpOf(this.address));
    } else this.respond(this.door, m, "200 OK", "b");
  }

  /** Returns whether one of the credentials answers the challenge. */
  isAnswered(m: string, challenge: string, isProxy: boolean): boolean {
    return headers(m, isProxy ? "Proxy-Authorization" : "Authorization").some(
      (value) =>
        ["realm", "nonce"].every((name) => field(value, name) === field(challenge, name)) &&
        field(value, "response") === expected(value, m, this.password),
    );
  }

  private bind(m: string): void {
    const lines: string[] = [];
    for (const contact of headers(m, "Contact")) {
      const uri = contact.slice(1, contact.indexOf(">"));
      const seconds = Number(contact.slice(contact.indexOf("expires=") + 8));
      if (seconds === 0) this.bound.delete(uri);
      else this.bound.add(uri);
      if (seconds > 0) lines.push(`Contact: <${uri}>;expires=${this.grantS || seconds}`);
    }
    this.respond(this.door, m, "200 OK", "r", [...lines, ...this.more]);
  }

  /** Returns the credentials of the last such request, one text for all of them. */
  credentials(method: string): string {
    const m = this.got(method).at(-1) ?? "";
    return [header(m, "Authorization"), ...headers(m, "Proxy-Authorization")].join("\n");
  }
}
