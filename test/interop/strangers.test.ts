/**
 * Tests our server and our door as two programs, with a user of that server and a stranger: which of them is answered,
 * which opens, and which only rings.
 */
import { createSocket, type Socket } from "node:dgram";
import { afterAll, expect, it } from "vitest";
import { freePorts } from "../ports.js";
import { authorization } from "../ua/digest.js";
import { header } from "../ua/harness.js";
import { Door } from "./door.js";
import { describeWith, HOST } from "./programs.js";
import { Server } from "./server.js";

const WAIT_MS = 4000;

/** A stranger with a socket, who sends what a test writes. */
class Hand {
  readonly #socket: Socket;
  readonly #port: number;
  readonly inbox: string[] = [];
  #calls = 0;

  static async start(): Promise<Hand> {
    const hand = new Hand(freePorts(1));
    await new Promise<void>((resolve) => hand.#socket.bind(hand.#port, HOST, resolve));
    return hand;
  }

  private constructor(port: number) {
    this.#port = port;
    this.#socket = createSocket("udp4");
    this.#socket.on("message", (bytes) => this.inbox.push(bytes.toString()));
    this.#socket.unref();
  }

  close(): void {
    this.#socket.close();
  }

  /** @returns the answers to one request, up to the final one, or until no more come */
  async ask(toPort: number, method: string, from: string, more: string[], body = "", password = ""): Promise<string[]> {
    const uri = `sip:door@${HOST}`;
    const call = `s${this.#port}x${this.#calls++}`;
    let credentials: string[] = [];
    for (let cseq = 1; ; cseq++) {
      const tag = `${method}${cseq}`;
      const lines = [
        `Via: SIP/2.0/UDP ${HOST}:${this.#port};branch=z9hG4bK${call}${tag}`,
        "Max-Forwards: 70",
        `From: <sip:${from}>;tag=${call}`,
        `To: <${uri}>`,
        `Call-ID: ${call}`,
      ];
      this.inbox.length = 0;
      this.#send(toPort, [
        `${method} ${uri} SIP/2.0`,
        ...lines,
        `CSeq: ${cseq} ${method}`,
        `Contact: <sip:x@${HOST}:${this.#port}>`,
        ...(body === "" ? [] : [`Content-Type: ${method === "INVITE" ? "application/sdp" : "text/plain"}`]),
        ...more,
        ...credentials,
        `Content-Length: ${Buffer.byteLength(body)}`,
        "",
        body,
      ]);
      const answers = await this.#answers();
      const last = answers.at(-1) ?? "";
      if (method === "INVITE" && Number(last.slice(8, 11)) >= 300)
        this.#send(toPort, [
          `ACK ${uri} SIP/2.0`,
          ...lines.map((line) => (line.startsWith("To:") ? `To: ${header(last, "To")}` : line)),
          `CSeq: ${cseq} ACK`,
          "Content-Length: 0",
          "",
          "",
        ]);
      const asked = header(last, "Proxy-Authenticate");
      if (asked === "" || password === "" || cseq > 1) return answers.map((m) => m.slice(8, 11));
      const user = from.split("@")[0];
      credentials = [`Proxy-Authorization: ${authorization(asked, { method, uri, user, password })}`];
    }
  }

  #send(port: number, lines: string[]): void {
    this.#socket.send(Buffer.from(lines.join("\r\n")), port, HOST);
  }

  async #answers(): Promise<string[]> {
    const found = () => this.inbox.filter((m) => m.startsWith("SIP/2.0"));
    for (let ms = 0; ms < WAIT_MS && !found().some((m) => m[8] >= "2"); ms += 50)
      await new Promise((resolve) => setTimeout(resolve, 50));
    return found();
  }
}

const SDP = (port: number) =>
  `v=0\r\no=- 1 1 IN IP4 ${HOST}\r\ns=-\r\nc=IN IP4 ${HOST}\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\n`;
const ASKS = ["Call-Info: <sip:x>;answer-after=0"];
const FORGED = [`P-Asserted-Identity: <sip:alice@${HOST}>`, `Remote-Party-ID: <sip:alice@${HOST}>;screen=yes`];

describeWith([], "a door behind our server, a user and a stranger", () => {
  const hands: Hand[] = [];
  afterAll(() => {
    for (const hand of hands) hand.close();
  });

  async function scene(strangers: "on" | "off", ...settings: [string, string][]) {
    const server = await Server.start({ users: ["door", "alice"] }, "--strangers", strangers);
    const door = await Door.start({
      set: {
        "sip.domain": HOST,
        "sip.proxy": `${HOST}:${server.port}`,
        "sip.user": "door",
        "sip.password": "door",
        "call.allow": "known",
        "call.autoAnswer": "off",
        "relay1.code": "2580",
        "door.message": "code",
        ...Object.fromEntries(settings),
      },
      script: "expect register=registered 20; wait 60; quit",
    });
    await door.expect("register", "registered");
    const [alice, stranger] = [await Hand.start(), await Hand.start()];
    hands.push(alice, stranger);
    return { server, door, alice, stranger };
  }

  it("the stranger may ring through an open server, and is neither answered nor obeyed, whatever he says", async () => {
    const { server, door, stranger } = await scene("on", ["sip.trust", "server"]);
    const from = "mallory@example.net";
    expect(await stranger.ask(server.port, "MESSAGE", from, FORGED, "open 2580")).toEqual(["407"]);
    expect(await stranger.ask(server.port, "SUBSCRIBE", from, ["Event: dialog", ...FORGED])).toEqual(["407"]);
    // The request goes straight to the door, from the server's machine but not from the server.
    expect(await stranger.ask(door.port, "MESSAGE", from, FORGED, "open 2580")).toEqual(["403"]);
    const rung = await stranger.ask(server.port, "INVITE", from, [...ASKS, ...FORGED], SDP(freePorts(2)));
    expect(rung).toContain("180");
    expect(rung).not.toContain("200");
    expect(door.all("call", "ringing")).toHaveLength(1);
    expect(door.all("relay")).toEqual([]);
  });

  it("the server's user is answered and obeyed where the owner takes the server's word, and rings where not", async () => {
    for (const trust of ["server", "off"]) {
      const { server, door, alice } = await scene("off", ["sip.trust", trust]);
      const from = `alice@${HOST}`;
      const text = await alice.ask(server.port, "MESSAGE", from, [], "open 2580", "alice");
      expect(text.at(-1)).toBe(trust === "server" ? "200" : "403");
      const call = await alice.ask(server.port, "INVITE", from, ASKS, SDP(freePorts(2)), "alice");
      if (trust === "server") {
        await door.expect("relay", "on");
        expect(call.at(-1)).toBe("200");
        await door.expect("call", "ringing");
      } else {
        expect(door.all("relay")).toEqual([]);
        expect(call).toContain("180");
        expect(call).not.toContain("200");
      }
    }
  });

  it("a closed server lets the stranger do nothing", async () => {
    const { server, door, stranger } = await scene("off", ["sip.trust", "server"]);
    for (const method of ["INVITE", "MESSAGE", "SUBSCRIBE", "OPTIONS"])
      expect(await stranger.ask(server.port, method, "mallory@example.net", FORGED)).toEqual(["407"]);
    expect(door.all("call")).toEqual([]);
  });
});
