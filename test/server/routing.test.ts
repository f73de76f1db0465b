/**
 * Tests Route and Record-Route through proxies against the rules of RFC 3261 §16.4, §16.6 and §16.12, for any mixture
 * of loose and strict routers.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { ValueList } from "../../src/wire/list.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import { HEADER_RECORD_ROUTE, HEADER_ROUTE } from "../../src/wire/names.js";
import { runs } from "../runs.js";
import { responseTo } from "../transaction/harness.js";
import { home } from "./house.js";
import { ask, PROXY, ProxyHouse, STRANGER } from "./proxied.js";

const SEED = 16_12;

/** @returns the values of a list field, as our own reader finds them */
function listOf(message: string, id: number): string[] {
  const bytes = octets(message);
  const m = new Message(128);
  expect(m.parse(bytes, 0, bytes.length, false), message).toBe(PARSE_OK);
  const list = new ValueList();
  const out: string[] = [];
  for (list.beginField(m, id); list.next(); ) out.push(text(list.bytes, list.start, list.end));
  return out;
}

const uriOf = (value: string) => /<(sip:[^>]*)>/.exec(value)?.[1] ?? value;
const hostOf = (uri: string) => /^sip:(?:[^@;]*@)?([\d.]+)/.exec(uri)?.[1] ?? "";
const isLoose = (uri: string) => /;lr(?=[;=]|$)/i.test(uri);

describe("one proxy", () => {
  const host = fc.constantFrom("10.8.0.1", "10.8.0.2", "10.8.0.3", PROXY, PROXY);
  const route = fc
    .record({
      name: fc.constantFrom("", "Proxy ", '"a, <b>" '),
      user: fc.constantFrom("", "p@", "x,y@"),
      host,
      port: fc.constantFrom("", ":5060"),
      params: fc.constantFrom("", ";lr", ";lr", ";lr", ";x=1;lr", ";LR=on", ";lrx"),
      behind: fc.constantFrom("", ";a=b", ' ;c="d,e"'),
    })
    .map(({ name, user, host, port, params, behind }) => name + "<sip:" + user + host + port + params + ">" + behind);
  const field = fc.constantFrom("Route", "ROUTE", "route");

  /** @returns the Request-URI and Route that the rules ask for. RFC 3261 §16.4, §16.6 step 6 */
  function expected(uri: string, routes: readonly string[]): { line: string; routes: string[]; to: string } {
    const left = [...routes];
    let line = uri;
    if (left.length > 0 && isLoose(line) && hostOf(line) === PROXY) line = uriOf(left.pop() as string);
    while (left.length > 0 && hostOf(uriOf(left[0])) === PROXY) left.shift();
    if (left.length === 0) return { line, routes: [], to: hostOf(line) };
    const next = uriOf(left[0]);
    if (isLoose(next)) return { line, routes: left, to: hostOf(next) };
    return { line: next, routes: [...left.slice(1), "<" + line + ">"], to: hostOf(next) };
  }

  test("follows any Route, and leaves all else as it was", () => {
    let routed = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(route, fc.boolean(), field), { maxLength: 6 }),
        fc.array(fc.constantFrom("<sip:10.8.1.1;lr>", "<sip:10.8.1.2>", '"n, m" <sip:a@10.8.1.3;lr>;z'), {
          maxLength: 3,
        }),
        fc.constantFrom(
          "sip:eve@10.8.9.9",
          "sip:eve@10.8.9.9:5070;lr",
          "sip:" + PROXY + ";lr",
          "sip:m@" + PROXY + ";x;lr",
        ),
        fc.constantFrom("INVITE", "MESSAGE", "SUBSCRIBE", "BYE"),
        (routes, recorded, uri, method) => {
          const h = new ProxyHouse({ trusted: [ipv4("10.9.9.9")] });
          // Some values share one field, some have fields of their own.
          let lines = "";
          for (const [i, [value, isJoined, name]] of routes.entries())
            lines += i > 0 && isJoined ? ", " + value : (i > 0 ? "\r\n" : "") + name + ": " + value;
          if (lines !== "") lines += "\r\n";
          const records = recorded.map((value) => "Record-Route: " + value + "\r\n").join("");
          const extra = "Contact: <sip:zoe@10.9.9.9>\r\nX-Odd: \t kept\r\n" + records + lines;
          const given = ask({ method, uri, extra, body: "body" });
          const want = expected(
            uri,
            routes.map(([value]) => value),
          );
          const sent = h.receive(given, STRANGER).filter(({ line }) => !line.startsWith("SIP/2.0 100"));
          expect(sent.length).toBe(1);
          // A request that comes back to us without a Route was for us.
          if (want.to === PROXY) {
            expect(sent[0].line).toMatch(/^SIP\/2\.0 (404|480)/);
            return;
          }
          routed += 1;
          const [out] = sent;
          expect(out.line).toBe(method + " " + want.line + " SIP/2.0");
          expect(out.to.split(/[ :]/)[1]).toBe(want.to);
          expect(listOf(out.text, HEADER_ROUTE)).toEqual(want.routes);
          const records2 = listOf(out.text, HEADER_RECORD_ROUTE);
          const isBeginning = method === "INVITE" || method === "SUBSCRIBE";
          if (isBeginning) expect(records2.shift()).toMatch(/^<sip:[0-9a-f]+@10\.0\.0\.1:5060;lr>$/);
          expect(records2).toEqual(recorded);
          const rest = (message: string) =>
            message
              .slice(message.indexOf("\r\n") + 2)
              .split("\r\n")
              .filter((line) => !/^(via|route|record-route|max-forwards|content-length):/i.test(line));
          expect(rest(out.text)).toEqual(rest(given));
        },
      ),
      { seed: SEED, numRuns: runs(2000) },
    );
    expect(routed).toBeGreaterThan(runs(2000) / 2);
  });
});

