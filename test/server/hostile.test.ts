/**
 * Tests attacks by strangers and by users on a proxy: broken messages in every state, loops, forged fields, too much of
 * everything.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { part, runs } from "../runs.js";
import { responseTo, type Sent } from "../transaction/harness.js";
import { apply, change } from "../wire/broken.js";
import { ALICE, ask, BOB, brief, field, fields, ProxyHouse, STRANGER } from "./proxied.js";

const VICTIM = ipv4("10.77.7.7");
const CONTACT = "<sip:bob@10.0.0.3:5060>";
/** The number of messages thrown at a house before its recovery is checked. */
const VOLLEY = 50;

interface Scene {
  h: ProxyHouse;
  /** A call that is under way, with the INVITEs to bob's phones and the caller's own. */
  invites: Sent[];
  request: string;
}

/** The proxy's work during the attack. */
const SCENES: Record<string, (it: Scene) => void> = {
  "that is at rest": () => {},
  "where phones ring": ({ h, invites }) => {
    for (const invite of invites) h.answers(invite, 180);
  },
  "with a call": ({ h, invites }) => {
    h.answers(invites[0], 200, "bb", "Contact: " + CONTACT + "\r\n");
  },
  "where a phone sends callers on": ({ h, invites }) => {
    h.answers(invites[0], 302, "bb", "Contact: <sip:bob@10.0.0.5>\r\n");
  },
  "that is full": ({ h }) => {
    for (let i = 0; i < 64; i++) h.sends({});
  },
};

function scene(isRecursing = false): Scene {
  const h = new ProxyHouse({ isRecursing, ringMs: 10_000 });
  h.bind("bob", CONTACT);
  h.bind("bob", "<sip:bob@10.0.0.4>;q=0.5");
  h.bind("alice", "<sip:alice@10.0.0.2>", ALICE);
  const request = ask({ branch: "z9hG4bKscene", callId: "scene", body: "v=0\r\n" });
  const invites = h.receive(request, STRANGER).filter(({ line }) => line.startsWith("INVITE"));
  return { h, invites, request };
}

interface Sample {
  bytes: Uint8Array;
  /** The sender is known: by a password, or by what he heard in a call. */
  isKnown: boolean;
}

/** Makes every well-formed message that may come in that scene. */
function samples({ h, invites, request }: Scene): Sample[] {
  const own = { from: "<sip:alice@example.org>;tag=aa", uri: "sip:eve@10.8.8.8" };
  const challenge = h.receive(h.request({ user: "bob", contact: CONTACT }))[0].text;
  const proxyChallenge = h.receive(ask(own), ALICE).at(-1)?.text ?? "";
  const isChallenged = proxyChallenge.startsWith("SIP/2.0 407");
  const [invite] = invites;
  const routes = fields(invite.text, "Record-Route").map((route) => "Route: " + route + "\r\n");
  const inDialog = {
    callId: "scene",
    to: "<sip:bob@example.org>;tag=bb",
    uri: "sip:bob@10.0.0.3:5060",
    extra: routes.join(""),
  };
  const strangers = [
    h.request({ user: "bob", contact: CONTACT }),
    ask({ body: "v=0\r\n", extra: "Record-Route: <sip:p;lr>\r\nContact: <sip:zoe@10.9.9.9>\r\nMax-Breadth: 60\r\n" }),
    ask({ uri: "sip:carol@example.org" }),
    ask({ uri: "sip:eve@elsewhere.net" }),
    ask({ uri: "tel:+49-30-1" }),
    ask({ extra: "Route: <sip:10.0.0.1;lr>, <sip:10.8.8.8;lr>\r\n" }),
    ask(own),
    ask({ method: "OPTIONS", uri: "sip:example.org" }),
    ask({ method: "BYE", extra: "Route: <sip:10.0.0.1;lr>\r\n" }),
    ask({ method: "ACK", extra: "Route: <sip:10.0.0.1;lr>\r\n" }),
    ask({ method: "MESSAGE", body: "hello" }),
  ];
  const known = [
    h.request({ user: "bob", contact: CONTACT }, h.answerTo(challenge, "bob", "secretB")),
    h.request({ user: "bob", contact: "*", extra: "Expires: 0\r\n" }, h.again("bob", "secretB")),
    ...(isChallenged
      ? [ask({ ...own, extra: h.answerTo(proxyChallenge, "alice", "secretA", own.uri, "INVITE") })]
      : []),
    request.replace(/INVITE/g, "CANCEL").replace(/v=0\r\n$/, ""),
    ask({ ...inDialog, method: "ACK" }),
    ask({ ...inDialog, method: "BYE", cseq: 2 }),
    ask({ ...inDialog, method: "INVITE", cseq: 3 }),
    ...invites.flatMap((one) =>
      [180, 200, 302, 407, 486, 603].map((status) =>
        responseTo(
          one.text,
          status,
          "bb",
          "Contact: <sip:bob@10.0.0.5>\r\n" + 'Proxy-Authenticate: Digest realm="x"\r\n',
        ),
      ),
    ),
  ];
  return [
    ...strangers.map((one) => ({ bytes: octets(one), isKnown: false })),
    ...known.map((one) => ({ bytes: octets(one), isKnown: true })),
  ];
}

