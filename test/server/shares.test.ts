/**
 * Tests that strangers may ask as they like and as often as they like: calls with a password, calls that are under way,
 * and registrations go on.
 */
import { afterAll, describe, expect, it } from "vitest";
import { part } from "../runs.js";
import { field, fields } from "../transaction/harness.js";
import { home } from "./house.js";
import { type Ask, ask, ProxyHouse, STRANGER } from "./proxied.js";

/**
 * The time of each kind: a minute with SWEEP=whole, otherwise a few seconds. The room is smaller then, too, so that it
 * would be full all the same.
 */
const IS_LONG = process.env.SWEEP === "whole";
const SECONDS = IS_LONG ? 60 : part(2, 3);
const TRANSACTIONS = IS_LONG ? 4000 : 200;
const RATE = 1000;
/** The calls of users in each second, and as many registrations. */
const CALLS = 10;
const CALLER = "10.0.0.2:5060";
const PHONE = "10.0.0.4:5060";
const SILENT = "<sip:bob@10.0.0.3>";

let count = 0;

class Flood {
  readonly house = new ProxyHouse({}, [], null, { ...home(), transactions: TRANSACTIONS, nonces: 4096 });
  readonly failed: string[] = [];
  calls = 0;

  constructor() {
    this.house.bind("bob", SILENT);
    this.house.bind("alice", "<sip:alice@10.0.0.4>");
  }

  /** Lets strangers send what `next` says, one message in each millisecond. */
  run(next: (n: number, flood: Flood) => void): void {
    for (let ms = 0; ms < SECONDS * 1000; ms++) {
      for (let i = 0; i < RATE / 1000; i++) next(++count, this);
      if (ms % (1000 / CALLS) === 0) {
        this.call();
        const parts = { user: "alice", contact: "<sip:alice@10.0.0.4>", callId: "r" + ++count };
        const answer = this.house.register(parts, PHONE);
        if (!answer.startsWith("SIP/2.0 200")) this.failed.push("REGISTER: " + answer.split("\r\n")[0]);
      }
      this.house.pass(1);
    }
  }

  /** Lets alice call her other phone, which answers, and hang up. */
  private call(): void {
    const { house } = this;
    const from = "<sip:alice@example.org>;tag=k" + ++count;
    const parts: Ask = { from, uri: "sip:alice@example.org", callId: "k" + count };
    const fails = (what: string): void => {
      this.failed.push(what);
    };
    this.calls += 1;
    const challenge = house.receive(ask(parts), CALLER)[0];
    if (!challenge?.line.startsWith("SIP/2.0 407")) return void fails("INVITE: " + challenge?.line);
    const credentials = house.answerTo(challenge.text, "alice", "secretA", "sip:alice@example.org", "INVITE");
    const contact = "Contact: <sip:alice@10.0.0.2>\r\n";
    const sent = house.receive(ask({ ...parts, cseq: 2, extra: contact + credentials }), CALLER);
    const invite = sent.find(({ to }) => to.endsWith(PHONE));
    if (invite === undefined) return void fails("INVITE with a password: " + sent.map(({ line }) => line));
    const ok = house.answers(invite, 200, "bb", "Contact: <sip:alice@10.0.0.4>\r\n")[0];
    if (!ok?.line.startsWith("SIP/2.0 200")) return void fails("200: " + ok?.line);
    const routes = fields(ok.text, "Record-Route").map((route) => "Route: " + route + "\r\n");
    const dialog = {
      ...parts,
      uri: "sip:alice@10.0.0.4",
      to: "<sip:alice@example.org>;tag=bb",
      extra: routes.join(""),
    };
    if (house.receive(ask({ ...dialog, method: "ACK", cseq: 2 }), CALLER).length !== 1) return void fails("ACK");
    const bye = house.receive(ask({ ...dialog, method: "BYE", cseq: 3 }), CALLER).find(({ to }) => to.endsWith(PHONE));
    if (bye === undefined) return void fails("BYE");
    if (!house.answers(bye, 200)[0]?.line.startsWith("SIP/2.0 200")) return void fails("200 for BYE");
  }

  /** @returns what is held that long after */
  left(ms = 40_000): number {
    this.house.pass(ms);
    return this.house.layer.servers.used() + this.house.layer.clients.used() + this.house.proxy.contexts.usedBuffers();
  }
}

