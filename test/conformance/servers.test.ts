/**
 * The call flows of RFC 3665 §2 and §3 with our registrar, proxies and redirect server in the roles of the RFC's:
 * phones send the RFC's messages, and the servers have to pass on the RFC's messages. The messages are the project's
 * own (test/fixtures/flows); those of the RFC may lie beside the repository.
 */
import { describe, expect, it } from "vitest";
import { text } from "../../src/core/bytes.js";
import type { HouseOptions } from "../server/proxied.js";
import { field, fields } from "../transaction/harness.js";
import { flowMessages, SOURCES, type Source } from "../wire/corpus.js";
import { byUdp, dressed, picture, type Said, split, tagOf } from "./picture.js";
import { HOSTS, isAnsweredBy, kindOf, Stage } from "./stage.js";

/** A letter for each end of each message, by HOSTS; "x" for a message that is not played. */
interface Flow {
  steps: string;
  /** Our servers in the flow, and their setup. */
  servers: Record<string, HouseOptions | "redirect">;
  /** Bindings that exist before: server, user, contact. */
  bound?: [string, string, string][];
  /** The server whose challenge the first request answers already. */
  challenged?: string;
  /** The servers to which the RFC's realms belong. */
  realms?: Record<string, string>;
  /** The password is wrong. */
  isWrong?: boolean;
  /** Time has to pass before the servers act. */
  isSlow?: boolean;
}

const BOB: [string, string, string] = ["2", "bob", "<sip:bob@client.biloxi.example.com>"];
const MAIL: [string, string, string] = ["2", "bob", "<mailto:bob@biloxi.example.com>"];
const REGISTRAR = { servers: { 2: {} }, realms: { "atlanta.example.com": "2", "biloxi.example.com": "2" } };
const TWO = { servers: { 1: {}, 2: {} }, bound: [BOB] };

const FLOWS: Record<string, Flow> = {
  "2.01": { ...REGISTRAR, steps: "B2 2B B2 2B" },
  "2.02": { ...REGISTRAR, steps: "B2 2B", bound: [BOB], challenged: "2" },
  "2.03": { ...REGISTRAR, steps: "B2 2B", bound: [BOB, MAIL], challenged: "2" },
  "2.04": { ...REGISTRAR, steps: "B2 2B", bound: [BOB, MAIL], challenged: "2" },
  "2.05": { ...REGISTRAR, steps: "B2 2B B2 2B", isWrong: true },
  "3.02": { ...TWO, steps: "A1 1A A1 A1 12 1A 2B 21 B2 21 1A B2 21 1A A1 12 2B B2 21 1A A1 12 2B" },
  // The second proxy asks for credentials too.
  "3.03": {
    ...TWO,
    steps: "A1 1A A1 A1 1A 12 21 12 1A A1 A1 1A 12 21 2B B2 21 1A A1 12 2B",
    servers: { 1: {}, 2: { isClosed: true } },
  },
  "3.04": {
    steps: "Ax Ax Ax Ax Ax Ax Ax A2 2A A2 A2 2B 2A B2 2A B2 2A A2 2B B2 2A A2 2B",
    servers: { 2: { isClosed: true } },
    bound: [BOB],
  },
  // Only Proxy 2 is ours here: the element before it changes descriptions, which ours do not.
  "3.05": {
    steps: "AG G2 GA 2B 2G B2 2G GA B2 2G GA AG GB AG GB BG GA",
    servers: { 2: { isClosed: true, isRecording: false } },
    bound: [BOB],
    challenged: "2",
  },
  "3.06": {
    steps: "AR RA AR A3 3C 3A C3 3A C3 3A A3 3C C3 3A A3 3C",
    servers: { R: "redirect", 3: {} },
    bound: [
      ["R", "bob", "<sip:bob@chicago.example.com>"],
      ["3", "bob", "<sip:bob@client.chicago.example.com>"],
    ],
  },
  "3.07": {
    steps: "A2 2B 2A B2 2A B2 2A AB CA AC CA AC CA",
    servers: { 2: { isRecording: false } },
    bound: [BOB],
  },
  "3.08": { ...TWO, steps: "A1 12 1A 2B 21 B2 21 1A A1 1A 12 21 2B B2 B2 2B 21 12 1A A1", challenged: "1" },
  "3.09": { ...TWO, steps: "A1 12 1A 2B 21 B2 2B 21 12 1A A1", challenged: "1" },
  "3.10": { ...TWO, steps: "A1 12 1A 2B 21 2B 2B 2B 2B 2B 2B 21 12 1A A1", challenged: "1", isSlow: true },
  "3.11": { ...TWO, steps: "A1 12 1A 2B 21 B2 21 1A B2 2B 21 12 1A A1", challenged: "1" },
};