const shot = fc.record({
  sample: fc.nat(),
  changes: fc.array(change, { minLength: 0, maxLength: 4 }),
  afterMs: fc.constantFrom(0, 0, 0, 100, 5000),
});

describe("10,000 broken messages", () => {
  test.each(Object.keys(SCENES))(
    "to a house %s: nothing throws, nothing stays, and a stranger's makes one at most",
    (name) => {
      fc.assert(
        fc.property(fc.array(shot, { minLength: VOLLEY, maxLength: VOLLEY }), (shots) => {
          const it = scene(name.includes("sends callers on"));
          const { h } = it;
          const all = samples(it);
          SCENES[name](it);
          /** The parties of the calls: every message to them was asked for. */
          const known = new Set([STRANGER, ALICE, BOB, "10.0.0.4:5060", "10.0.0.5:5060"]);
          /** Source addresses of messages whose sender is known or has reached somebody here. */
          const free = new Set<string>();
          const strangers = (sent: readonly Sent[]) =>
            sent.map(({ to }) => to.split(" ").at(-1) as string).filter((address) => !known.has(address));
          /** Lets time pass, and checks that nothing more is sent to anyone else. */
          const pass = (ms: number) => {
            h.pass(ms);
            const later = strangers(h.network.take()).map((address) => address.split(":")[0]);
            if (free.size === 0) expect(later).toEqual([]);
            else expect(later.filter((ip) => ip.startsWith("10.66.") && !free.has(ip))).toEqual([]);
          };
          h.network.take();
          shots.forEach(({ sample, changes, afterMs }, i) => {
            const { bytes: whole, isKnown } = all[sample % all.length];
            const bytes = apply(whole, changes);
            const source = "10.66.0." + i;
            if (isKnown) known.add(source + ":5060");
            h.layer.receiveDatagram(ipv4(source), 5060, bytes, 0, bytes.length);
            const sent = h.network.take();
            const others = strangers(sent);
            if (isKnown || others.length < sent.length) free.add(source);
            else expect(others.length, text(bytes)).toBeLessThanOrEqual(1);
            for (const { id } of h.network.asked.splice(0)) h.layer.resolved(id, VICTIM, 5060);
            pass(afterMs);
          });
          pass(400_000);
          expect(h.isIdle()).toBe(true);
          expect(h.registrar.waiting()).toBe(0);
        }),
        { seed: 3261, numRuns: runs(10_000) / VOLLEY / Object.keys(SCENES).length },
      );
    },
  );
});

