/**
 * Single messages that break a rule without need, or keep one that is often forgotten, and the door's answers to them
 * (conformance/INDEX.tsv).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { House } from "../intercom/house.js";
import { bodyOf, header, headers, Peer, sdpOf, World } from "../ua/harness.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.3";

function recorded(name: string): string {
  const text = readFileSync(join(import.meta.dirname, "conformance", name), "latin1");
  // The recorded sender becomes the peer of these tests.
  return text.replace(/\r?\n/g, "\r\n").replace(/127\.0\.0\.1:22\d+/g, `${PHONE}:5060`);
}

describe("A door", () => {
  let world: World;
  let peer: Peer;

  beforeEach(() => {
    world = new World();
    peer = new Peer(world, PHONE);
  });

  function house(...settings: string[]): House {
    return new House(world, "call.allow=any", ...settings);
  }

  /** Sends a recorded message as the peer's own. */
  function send(message: string): void {
    world.send(ipv4(PHONE), 5060, ipv4(DOOR), 5060, octets(message));
    world.run(100);
  }

  it("takes a caller who names a telephone number before the address", () => {
    house();
    send(recorded("door-tel-and-sip-contact.sip"));
    expect(peer.got("SIP/2.0 180")).toHaveLength(1);
  });

  it("refuses what it does not know without a Record-Route in the answer", () => {
    house();
    send(recorded("door-420-record-route.sip"));
    expect(peer.got("SIP/2.0 420").map((message) => headers(message, "Record-Route"))).toEqual([[]]);
  });

  it.each([
    ["door-missing-call-id.sip", "Call-ID"],
    ["door-missing-from.sip", "From"],
  ])("%s: says what is missing, where a Via tells to whom", (name, field) => {
    house();
    send(recorded(name));
    expect(peer.inbox.map((message) => message.split("\r\n")[0])).toEqual([
      `SIP/2.0 400 Missing ${field} Header Field`,
    ]);
  });

  it("takes PCMU and PCMA under numbers that are others' elsewhere", () => {
    house("call.autoAnswer=on");
    const body = recorded("door-odd-rtpmap.sdp").replaceAll("127.0.0.1", PHONE);
    peer.send(DOOR, invite(["Content-Type: application/sdp"]), body);
    world.run(100);
    expect(bodyOf(peer.got("SIP/2.0 200")[0])).toMatch(/m=audio \d+ RTP\/AVP 13 99/);
  });

  it("door-ack-sdp-no-content-type.sip: takes a description without its type, in the ACK that answers ours", () => {
    const h = house("call.autoAnswer=on");
    peer.send(DOOR, invite([]));
    world.run(100);
    const [answer] = peer.got("SIP/2.0 200");
    const ack = invite([]).map((line) =>
      line.startsWith("To:") ? `To: ${header(answer, "To")}` : line.replace("INVITE", "ACK"),
    );
    peer.send(DOOR, ack, sdpOf(PHONE));
    world.run(100);
    expect(h.told("call")).toEqual(["ringing", "confirmed"]);
    expect(peer.packets.length).toBeGreaterThan(0);
  });

  it("dup-to-tag-200.sip: takes an answer whose tag stands there twice", () => {
    peer.onMessage = (message) => {
      if (message.startsWith("INVITE"))
        peer.respond(
          DOOR,
          message.replace(/^(To: .*)$/m, "$1;tag=1"),
          "200 OK",
          "1",
          [`Contact: <sip:${PHONE}>`, "Content-Type: application/sdp"],
          sdpOf(PHONE),
        );
    };
    const h = house(`call.target=sip:bob@${PHONE}`);
    h.press();
    world.run(500);
    expect(h.told("call").at(-1)).toBe("confirmed");
    expect(peer.got("ACK")).toHaveLength(1);
  });

  function invite(more: string[]): string[] {
    return [
      `INVITE sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bKodd`,
      "Max-Forwards: 70",
      `From: <sip:bob@${PHONE}>;tag=b`,
      `To: <sip:door@${DOOR}>`,
      "Call-ID: odd",
      "CSeq: 1 INVITE",
      `Contact: <sip:bob@${PHONE}>`,
      ...more,
    ];
  }
});