/** Flows without a server. */
const WITHOUT: Record<string, string> = { "3.01": "two phones and nothing between them: flows.test.ts" };

// Reasons for which one message differs: an error of the RFC, or a choice of ours.
const ADDRESS = "ours is the domain of the address that is registered";
const FOREVER =
  "Contact: <sip:bob@client.biloxi.example.com>;expires=3600\r\nContact: <mailto:bob@biloxi.example.com>;expires=4294967295";
const HOUR =
  "Contact: <mailto:bob@biloxi.example.com>;expires=3600\r\nContact: <sip:bob@client.biloxi.example.com>;expires=3600";
const LATER =
  "the time that is given is for the registrar to say (RFC 3261 §10.3 step 8), and so is the order of equals";
const SILENCE = "a branch that nobody answers counts as answered 408 (RFC 3261 §16.8)";
const CONTACT = "an error: a proxy puts no Contact into an ACK, and Alice's has none";
const IDENTITY = "a server tells the phones of its users whom it authenticated (RFC 3325)";
const ASSERTED = "P-Asserted-Identity: <sip:alice@biloxi.example.com>\r\n";
const asserted = (forwards: number): [string, string, string] => [
  "Max-Forwards: " + forwards + "\r\n",
  "Max-Forwards: " + forwards + "\r\n" + ASSERTED,
  IDENTITY,
];
/** For each message the RFC's text, the text in its place, and the reason. */
const DIFFERENCES: Record<string, [says: string, means: string, why: string][]> = {
  "2.01 F2": [['realm="atlanta', 'realm="biloxi', ADDRESS]],
  "2.05 F2": [['realm="atlanta', 'realm="biloxi', ADDRESS]],
  "2.05 F4": [['realm="atlanta', 'realm="biloxi', ADDRESS]],
  "2.02 F2": [[FOREVER, HOUR, LATER]],
  "2.03 F2": [[FOREVER, HOUR, LATER]],
  "3.03 F8": [
    [
      "client.atlanta.example.com:5060;branch=z9hG4bK74b21",
      "ss1.atlanta.example.com:5060;branch=z9hG4bK230f2.1",
      "an error: the ACK of Proxy 1 has the Via of its INVITE",
    ],
  ],
  "3.02 F22": [["received=192.0.2.101", "received=192.0.2.201", "an error: that is Alice's address"]],
  "3.08 F11": [["sip:alice@atlanta", "sip:bob@biloxi", "an error: the INVITE that it cancels is F2"]],
  "3.08 F18": [["ss2.biloxi.example.com", "ss1.atlanta.example.com", "an error: Proxy 1 sends it"]],
  "3.10 F12": [["480 No Response", "408 Request Timeout", SILENCE]],
  "3.10 F14": [["480 No Response", "408 Request Timeout", SILENCE]],
  "3.03 F15": [asserted(68)],
  "3.04 F12": [asserted(69)],
  "3.05 F4": [asserted(68)],
  "3.03 F20": [["Contact: <sip:bob@client.biloxi.example.com>\r\n", "", CONTACT]],
  "3.03 F21": [["Contact: <sip:bob@client.biloxi.example.com>\r\n", "", CONTACT]],
  "3.06 F14": [
    ["721e.1 ;received=192.0.2.100", "721e.1", "an error"],
    ["fgaw2", "fgaw2;received=192.0.2.100", "an error"],
  ],
  "3.11 F1": [["146\r\n\r\n", "151\r\n\r\nv=0\r\n", "an error: it is there in F2"]],
};