test("broken messages over TCP, in pieces, on connections that close at any time: nothing throws, and nothing stays", () => {
  let connection = 1000;
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(SCENES)),
      fc.array(fc.tuple(shot, fc.integer({ min: 1, max: 300 }), fc.boolean()), { minLength: 20, maxLength: 20 }),
      (name, shots) => {
        const it = scene(name.includes("sends callers on"));
        const { h } = it;
        const all = samples(it);
        SCENES[name](it);
        const open: number[] = [];
        for (const [{ sample, changes, afterMs }, piece, isClosed] of shots) {
          const bytes = apply(all[sample % all.length].bytes, changes);
          connection += 1;
          while (open.length > 2) h.layer.streamClosed(open.shift() as number);
          expect(h.layer.streamOpened(connection, ipv4("10.66.0.1"), connection)).toBe(true);
          open.push(connection);
          for (let at = 0; at < bytes.length; at += piece)
            h.layer.receiveStream(connection, bytes, at, Math.min(at + piece, bytes.length));
          if (isClosed) h.layer.streamClosed(open.pop() as number);
          for (const { id } of h.network.asked.splice(0)) h.layer.resolved(id, VICTIM, 5060);
          h.pass(afterMs);
        }
        h.pass(400_000);
        expect(h.isIdle()).toBe(true);
        expect(h.registrar.waiting()).toBe(0);
      },
    ),
    { seed: 3261, numRuns: part(25, 100) },
  );
});

function house(isRecursing = false): ProxyHouse {
  const h = new ProxyHouse({ isRecursing });
  h.bind("bob", CONTACT);
  return h;
}

