/**
 * What real programs said to a door, played again in virtual time against the limits of a plain board. Only the other side's messages are
 * taken from the recording, with the tags, Call-ID and CSeq of the door that runs now; what the recorded door answered is passed over.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DOOR_LIMITS } from "../../src/core/limits.js";
import { Agent, bodyOf, header, Peer, World } from "./harness.js";

const DOOR = "10.0.0.1";
const PEER = "10.0.0.2";

interface Recorded {
  atMs: number;
  from: string;
  text: string;
}

function last(messages: readonly string[], is: (message: string) => boolean): string | undefined {
  return messages.filter(is).at(-1);
}

function read(name: string): Recorded[] {
  const file = readFileSync(new URL(`./recorded/${name}.txt`, import.meta.url), "utf8");
  return file
    .split(/^### /m)
    .slice(1)
    .map((part) => {
      const [head, ...lines] = part.split("\n");
      const [, atMs, from] = /t=(\d+) ms, (\S+) ->/.exec(head) ?? [];
      return { atMs: Number(atMs), from, text: lines.join("\r\n") };
    });
}

/** Plays the messages that did not come from the door at `door`. @returns what they were answered, "METHOD status" */
function play(name: string, door: string) {
  const world = new World();
  const a = new Agent(world, DOOR, {}, DOOR_LIMITS);
  a.autoAnswer = true;
  const peer = new Peer(world, PEER);
  const answers: string[] = [];
  /** Texts of the recorded door, and what the door says in their place now. */
  const now = new Map<string, string>();
  peer.onMessage = (message) => {
    if (message.startsWith("SIP/2.0")) answers.push(`${header(message, "CSeq").split(" ")[1]} ${message.slice(8, 11)}`);
  };
  const recorded = read(name);
  for (let i = 0; i < recorded.length; i++) {
    const { atMs, from, text } = recorded[i];
    world.run(Math.max(0, atMs - world.nowMs));
    const method = header(text, "CSeq").split(" ")[1];
    if (method === "REGISTER") continue;
    const isRequest = !text.startsWith("SIP/2.0");
    if (from === door) {
      if (isRequest && method === "INVITE") {
        const call = a.call(`sip:100@${PEER}`);
        world.run(2);
        const invite = last(peer.inbox, (message) => message.startsWith("INVITE"))!;
        expect(call.state).toBeGreaterThan(0);
        now.set(header(text, "Call-ID"), header(invite, "Call-ID"));
        now.set(header(text, "From").split(";tag=")[1], header(invite, "From").split(";tag=")[1]);
      } else if (!isRequest && method === "INVITE") {
        // The tag with which the door answered then.
        const tag = header(text, "To").split(";tag=")[1];
        const ours = last(
          peer.inbox,
          (message) => message.startsWith("SIP/2.0") && header(message, "Call-ID") === header(text, "Call-ID"),
        );
        if (tag !== undefined && ours !== undefined && !now.has(tag))
          now.set(tag, header(ours, "To").split(";tag=")[1]);
      }
      continue;
    }
    if (isRequest) {
      let told = text.trimEnd();
      for (const [was, is] of now) told = told.replaceAll(was, is);
      told = told.replaceAll(door, `${DOOR}:5060`).replaceAll(from, `${PEER}:5060`).replaceAll("127.0.0.1", PEER);
      const [head, body = ""] = told.split("\r\n\r\n");
      const fields = head.split("\r\n").filter((line) => !line.startsWith("Content-Length"));
      peer.send(DOOR, fields, body === "" ? "" : `${body}\r\n`);
    } else if (method === "INVITE") {
      const invite = last(peer.inbox, (message) => message.startsWith("INVITE"))!;
      const tag = header(text, "To").split(";tag=")[1] ?? "";
      const body = bodyOf(text).trimEnd().replaceAll("127.0.0.1", PEER);
      const more = body === "" ? [] : [`Contact: <sip:${PEER}:5060>`, "Content-Type: application/sdp"];
      peer.respond(DOOR, invite, text.slice(8, text.indexOf("\r\n")), tag, more, body === "" ? "" : `${body}\r\n`);
    }
    world.run(0);
  }
  world.run(10);
  return { world, a, peer, answers };
}

describe("a plain board", () => {
  it.each([
    ["asterisk-direct-media-hold", "127.0.0.1:23464"],
    ["asterisk-direct-media-two-calls", "127.0.0.1:23504"],
    ["pjsua-hold-board-limits", "127.0.0.1:23870"],
  ])("answers all of %s, ends with the call, and takes the next one", (name, door) => {
    const { world, a, answers } = play(name, door);
    expect(answers.length).toBeGreaterThan(4);
    expect(answers.filter((answer) => answer.endsWith("503") || answer.endsWith("500"))).toEqual([]);
    const isEndedThere = read(name).some(({ from, text }) => from !== door && text.startsWith("BYE"));
    if (isEndedThere) expect(answers).toContain("BYE 200");
    expect(a.diary.some((line) => line.startsWith("call ended"))).toBe(isEndedThere);
    world.run(70_000);
    if (a.ua.activeCall() !== null) a.ua.hangUp(a.ua.activeCall()!);
    world.run(70_000);
    expect(a.ua.layer.servers.used()).toBe(0);
    expect(a.ua.layer.clients.used()).toBe(0);
    expect(a.ua.activeCall()).toBe(null);
  });
});
