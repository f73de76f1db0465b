/** Messages of each kind of RFC 4475, at the registrar and through the proxy. */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import { brief, ProxyHouse } from "../server/proxied.js";
import { field } from "../transaction/harness.js";
import { tortureMessages } from "../wire/corpus.js";

const SENDER = "10.0.0.66";
const messages = tortureMessages();

function message(file: string): string {
  const { bytes } = messages.find((one) => one.file === file)!;
  return text(bytes);
}

/** Returns the message for a domain that is not ours, so that it must be passed on. */
function elsewhere(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(
    Buffer.from(Buffer.from(bytes).toString("latin1").replaceAll("example.com", "example.net"), "latin1"),
  );
}

describe("the registrar and RFC 4475", () => {
  it("takes a parameter of the Contact field for no part of its URI (§3.3.12)", () => {
    const h = new ProxyHouse();
    const register = message("3.3.12-parameter-of-contact")
      .replace(/watson@example.com/g, "alice@example.org")
      .replace("sip:example.com", "sip:example.org");
    const [challenge] = h.receive(register);
    expect(brief([challenge])[0]).toMatch(/^401/);
    const credentials = h.answerTo(challenge.text, "alice", "secretA");
    const [ok] = h.receive(
      register.replace("z9hG4bK-own", "z9hG4bK-own2").replace("Content-Length", credentials + "Content-Length"),
    );
    expect(ok.line).toBe("SIP/2.0 200 OK");
    expect(h.bound().map(({ uri }) => uri)).toEqual(["sip:+19725552222@gw1.example.net"]);
  });

  it("takes a scheme of credentials that nobody knows for none (§3.3.7)", () => {
    const h = new ProxyHouse();
    const [answer] = h.receive(message("3.3.7-unknown-credentials"));
    expect(answer.line).toBe("SIP/2.0 401 Unauthorized");
    expect(field(answer.text, "WWW-Authenticate")).toContain("nonce=");
  });
});

describe("the proxy and RFC 4475", () => {
  it.each(messages.map((one) => [one.file, one] as const))(
    "%s goes on well formed, or is refused",
    (_file, { bytes: original, expected, proxy }) => {
      const h = new ProxyHouse({ trusted: [ipv4(SENDER)] });
      const bytes = elsewhere(original);
      const came = new Message(64);
      const isWhole = came.parse(bytes, 0, bytes.length, false) === PARSE_OK;
      h.layer.receiveDatagram(ipv4(SENDER), 5060, bytes, 0, bytes.length);
      for (const { id } of h.network.asked) h.layer.resolved(id, ipv4("10.8.8.8"), 5060);
      const sent = h.network.take();
      const onward = sent.filter(({ to }) => to.includes("10.8.8.8"));
      if (expected.startsWith("400")) expect(onward.length === 0 || expected.includes("lenient")).toBe(true);
      for (const one of onward) {
        const out = octets(one.text);
        const m = new Message(64);
        expect(m.parse(out, 0, out.length, false)).toBe(PARSE_OK);
        expect(isWhole).toBe(true);
        expect(m.maxForwards).toBe(came.maxForwards < 0 ? 70 : came.maxForwards - 1);
        expect(m.cseq).toBe(came.cseq);
        expect(text(m.bytes, m.callIdStart, m.callIdEnd)).toBe(text(came.bytes, came.callIdStart, came.callIdEnd));
        expect(text(m.bytes, m.bodyStart, m.bodyEnd)).toBe(text(came.bytes, came.bodyStart, came.bodyEnd));
        expect(text(m.bytes, m.methodStart, m.methodEnd)).toBe(text(came.bytes, came.methodStart, came.methodEnd));
      }
      if (proxy !== undefined) expect(brief(sent)[0]).toMatch(new RegExp("^" + proxy + " "));
      else if (expected.startsWith("parse-ok") && came.isRequest) expect(onward.length).toBe(1);
      expect(h.isIdle()).toBe(true);
    },
  );
});