describe("forged fields", () => {
  test("a Via that names others: answers go to where the request came from, and the phone is told", () => {
    for (const lie of [
      ";maddr=10.8.8.8",
      ";received=10.8.8.8",
      ";received=10.8.8.8;rport=9",
      ";maddr=10.8.8.8;ttl=255",
    ]) {
      const h = house();
      const via = "Via: SIP/2.0/UDP 10.8.8.8:5060" + lie + ";branch=z9hG4bKlie\r\n";
      expect(brief(h.sends({ via, uri: "sip:carol@example.org" }))).toEqual(["404 10.9.9.9:5060"]);
      const [invite] = h.sends({ via, callId: "lie" });
      expect(fields(invite.text, "Via")[1]).toContain(";received=10.9.9.9");
      expect(fields(invite.text, "Via")[1]).not.toContain("received=10.8.8.8");
      expect(brief(h.answers(invite, 180))).toEqual(["180 10.9.9.9:5060"]);
    }
  });

  test("a response with other Vias below ours goes to the caller all the same, and one that nobody waits for nowhere", () => {
    const h = house();
    const [invite] = h.sends({});
    const [ours, theirs] = fields(invite.text, "Via");
    const ringing = responseTo(invite.text, 180, "bb");
    const forged = ringing.replace(theirs, "SIP/2.0/UDP 10.8.8.8;branch=z9hG4bKx;received=10.7.7.7");
    expect(brief(h.receive(forged, BOB))).toEqual(["180 10.9.9.9:5060"]);
    const guessed = ours.replace(/[0-9a-f];rport/, (last) => (last[0] === "0" ? "1" : "0") + ";rport");
    expect(h.receive(ringing.replace(ours, guessed), BOB)).toEqual([]);
    expect(h.receive(ringing.replace("Via: " + ours + "\r\n", ""), BOB)).toEqual([]);
  });

  test.each([
    ["a Route beyond us", "sip:bob@example.org", "Route: <sip:10.8.8.8;lr>\r\n"],
    ["one behind ours", "sip:bob@example.org", "Route: <sip:example.org;lr>, <sip:10.8.8.8;lr>\r\n"],
    ["our name with another maddr", "sip:bob@example.org", "Route: <sip:10.0.0.1;lr;maddr=10.8.8.8>\r\n"],
    ["our name on another port", "sip:bob@example.org", "Route: <sip:10.0.0.1:9;lr>\r\n"],
    ["what a strict router would send", "sip:10.0.0.1;lr", "Route: <sip:eve@10.8.8.8>\r\n"],
    ["a user of ours at another's maddr", "sip:bob@example.org;maddr=10.8.8.8", ""],
    ["our address with another port", "sip:bob@10.0.0.1:5070", ""],
  ])("%s: nobody without a password gets beyond us", (_, uri, extra) => {
    const h = house();
    for (const method of ["INVITE", "MESSAGE", "BYE", "OPTIONS"])
      expect(brief(h.sends({ method, uri, extra }))).toEqual(["407 10.9.9.9:5060"]);
    expect(h.sends({ method: "ACK", uri, extra })).toEqual([]);
    expect(brief(h.sends({ method: "CANCEL", uri, extra }))).toEqual(["481 10.9.9.9:5060"]);
  });

  test.each(["4294967296", "4294967295", "9".repeat(30)])("an expiry of %s is two hours", (expires) => {
    for (const [contact, extra] of [
      [CONTACT + ";expires=" + expires, ""],
      [CONTACT, "Expires: " + expires + "\r\n"],
    ]) {
      const h = new ProxyHouse();
      expect(field(h.register({ user: "bob", contact, extra }, BOB), "Contact")).toBe(CONTACT + ";expires=7200");
      h.pass(7_199_000);
      expect(brief(h.sends({}))).toEqual(["INVITE 10.0.0.3:5060"]);
      h.pass(2_000);
      h.network.take();
      expect(brief(h.sends({}))).toEqual(["480 10.9.9.9:5060"]);
    }
  });

  test("100 contacts at once: none of them is taken; in a 3xx the caller gets them instead of a hundred calls", () => {
    const many = Array.from({ length: 100 }, (_, i) => "<sip:b@10.8.8." + i + ">").join(", ");
    const h = house(true);
    expect(h.register({ user: "bob", contact: many, callId: "many" }, BOB)).toContain("SIP/2.0 403");
    const [invite] = h.sends({});
    expect(invite.to).toBe("udp 10.0.0.3:5060");
    expect(brief(h.answers(invite, 302, "bb", "Contact: " + many + "\r\n"))).toEqual(["302 10.9.9.9:5060"]);
    expect(h.isIdle()).toBe(true);
  });

  test("a mark whose flows point elsewhere opens nothing, nor does any other that was not written here", () => {
    const h = new ProxyHouse();
    h.bind("bob", "<sip:bob@192.168.1.3:5060>", "10.3.3.3:40000");
    const [invite] = h.sends({ callId: "nat" });
    const [ok] = h.answers(invite, 200);
    const mark = /<sip:([0-9a-f]{73})@/.exec(field(ok.text, "Record-Route"))?.[1] ?? "";
    const ask = { callId: "nat", to: field(ok.text, "To"), uri: "sip:bob@192.168.1.3:5060", cseq: 2 };
    const tryMark = (one: string, method: string) =>
      brief(h.sends({ ...ask, method, extra: "Route: <sip:" + one + "@10.0.0.1:5060;lr>\r\n" }));
    expect(tryMark(mark, "BYE")).toEqual(["BYE 10.3.3.3:40000"]);
    const head = mark.slice(0, 41);
    const [caller, callee] = [mark.slice(41, 57), mark.slice(57)];
    const others = [
      head + caller + callee.slice(0, 8) + "0a080808",
      head + callee + caller,
      head,
      head + caller,
      mark + callee,
      mark.slice(16) + mark.slice(0, 16),
      mark.replace(/.$/, "%30"),
      mark.slice(0, 72),
      mark.slice(1),
    ];
    // Any digit may be changed: of the hash, the form, the end, the hosts and the flows.
    for (let i = 0; i < mark.length; i++)
      others.push(mark.slice(0, i) + (mark[i] === "3" ? "1" : "3") + mark.slice(i + 1));
    for (const other of others)
      for (const method of ["BYE", "INVITE", "ACK"])
        expect(tryMark(other, method), other).toEqual(method === "ACK" ? [] : ["407 10.9.9.9:5060"]);
  });

  test("a caller's Contact in somebody else's net leads back to the caller", () => {
    const h = house();
    const [invite] = h.sends({ callId: "nat", extra: "Contact: <sip:zoe@192.168.8.8>\r\n" });
    const [ok] = h.answers(invite, 200);
    const bye = {
      method: "BYE",
      callId: "nat",
      from: field(ok.text, "To"),
      to: field(ok.text, "From"),
      uri: "sip:zoe@192.168.8.8",
      extra: "Route: " + field(invite.text, "Record-Route") + "\r\n",
    };
    expect(brief(h.sends(bye, BOB))).toEqual(["BYE 10.9.9.9:5060"]);
  });
});
