/**
 * Tests requests in a call whose credentials and routes do not fit together: they go without the credentials, for a
 * request that is not sent is never heard.
 */
import { describe, expect, it } from "vitest";
import { Agent, header, headers, Peer, sdpOf, World } from "./harness.js";

const DOOR = "10.0.0.1";
const SERVER = "10.0.0.2";
const USER = "u".repeat(64);
const CHALLENGE = `Proxy-Authenticate: Digest realm="${"r".repeat(64)}", nonce="${"n".repeat(256)}", opaque="${"o".repeat(128)}", algorithm=SHA-256, qop="auth"`;

/** Makes Record-Routes of about that many octets in all; the first hop is the server. */
function routes(octets: number): string[] {
  const count = Math.max(1, Math.ceil(octets / 100));
  const filling = "x".repeat(Math.floor(octets / count) - 25);
  return Array.from({ length: count }, () => `Record-Route: <sip:${SERVER};lr;a=${filling}>`);
}

class Call {
  readonly world = new World();
  readonly door = new Agent(this.world, DOOR, { user: USER, password: "secret", proxy: SERVER, domain: "house" });
  readonly server = new Peer(this.world, SERVER);
  /** These requests are challenged besides the INVITE. */
  asks: (method: string) => boolean = () => false;

  constructor(routeBytes: number, isReliable: boolean) {
    const answer = ["Content-Type: application/sdp", `Contact: <sip:phone@${SERVER}>`, ...routes(routeBytes)];
    this.server.onMessage = (m) => {
      const method = m.slice(0, m.indexOf(" "));
      if (method === "ACK" || method === "SIP/2.0") return;
      const isAsked = method === "INVITE" || this.asks(method);
      if (isAsked && headers(m, "Proxy-Authorization").length === 0)
        this.server.respond(DOOR, m, "407 Who are you", "s", [CHALLENGE]);
      else if (method !== "INVITE") this.server.respond(DOOR, m, "200 OK", "s");
      else if (isReliable)
        this.server.respond(DOOR, m, "183 Soon", "s", [...answer, "Require: 100rel", "RSeq: 1"], sdpOf(SERVER));
      else
        this.server.respond(
          DOOR,
          m,
          "200 OK",
          "s",
          [...answer, "Allow: INVITE,ACK,BYE,UPDATE", "Supported: timer", "Session-Expires: 90;refresher=uac"],
          sdpOf(SERVER),
        );
    };
    this.door.call("sip:phone@house");
    this.world.run(100);
  }

  /** Tells for each request of that method whether it had credentials. */
  had(method: string): boolean[] {
    return this.server.got(method + " ").map((m) => headers(m, "Proxy-Authorization").length === 1);
  }
}

describe.each([
  ["that fit", 40, true],
  ["that do not", 700, false],
])("in a call with the longest credentials and routes %s", (_, routeBytes, fits) => {
  it("the BYE is sent, with them if they fit", () => {
    const call = new Call(routeBytes, false);
    expect(call.had("INVITE")).toEqual([false, true]);
    call.door.ua.hangUp(call.door.ua.calls[0]);
    call.world.run(100);
    expect(call.had("BYE")).toEqual([fits]);
  });

  it("an UPDATE and a PRACK are sent, with them if they fit", () => {
    const talking = new Call(routeBytes, false);
    talking.world.run(46_000);
    expect(talking.had("UPDATE")).toEqual([fits]);
    const ringing = new Call(routeBytes, true);
    expect(ringing.had("PRACK")).toEqual([fits]);
  });

  it("a BYE that is asked for them all the same is not asked about for ever", () => {
    const call = new Call(routeBytes, false);
    call.asks = (method) => method === "BYE";
    call.door.ua.hangUp(call.door.ua.calls[0]);
    call.world.run(40_000);
    expect(call.had("BYE").length).toBeLessThanOrEqual(3);
    expect(call.door.ua.layer.clients.used()).toBe(0);
  });
});

it("a challenged INVITE has its credentials though what it has beside them must be left out", () => {
  const world = new World();
  const door = new Agent(world, DOOR, { user: USER, password: "secret", proxy: SERVER, domain: "house" });
  const server = new Peer(world, SERVER);
  server.onMessage = (m) => {
    const isAllowed = headers(m, "Authorization").length === 1;
    if (m.startsWith("INVITE"))
      server.respond(
        DOOR,
        m,
        isAllowed ? "486 Busy" : "401 Who",
        "s",
        isAllowed ? [] : [CHALLENGE.replace("Proxy", "WWW")],
      );
  };
  door.call("sip:phone@house");
  world.run(100);
  const [first, second] = server.got("INVITE");
  expect([header(first, "Allow") !== "", header(first, "User-Agent")]).toEqual([true, "Portero"]);
  expect([header(second, "Allow"), header(second, "User-Agent")]).toEqual(["", ""]);
  expect(door.last()).toContain("status 486");
  // Each count is used once: a count that was passed over looks like a replay to some servers.
  expect(header(second, "Authorization")).toContain("nc=00000001");
  expect(Number(header(second, "CSeq").split(" ")[0])).toBe(Number(header(first, "CSeq").split(" ")[0]) + 1);
});