const sends =
  (parts: (n: number) => Ask) =>
  (n: number, { house }: Flood): void => {
    house.receive(ask(parts(n)), "10.9." + (n & 127) + "." + (n & 63) + ":5060");
  };
const WRONG =
  'Authorization: Digest username="alice", realm="example.org", nonce="0", uri="sip:example.org", response="0"\r\n';

const KINDS: Record<string, (n: number, flood: Flood) => void> = {
  "INVITE to a phone that is silent": sends(() => ({})),
  "INVITE with a To tag and a Route made up": sends((n) => ({
    to: "<sip:bob@example.org>;tag=t" + n,
    extra: "Route: <sip:0123456789abcdef@10.0.0.1;lr>\r\nContact: <sip:zoe@10.9.9.9>\r\n",
  })),
  "INVITE in the name of a user": sends(() => ({ from: "<sip:alice@example.org>;tag=q" })),
  "INVITE with wrong credentials": sends(() => ({
    from: "<sip:alice@example.org>;tag=q",
    extra: "Contact: <sip:zoe@10.9.9.9>\r\nProxy-" + WRONG,
  })),
  "INVITE to nobody": sends((n) => ({ uri: "sip:n" + n + "@example.org" })),
  "INVITE to elsewhere": sends((n) => ({ uri: "sip:n" + n + "@elsewhere.net" })),
  "INVITE and at once CANCEL": (n, { house }) => {
    const branch = "z9hG4bKfl" + n;
    house.receive(ask({ branch, callId: "fl" + n }), STRANGER);
    house.receive(ask({ branch, callId: "fl" + n, method: "CANCEL", extra: "" }), STRANGER);
  },
  "INVITE that rings for ever": (_n, { house }) => {
    const invite = house.receive(ask(), STRANGER).find(({ line }) => line.startsWith("INVITE"));
    if (invite !== undefined) house.answers(invite, 180);
  },
  "INVITE that is answered and never acknowledged": (_n, { house }) => {
    const invite = house.receive(ask(), STRANGER).find(({ line }) => line.startsWith("INVITE"));
    if (invite !== undefined) house.answers(invite, 200, "bb", "Contact: <sip:bob@10.0.0.3>\r\n");
  },
  "requests in a call that a stranger was let into": (() => {
    let routes = "";
    return (n: number, { house }: Flood): void => {
      if (routes === "" || n % 5000 === 0) {
        const invite = house.receive(ask({ callId: "inside" }), STRANGER).find(({ line }) => line.startsWith("INVITE"));
        if (invite === undefined) return;
        const ok = house.answers(invite, 200, "bb", "Contact: <sip:bob@10.0.0.3>\r\n")[0];
        routes = fields(ok.text, "Record-Route")
          .map((route) => "Route: " + route + "\r\n")
          .join("");
      }
      const method = ["INFO", "MESSAGE", "INVITE", "UPDATE"][n & 3];
      const extra = routes + (method === "INVITE" ? "Contact: <sip:zoe@10.9.9.9>\r\n" : "");
      house.receive(
        ask({ method, cseq: n, callId: "inside", uri: "sip:bob@10.0.0.3", to: "<sip:bob@example.org>;tag=bb", extra }),
        STRANGER,
      );
    };
  })(),
  "REGISTER without credentials": (_n, { house }) => {
    house.receive(house.request({ user: "alice", contact: "<sip:x@10.9.9.9>" }), STRANGER);
  },
  "REGISTER with wrong credentials": (_n, { house }) => {
    house.receive(house.request({ user: "alice", contact: "<sip:x@10.9.9.9>" }, WRONG), STRANGER);
  },
  "REGISTER for a domain of nobody": (n, { house }) => {
    house.receive(house.request({ uri: "sip:n" + n + ".net", to: "<sip:a@n" + n + ".net>" }), STRANGER);
  },
};
for (const method of [
  "OPTIONS",
  "MESSAGE",
  "SUBSCRIBE",
  "NOTIFY",
  "PUBLISH",
  "REFER",
  "INFO",
  "BYE",
  "PRACK",
  "ACK",
  "CANCEL",
  "FOO",
])
  KINDS[method] = sends(() => ({ method, extra: "Contact: <sip:zoe@10.9.9.9>\r\nEvent: presence\r\n" }));