/** Alice, Bob, proxies of ours in a row, and perhaps a strict router of RFC 2543 before one of them. */
class Row {
  readonly houses: ProxyHouse[] = [];
  /** The addresses that the request went through, and the one where it ended. */
  visited: string[] = [];
  arrived = "";
  private readonly trusted: number[] = [];
  static readonly STRICT = "10.50.0.1";

  constructor(recording: readonly boolean[]) {
    recording.forEach((isRecording, i) => {
      const ip = Row.ip(i);
      this.trusted.push(ipv4(ip));
      this.houses.push(
        new ProxyHouse({ isRecording, trusted: this.trusted }, [], null, { ...home(), ip, seed: 3 * i }),
      );
    });
    this.trusted.push(ipv4(STRANGER.split(":")[0]), ipv4(Row.STRICT));
    (this.houses.at(-1) as ProxyHouse).bind("bob", "<sip:bob@10.0.0.3:5060>");
  }

  static ip(i: number): string {
    return "10.1.0." + (i + 1);
  }

  /** Makes the phone answer the request that arrived. @returns what the caller hears */
  answer(invite: string): string {
    const recorded = listOf(invite, HEADER_RECORD_ROUTE).map((route) => "Record-Route: " + route + "\r\n");
    let content = responseTo(invite, 200, "bb", recorded.join("") + "Contact: <sip:bob@10.0.0.3:5060>\r\n");
    let from = "10.0.0.3";
    for (let hops = 0; hops < 16; hops++) {
      const receiver = /^Via: SIP\/2\.0\/UDP ([\d.]+)/m.exec(content)?.[1] ?? "";
      const house = this.houses.find((_, i) => Row.ip(i) === receiver);
      if (receiver === Row.STRICT) content = content.replace(/^Via: .*\r\n/m, "");
      else if (house === undefined) return content;
      else {
        const bytes = octets(content);
        house.network.take();
        house.layer.receiveDatagram(ipv4(from), 5060, bytes, 0, bytes.length);
        content = house.network.take().find(({ line }) => line.startsWith("SIP/2.0 200"))?.text ?? "";
      }
      from = receiver;
    }
    throw new Error("the answer goes round in circles");
  }

  /** Makes the proxies forward only with a mark from here on. */
  forgetTrust(): void {
    this.trusted.length = 0;
  }

  /** Sends the request to the first proxy on its way, and follows it to the end. */
  send(message: string, from: string, to: string): void {
    this.visited = [];
    this.arrived = "";
    for (const { network } of this.houses) network.take();
    const waiting: [from: string, to: string, message: string][] = [[from, to, message]];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [sender, receiver, content] = next;
      const isRequest = !content.startsWith("SIP/2.0");
      if (receiver === Row.STRICT && isRequest) {
        this.visited.push(receiver);
        const [line, ...others] = content.split("\r\n");
        const routes = listOf(content, HEADER_ROUTE);
        const rest = others.filter((one) => !one.startsWith("Route:"));
        const [method] = line.split(" ");
        const first = uriOf(routes[0]);
        const via = "Via: SIP/2.0/UDP " + receiver + ":5060;branch=z9hG4bKs" + content.length + method;
        const recorded = content.includes(";tag=bb") ? [] : ["Record-Route: <sip:" + receiver + ">"];
        const left = routes.slice(1).map((route) => "Route: " + route);
        waiting.push([
          receiver,
          hostOf(first),
          [method + " " + first + " SIP/2.0", via, ...recorded, ...left, ...rest].join("\r\n"),
        ]);
        continue;
      }
      const house = this.houses.find((_, i) => Row.ip(i) === receiver);
      if (house === undefined) {
        if (isRequest) this.arrived = content;
        continue;
      }
      if (isRequest) this.visited.push(receiver);
      const bytes = octets(content);
      house.layer.receiveDatagram(ipv4(sender), 5060, bytes, 0, bytes.length);
      for (const { to, text: out } of house.network.take())
        if (!out.startsWith("SIP/2.0")) waiting.push([receiver, to.split(/[ :]/)[1], out]);
    }
  }
}