interface Step {
  name: string;
  from: string;
  to: string;
  rfc: string;
}

/** @param isTcp whether to use the transports of the RFC; otherwise all is played over UDP */
function stepsOf(source: Source, section: string, isTcp: boolean): Step[] {
  const files = flowMessages().filter(({ file }) => file.startsWith(source + "_" + section + "_"));
  const ways = FLOWS[section].steps.split(" ");
  expect(files.length).toBe(ways.length);
  return files
    .sort((a, b) => (a.file < b.file ? -1 : 1))
    .map(({ bytes }, i) => {
      const name = section + " F" + (i + 1);
      let rfc = isTcp ? dressed(text(bytes)) : byUdp(dressed(text(bytes)));
      for (const [says, means, why] of (source === "rfc3665" ? DIFFERENCES[name] : undefined) ?? []) {
        // A difference that does not occur any more must be removed from the list.
        expect(rfc, name + ": " + why).toContain(says);
        rfc = rfc.replace(says, means);
      }
      return { name, from: ways[i][0], to: ways[i][1], rfc };
    });
}

/** Plays a flow. @returns the number of our messages that were compared */
function play(source: Source, section: string, isTcp: boolean): number {
  const flow = FLOWS[section];
  const stage = new Stage();
  for (const [letter, how] of Object.entries(flow.servers))
    if (how === "redirect") stage.redirect(letter);
    else stage.proxy(letter, how);
  for (const [letter, user, contact] of flow.bound ?? [])
    stage.bind(letter, user, isTcp ? contact.replace(">", ";transport=tcp>") : contact);
  const steps = stepsOf(source, section, isTcp);
  const said: Said = { lines: new Set(), tags: new Set(), isTcp };
  const got: string[] = [];
  /**
   * Record-Route values as each phone got them, by its letter and the server's name, and To tags that servers made, by
   * the RFC's.
   */
  const recorded = new Map<string, string[]>();
  const tags = new Map<string, string>();
  let compared = 0;

  const userOf = (message: string) => (/sip:(\w+)@/.exec(field(message, "From")) as RegExpExecArray)[1];
  const serverOf = (realm: string) =>
    (flow.realms ?? { "atlanta.example.com": "1", "biloxi.example.com": "2", "chicago.example.com": "3" })[realm];

  /** Our credentials take the place of the RFC's, whose nonces are not ours. */
  const authorized = (line: string, message: string): string => {
    const server = serverOf(/realm="([^"]*)"/.exec(line)?.[1] ?? "") as string;
    const [method, uri] = message.split(" ");
    const user = userOf(message);
    const own = stage.credentials(server, user, uri, method).trimEnd();
    const name = line.slice(0, line.indexOf(":"));
    const value = own.slice(own.indexOf(":"));
    return name + (flow.isWrong === true ? value.replace(/response="./, 'response="x') : value);
  };

  const request = (message: string, from: string): string => {
    const [head, body] = split(message);
    const isInDialog = tagOf(field(message, "To")) !== "";
    const lines = head.split("\r\n").map((written) => {
      let line = written;
      if (/^(Proxy-)?Authorization:/.test(line)) return authorized(line, message);
      if (line.startsWith("To:") && isInDialog) return line.replace(tagOf(line), (tag) => tags.get(tag) ?? tag);
      // The RFC leaves the transport of the Contact out of its Request-URIs.
      if (isTcp && isInDialog) line = line.replace(/^(ACK|BYE) (sip:\w+@client[^ ;]*)/, "$1 $2;transport=tcp");
      if (!line.startsWith("Route:") || !isInDialog) return line;
      // A phone returns the route it was given; the caller in reverse order.
      return line.replace(/<sip:([^;>]*);lr>/g, (all, host: string) => {
        const given = recorded.get(from + host) ?? [all];
        return (from === "A" ? [...given].reverse() : given).join(", ");
      });
    });
    return lines.join("\r\n") + "\r\n\r\n" + body;
  };

  /** A phone copies Via and Record-Route from the request. RFC 3261 §8.2.6.2, §12.1.1 */
  const response = (message: string, asked: string): string => {
    const [head, body] = split(message);
    const lines = head.split("\r\n");
    const copied = fields(asked, "Via").map((via) => "Via: " + via);
    if (fields(message, "Record-Route").length > 0)
      copied.push(...fields(asked, "Record-Route").map((route) => "Record-Route: " + route));
    const own = lines.slice(1).filter((line) => !/^(Via|Record-Route):/.test(line));
    return [lines[0], ...copied, ...own].join("\r\n") + "\r\n\r\n" + body;
  };

  const hear = (message: string, phone: string) => {
    got.unshift(message);
    const routes = fields(message, "Record-Route").flatMap((value) => value.split(", "));
    for (const [host, ip] of Object.values(HOSTS)) {
      const own = routes.filter((route) => route.includes("@" + ip + ":"));
      if (own.length > 0) recorded.set(phone + host, own);
    }
  };

  if (flow.challenged !== undefined) {
    const { rfc: first, from } = steps.find(({ to }) => to === flow.challenged) as Step;
    const bare = first.replace(/(Proxy-)?Authorization:.*\r\n/, "").replace(/branch=\w+/, "branch=z9hG4bKbefore");
    stage.give(from, flow.challenged, bare.replace(/Call-ID: /, "Call-ID: before"));
    const leg = stage.log.splice(0)[0];
    stage.challenged(flow.challenged, userOf(first), leg.text);
  }

  for (const { name, from, to, rfc } of steps) {
    const isFromServer = stage.houses.has(from);
    if (!isFromServer) {
      const isRequest = !rfc.startsWith("SIP/2.0");
      const asked = got.find((one) => isAnsweredBy(one, rfc)) ?? "";
      if (!isRequest) said.lines.add(rfc.split("\r\n")[0]);
      for (const party of ["From", "To"])
        if (tagOf(field(rfc, party)) !== "" && (party === "From" || !isRequest))
          said.tags.add(tagOf(field(rfc, party)));
      if (stage.houses.has(to)) stage.give(from, to, isRequest ? request(rfc, from) : response(rfc, asked));
      continue;
    }
    let leg = stage.claim(from, to, kindOf(rfc));
    while (leg === undefined && flow.isSlow === true && stage.wait(33_000)) leg = stage.claim(from, to, kindOf(rfc));
    expect(leg?.text, name + ": " + kindOf(rfc) + " " + from + " to " + to).toBeDefined();
    const ours = leg?.text as string;
    expect(picture(ours, said), name).toEqual(picture(rfc, said));
    compared += 1;
    if (stage.houses.has(to)) continue;
    expect(leg?.transport, name).toBe(field(rfc, "Via").slice(8, 11).toLowerCase());
    hear(ours, to);
    if (tagOf(field(rfc, "To")) !== "") tags.set(tagOf(field(rfc, "To")), tagOf(field(ours, "To")));
    if (/^SIP\/2\.0 40[17]/.test(ours)) {
      const realm = /realm="([^"]*)"/.exec(ours)?.[1] ?? "";
      stage.challenged(serverOf(realm) as string, userOf(rfc), ours);
    }
  }
  expect(stage.unclaimed().map((leg) => leg.from + leg.to + " " + kindOf(leg.text))).toEqual([]);
  expect(stage.isIdle()).toBe(true);
  return compared;
}

describe.each(SOURCES)("a flow of RFC 3665 through our servers (%s)", (source) => {
  it("is played, or there is a reason why not", () => {
    const sections = new Set(
      flowMessages()
        .filter(({ file }) => file.startsWith(source))
        .map(({ file }) => file.split("_")[1]),
    );
    expect([...Object.keys(FLOWS), ...Object.keys(WITHOUT)].sort()).toEqual([...sections].sort());
  });

  it.each(Object.keys(FLOWS))("%s: what the servers send is what the RFC has them send", (section) => {
    expect(play(source, section, false)).toBeGreaterThan(0);
  });

  it.each(["3.02", "3.06", "3.09"])("%s: so it is with the phones on TCP, as in the RFC", (section) => {
    expect(play(source, section, true)).toBeGreaterThan(0);
  });
});