describe(
  "beside " + RATE + " requests a second of strangers' no call with a password and no registration fails",
  () => {
    for (const [name, next] of Object.entries(KINDS))
      it(name, () => {
        const flood = new Flood();
        flood.run(next);
        expect(flood.failed).toEqual([]);
        expect(flood.calls).toBe(SECONDS * CALLS);
        // A phone that rings may ring on for three minutes (Timer C).
        expect(flood.left(name.includes("rings") ? 250_000 : 40_000)).toBe(0);
      });

    it("all of them together", () => {
      const flood = new Flood();
      const kinds = Object.values(KINDS);
      flood.run((n, f) => kinds[n % kinds.length](n, f));
      expect(flood.failed).toEqual([]);
      expect(flood.left(250_000)).toBe(0);
    });
  },
);

describe("strangers among themselves", () => {
  it("are told to come back later when their share is taken, and have it again when it is over", () => {
    const flood = new Flood();
    const { house } = flood;
    const lines: string[] = [];
    for (let i = 0; i < TRANSACTIONS; i++) lines.push(house.receive(ask(), STRANGER).at(-1)?.line ?? "");
    expect(lines[0]).toMatch(/^(INVITE|SIP\/2.0 100)/);
    expect(lines.at(-1)).toBe("SIP/2.0 503 Service Unavailable");
    expect(field(house.receive(ask(), STRANGER)[0].text, "Retry-After")).not.toBe("");
    house.pass(65_000);
    expect(house.receive(ask(), STRANGER).map(({ line }) => line)).toContain("INVITE sip:bob@10.0.0.3 SIP/2.0");
  });
});

afterAll(() => {
  count = 0;
});

describe("A proxy whose server transactions run short", () => {
  const from = "<sip:alice@example.org>;tag=short";
  const dialog: Ask = { from, uri: "sip:bob@10.0.0.3", to: "<sip:bob@example.org>;tag=bb", callId: "short" };

  /** Makes a house with a call that goes through it, and no transaction left but the one that is kept for dialogs. */
  function crowded(): { house: ProxyHouse; route: string } {
    const house = new ProxyHouse({}, [], null, { ...home(), transactions: 8 });
    house.bind("bob", SILENT);
    const contact = "Contact: <sip:alice@10.0.0.2>\r\n";
    const parts: Ask = { from, uri: "sip:bob@example.org", callId: "short" };
    const challenge = house.receive(ask(parts), CALLER)[0];
    const credentials = house.answerTo(challenge.text, "alice", "secretA", "sip:bob@example.org", "INVITE");
    const sent = house.receive(ask({ ...parts, cseq: 2, extra: contact + credentials }), CALLER);
    const invite = sent.find(({ to }) => to.endsWith("10.0.0.3:5060"));
    if (invite === undefined) throw new Error("not forwarded");
    const ok = house.answers(invite, 200, "bb", "Contact: <sip:bob@10.0.0.3>\r\n")[0];
    const route = fields(ok.text, "Record-Route").map((value) => "Route: " + value + "\r\n");
    const { servers } = house.layer;
    while (servers.items.length - servers.used() > 1) servers.take();
    return { house, route: route.join("") };
  }

  it("still passes on the BYE of a call that goes through it", () => {
    const { house, route } = crowded();
    const sent = house.receive(ask({ ...dialog, method: "BYE", cseq: 3, extra: route }), CALLER);
    expect(sent.map(({ to, line }) => to + " " + line.split(" ")[0])).toEqual(["udp 10.0.0.3:5060 BYE"]);
  });

  it("has no room for requests of other dialogs, nor for one with a Record-Route that it did not write", () => {
    const { house, route } = crowded();
    const forged = route.replace(/:[0-9a-zA-Z_-]{8}/, ":00000000");
    for (const extra of ["", forged === route ? "Route: <sip:10.0.0.1;lr>\r\n" : forged]) {
      const sent = house.receive(ask({ ...dialog, method: "BYE", cseq: 3, extra }), CALLER);
      expect(sent.map(({ line }) => line.slice(0, 11))).toEqual(["SIP/2.0 503"]);
    }
  });
});
