/** What strangers, and users who mean harm, send to a proxy: broken messages in every state, loops, forged fields, too much of everything. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { responseTo, type Sent } from "../transaction/harness.js";
import { apply, change } from "../wire/broken.js";
import { ALICE, ask, BOB, fields, ProxyHouse, STRANGER } from "./proxied.js";

const VICTIM = ipv4("10.77.7.7");
const CONTACT = "<sip:bob@10.0.0.3:5060>";
/** Messages thrown at a house before it is looked at whether it recovers. */
const VOLLEY = 50;

interface Scene {
  h: ProxyHouse;
  /** A call that is under way: the INVITEs to bob's phones, and the caller's own. */
  invites: Sent[];
  request: string;
}

/** What a proxy may be doing while it is shot at. */
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
  /** Its sender is known: by a password, or by what he heard in a call. */
  isKnown: boolean;
}

/** Everything that may come in that scene, well formed. */
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
          /** Who takes part: whatever they get, they asked for. */
          const known = new Set([STRANGER, ALICE, BOB, "10.0.0.4:5060", "10.0.0.5:5060"]);
          /** Addresses that messages came from, if whoever sent them is known or has reached somebody here. */
          const free = new Set<string>();
          const strangers = (sent: readonly Sent[]) =>
            sent.map(({ to }) => to.split(" ").at(-1) as string).filter((address) => !known.has(address));
          /** In the course of time nothing more leaves for whoever is not. */
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
        { seed: 3261, numRuns: 10_000 / VOLLEY / Object.keys(SCENES).length },
      );
    },
  );
});