describe("a row of proxies", () => {
  test("a request in the dialog goes through those that recorded themselves, in their order, from either side", () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(2)),
        fc.boolean(),
        fc.constantFrom("BYE", "ACK", "INVITE", "INFO"),
        (recording, strictAt, isStrictPhone, method) => {
          const row = new Row(recording);
          const last = recording.length - 1;
          // A strict router stands before one of ours, and behind another one.
          const strict = strictAt !== null && strictAt < last ? strictAt + 1 : -1;
          const preloaded: string[] = [];
          for (let i = 0; i <= last; i++) {
            if (i === strict) preloaded.push("<sip:" + Row.STRICT + ">");
            if (i < last || i === strict) preloaded.push("<sip:" + Row.ip(i) + ";lr>");
          }
          const lines = (routes: readonly string[]) => routes.map((route) => "Route: " + route + "\r\n").join("");
          const contact = "Contact: <sip:zoe@10.9.9.9>\r\n";
          const uri = "sip:bob@" + Row.ip(last);
          row.send(ask({ callId: "row", uri, extra: contact + lines(preloaded) }), "10.9.9.9", Row.ip(0));
          const all = recording.map((_, i) => Row.ip(i));
          if (strict >= 0) all.splice(strict, 0, Row.STRICT);
          expect(row.visited).toEqual(all);
          expect(row.arrived.split("\r\n")[0]).toBe("INVITE sip:bob@10.0.0.3:5060 SIP/2.0");

          const recorded = listOf(row.arrived, HEADER_RECORD_ROUTE);
          const through = all.filter(
            (ip) => ip === Row.STRICT || recording[all.filter((one) => one !== Row.STRICT).indexOf(ip)],
          );
          expect(recorded.map((value) => hostOf(uriOf(value)))).toEqual([...through].reverse());
          const told = row.answer(row.arrived);
          expect(listOf(told, HEADER_RECORD_ROUTE).map((value) => hostOf(uriOf(value)))).toEqual(
            recorded.map((value) => hostOf(uriOf(value))),
          );
          row.forgetTrust();
          const to = "<sip:bob@example.org>;tag=bb";
          const from = "<sip:zoe@elsewhere.net>;tag=zz";
          const sides = [
            {
              from,
              to,
              uri: "sip:bob@10.0.0.3:5060",
              routes: listOf(told, HEADER_RECORD_ROUTE).reverse(),
              ip: "10.9.9.9",
              way: through,
            },
            {
              from: to,
              to: from,
              uri: "sip:zoe@10.9.9.9",
              routes: recorded,
              ip: "10.0.0.3",
              way: [...through].reverse(),
            },
          ];
          for (const side of sides) {
            const target = side.uri;
            let line = target;
            let routes: readonly string[] = side.routes;
            const next = routes.length > 0 ? uriOf(routes[0]) : target;
            // A phone of RFC 2543 writes the next hop where the target belongs; any phone does for a strict router.
            // §12.2.1.1
            if (routes.length > 0 && (isStrictPhone || !isLoose(next))) {
              line = next;
              routes = [...routes.slice(1), "<" + target + ">"];
            }
            const parts = { method, callId: "row", cseq: method === "ACK" ? 1 : 2, from: side.from, to: side.to };
            row.send(ask({ ...parts, uri: line, extra: lines(routes) }), side.ip, hostOf(next));
            expect(row.visited).toEqual(side.way);
            expect(row.arrived.split("\r\n")[0]).toBe(method + " " + target + " SIP/2.0");
            expect(listOf(row.arrived, HEADER_ROUTE)).toEqual([]);
          }
        },
      ),
      { seed: SEED, numRuns: runs(500) },
    );
  });
});
