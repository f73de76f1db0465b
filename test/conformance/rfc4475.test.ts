/**
 * Gives messages of each kind of RFC 4475 to a user agent as datagrams: it reacts as the RFC says. Those of the
 * project's own have the section in their names; those of the RFC itself may lie beside the repository.
 */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { Agent, header, headers, Peer, World } from "../ua/harness.js";
import { type TortureMessage, tortureMessages } from "../wire/corpus.js";

const DOOR = "10.0.0.1";
const SENDER = "10.0.0.66";

/** The answers of our user agent if the index leaves a choice, or the message asks for more than a door has. */
const OURS: Readonly<Record<string, number>> = {
  "intmeth.dat": 501,
  // Its dialog is not ours.
  "wsinv.dat": 481,
  "escruri.dat": 400,
  "sdp01.dat": 406,
  "unkscm.dat": 416,
  // A user agent is no registrar.
  "cparam01.dat": 405,
  "regaut01.dat": 405,
};

/** @returns the answers, whatever address the Via gives for them, and the events of the user agent */
function deliver({ bytes }: TortureMessage): {
  out: string[];
  diary: string[];
  throws: unknown;
  quiet: boolean;
  dropped: number;
} {
  const world = new World();
  const a = new Agent(world, DOOR, { ringTimeMs: 10_000 });
  const out: string[] = [];
  const send = a.sendDatagram.bind(a);
  a.sendDatagram = (ip, port, from, start, end) => {
    out.push(new TextDecoder("latin1").decode(from.slice(start, end)));
    return send(ip, port, from, start, end);
  };
  new Peer(world, SENDER);
  let throws: unknown = null;
  try {
    a.ua.layer.receiveDatagram(ipv4(SENDER), 5060, bytes, 0, bytes.length);
  } catch (error) {
    throws = error;
  }
  const at = out.slice();
  a.answerNames();
  world.run(200_000);
  const quiet = a.ua.layer.servers.used() === 0 && a.timers.next() === Infinity && a.ua.activeCall() === null;
  return { out: at, diary: a.diary, throws, quiet, dropped: a.ua.layer.counters.dropped };
}

function statuses(out: string[]): number[] {
  return out.map((message) => Number(message.slice(8, 11)));
}

describe("a message that is hard to read (RFC 4475)", () => {
  it.each(tortureMessages().map((message) => [message.file, message] as const))("%s", (file, message) => {
    const { out, diary, throws, quiet, dropped } = deliver(message);
    expect(throws).toBe(null);
    expect(out.length).toBeLessThanOrEqual(1);
    expect(quiet).toBe(true);
    const isResponse = new TextDecoder("latin1").decode(message.bytes.slice(0, 8)) === "SIP/2.0 ";
    // An answer has to repeat two kilobytes of Via, which is more than a message of ours holds.
    const isTooLong = file === "longreq.dat" || message.door === "dropped";
    // A 2xx that belongs to no call of ours is given to the user agent, which drops it.
    if (isResponse) expect(out).toEqual([]);
    else if (isTooLong) expect([out, dropped]).toEqual([[], 1]);
    else if (message.door !== undefined) expect(statuses(out)).toEqual([Number(message.door)]);
    else if (OURS[file] !== undefined) expect(statuses(out)).toEqual([OURS[file]]);
    else if (message.expected.startsWith("400")) expect(statuses(out)).toEqual([400]);
    else {
      expect(message.expected).toMatch(/^parse-ok/);
      expect(statuses(out)).toHaveLength(1);
      expect(statuses(out)[0]).toBeLessThan(500);
    }
    if (isResponse || isTooLong || statuses(out)[0] >= 400)
      expect(diary.filter((line) => line.includes("incoming"))).toEqual([]);
  });

  it("is answered with its odd To, From, Call-ID and branch unchanged", () => {
    const message = tortureMessages().find(({ file }) => file === "3.1.1.2-every-token-character")!;
    const given = new TextDecoder("latin1").decode(message.bytes);
    const [got] = deliver(message).out;
    for (const name of ["From", "Call-ID", "CSeq"]) expect(header(got, name)).toBe(header(given, name));
    // Header fields of ours contain no NUL.
    expect(header(got, "To")).toContain(header(given, "To").replaceAll("\0", " "));
    expect(headers(got, "Via")[0]).toContain(header(given, "Via"));
  });
});
