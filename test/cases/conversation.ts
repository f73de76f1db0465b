/**
 * Plays a recorded conversation between a real program and a door (recorded/*.txt) again, in virtual time. The
 * program's messages come as they were, with the tags, Call-ID, branch and CSeq of the door that runs now put in; each
 * message of the recorded door is a step at which the door that runs has to do the same: the same status, route,
 * session timer and direction of the sound. Not here: sound.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import type { Limits } from "../../src/core/limits.js";
import { House } from "../intercom/house.js";
import { bodyOf, header, headers } from "../ua/harness.js";
import { binary, WatchedWorld } from "./replay.js";

/** The door's address, and those that the programs of 127.0.0.1 and 127.0.0.2 have here. */
const DOOR_IP = "10.0.0.1";
const DOOR_ADDRESS = `${DOOR_IP}:5060`;
const PEER_IP = "10.0.0.3";
const SECOND_PEER_IP = "10.0.0.4";
/**
 * The door has so long to act by itself before a person acts in its place, and so long to do what the recorded one did.
 */
const BY_ITSELF_MS = 20;
const REACTION_MS = 100;
/** The longest transaction and the time after it. */
const END_MS = 70_000;

/** One message of a recording, with CRLF line ends. */
export interface Step {
  atMs: number;
  from: string;
  to: string;
  isDoor: boolean;
  message: string;
  method: string;
  /** The status of a response; 0 for a request. */
  status: number;
}

export interface Plan {
  settings?: readonly string[];
  /**
   * The right statuses of the door's response, by its time, where the recorded one was wrong or another is right now.
   * An empty list for no response.
   */
  right?: Readonly<Record<number, readonly number[]>>;
  /** The last step that is played, in ms: later steps would not have come after a right answer. */
  untilMs?: number;
  /** Each message of the program comes twice, as may happen over UDP. */
  isDoubled?: boolean;
}

/** @returns the messages of a recording in their order */
export function readConversation(name: string): Step[] {
  const file = readFileSync(join(import.meta.dirname, "recorded", `${name}.txt`), "latin1");
  const steps = file
    .split(/^### /m)
    .slice(1)
    .map((part): Step => {
      const [, atMs, from, to] = /^t=(\d+) ms, (\S+) -> (\S+)\n/.exec(part) ?? [];
      // The last line end belongs to the file.
      const message = part
        .slice(part.indexOf("\n") + 1)
        .replace(/\n$/, "")
        .replaceAll("\n", "\r\n");
      return {
        atMs: Number(atMs),
        from,
        to,
        isDoor: false,
        message,
        method: header(message, "CSeq").split(" ")[1],
        status: message.startsWith("SIP/2.0 ") ? Number(message.slice(8, 11)) : 0,
      };
    });
  const door = steps.find(({ message }) => message.includes("\r\nUser-Agent: Portero\r\n"))?.from;
  for (const step of steps) step.isDoor = step.from === door;
  return steps;
}

/** A request of the running door, or the last of its responses to a request. */
interface Said {
  message: string;
  ip: number;
  port: number;
}

class World extends WatchedWorld {
  /** The addresses to which the door sent its sound, each change of it once. */
  readonly soundTo: string[] = [];

  override send(fromIp: number, fromPort: number, toIp: number, toPort: number, bytes: Uint8Array): void {
    super.send(fromIp, fromPort, toIp, toPort, bytes);
    if (fromIp !== ipv4(DOOR_IP) || fromPort === 5060) return;
    const to = `${ipv4Text(toIp)}:${toPort}`;
    if (this.soundTo.at(-1) !== to) this.soundTo.push(to);
  }
}

export class Conversation {
  readonly world = new World();
  readonly house: House;
  /** Differences: actions of the door that the recorded one did not take, and missing ones. Empty if all is right. */
  readonly faults: string[] = [];
  /** The number of messages of the recorded door that were compared. */
  compared = 0;
  private readonly steps: Step[];
  private readonly doorAddress: string;
  private readonly plan: Plan;
  /** Texts of the recorded door, and those that take their place now: tags, Call-IDs and branches. */
  private readonly now = new Map<string, string>();
  /** CSeq of the door's requests, by method and Call-ID and number of the recording. */
  private readonly numbers = new Map<string, string>();
  /** Requests of the door that no step has asked for yet. */
  private fresh: Said[] = [];
  private acks: Said[] = [];
  private readonly seen = new Set<string>();
  /** The door's responses to each request that came, by branch and method; 100 and repetitions left out. */
  private readonly responses = new Map<string, string[]>();
  /** The number of them that the steps have asked for. */
  private readonly asked = new Map<string, number>();
  /** Recorded REGISTER transactions: the request, and its responses. */
  private readonly registrations: Step[][];
  private registered = 0;
  /** Whether the recording is over, and everything is answered by 200. */
  private isOver = false;

  constructor(name: string, limits: Limits, plan: Plan = {}) {
    this.plan = plan;
    const all = readConversation(name);
    this.doorAddress = all.find(({ isDoor }) => isDoor)?.from ?? "";
    this.registrations = registrationsOf(all);
    this.steps = all.filter(({ method, atMs }) => method !== "REGISTER" && atMs <= (plan.untilMs ?? Infinity));
    this.world.onSent = ({ message }, ip, port) => this.onSent({ message, ip, port });
    const kept = House.limits;
    House.limits = limits;
    this.house = new House(this.world, ...this.settings(all), ...(plan.settings ?? []));
    House.limits = kept;
    for (const step of this.steps) {
      this.world.run(Math.max(0, step.atMs - this.world.nowMs));
      if (!step.isDoor) this.play(step);
      else if (step.status > 0) this.expectResponse(step);
      else if (step.method === "ACK") this.expectAck(step);
      else this.expectRequest(step);
    }
    this.world.run(REACTION_MS);
    for (const { message } of this.fresh) this.fault(0, `the door sent ${firstLine(message)}`);
    for (const [key, sent] of this.responses) {
      const left = sent.slice(this.asked.get(key) ?? 0);
      for (const message of left) this.fault(0, `${key}: the door said ${firstLine(message)} too`);
    }
  }

  /**
   * Ends calls, takes the registration back, and lets the longest transaction pass. @returns the names of pools that
   * are not empty then
   */
  end(): string[] {
    const { house, world } = this;
    const { ua } = house.door;
    this.isOver = true;
    house.timers.nowMs = world.nowMs;
    if (ua.activeCall() !== null || house.door.isRinging) house.door.hangUp("");
    world.run(END_MS);
    house.timers.nowMs = world.nowMs;
    ua.registration.stop();
    world.run(END_MS);
    // A call that is over keeps its dialogs until it is used again.
    for (const call of ua.calls) call.session.release();
    const left: [string, number][] = [
      ["clients", ua.layer.clients.used()],
      ["servers", ua.layer.servers.used()],
      ["dialogs", ua.dialogs.used()],
      ["calls", ua.calls.filter((call) => ua.isActive(call)).length],
      ["timers", house.timers.next() === Infinity ? 0 : 1],
    ];
    return left.filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`);
  }

  /** The door's last response of that status to a method. */
  response(method: string, status: number): string {
    const found = this.world.sent.filter(
      ({ message }) => message.startsWith(`SIP/2.0 ${status} `) && header(message, "CSeq").endsWith(` ${method}`),
    );
    return found.at(-1)?.message ?? "";
  }

  /** The door's settings: those of the recorded door, as far as its messages tell them. */
  private settings(all: readonly Step[]): string[] {
    const found = ["call.autoAnswer=on", "call.allow=any", "call.showDigits=on", "relay1.code=2580", "rtp.timeout=0"];
    const [register] = this.registrations[0] ?? [];
    if (register !== undefined) {
      const [, domain] = /^REGISTER sip:(\S+)/.exec(this.told(register.message)) ?? [];
      found.push(`sip.domain=${domain}`, "sip.password=secret", `sip.user=${userOf(header(register.message, "To"))}`);
      found.push(`sip.expires=${header(register.message, "Expires")}`);
      const [, proxy] = /^<sip:([^;>]+)/.exec(header(this.told(register.message), "Route")) ?? [];
      if (proxy !== undefined) found.push(`sip.proxy=${proxy}`);
    }
    const invite = all.find(
      ({ isDoor, status, method, message }) =>
        isDoor && status === 0 && method === "INVITE" && tagOf(header(message, "To")) === "",
    );
    if (invite !== undefined) {
      const uri = this.told(invite.message).split(" ")[1];
      found.push(`call.target=${uri.endsWith(";user=phone") ? userOf(uri) : uri}`);
      found.push(`sip.sessionExpires=${Number.parseInt(header(invite.message, "Session-Expires"), 10)}`);
    }
    return found;
  }

  /** Returns a recorded text with the addresses and the values of this run. */
  private told(text: string): string {
    const port = this.doorAddress.split(":")[1];
    let told = text
      .replaceAll(this.doorAddress, DOOR_ADDRESS)
      .replaceAll(`received=127.0.0.1;rport=${port}`, `received=${DOOR_IP};rport=5060`)
      .replaceAll(`rport=${port};received=127.0.0.1`, `received=${DOOR_IP};rport=5060`)
      .replaceAll("127.0.0.1", PEER_IP)
      .replaceAll("127.0.0.2", SECOND_PEER_IP);
    for (const [was, is] of this.now) told = told.replaceAll(was, is);
    return told;
  }

  /** Sends a recorded message of the program. */
  private play(step: Step, delayMs = 1): void {
    const told = this.told(step.message);
    const split = told.indexOf("\r\n\r\n");
    const body = told.slice(split + 4);
    let head = told.slice(0, split).replace(/^(Content-Length:\s*)\d+/im, `$1${body.length}`);
    if (step.status > 0) {
      const number = this.numbers.get(keyOfNumber(step));
      head = head.replace(/^CSeq: \d+/m, `CSeq: ${number}`);
    } else if (step.method !== "ACK") this.responses.set(keyOf(told), []);
    else if (this.responses.get(keyOf(told).replace("ACK", "INVITE"))?.at(-1)?.startsWith("SIP/2.0 2")) {
      // The recorded door refused the INVITE. The ACK to a 2xx is a transaction of its own.
      head = head.replace(/;branch=[^;\s]+/, "$&-ack");
    }
    const before = this.world.delayMs;
    this.world.delayMs = delayMs;
    const [, port] = step.from.split(":");
    for (let copies = this.plan.isDoubled === true ? 2 : 1; copies > 0; copies--)
      this.world.send(ipv4(PEER_IP), Number(port), ipv4(DOOR_IP), 5060, binary(`${head}\r\n\r\n${body}`));
    this.world.delayMs = before;
  }

  private onSent(said: Said): void {
    const { message } = said;
    if (message.startsWith("SIP/2.0 ")) {
      const sent = this.responses.get(keyOf(message));
      if (sent === undefined) this.fault(0, `a response to nothing: ${firstLine(message)}`);
      else if (!message.startsWith("SIP/2.0 100") && firstLine(sent.at(-1) ?? "") !== firstLine(message))
        sent.push(message);
      return;
    }
    const key = keyOf(message);
    if (this.seen.has(key)) return;
    this.seen.add(key);
    if (this.isOver) this.answerOk(said);
    else if (message.startsWith("REGISTER ")) this.onRegister(message);
    else if (message.startsWith("ACK ")) this.acks.push(said);
    else this.fresh.push(said);
  }

  /** Answers a registration as it was recorded; the last one, and a question without Contact, as the last. */
  private onRegister(message: string): void {
    const isQuestion = header(message, "Contact") === "";
    const index = isQuestion ? this.registrations.length - 1 : this.registered++;
    const [request, ...answers] = this.registrations[Math.min(index, this.registrations.length - 1)];
    this.learn(request, message);
    for (const answer of answers) this.play(answer, 1 + answer.atMs - request.atMs);
  }

  private answerOk({ message, ip, port }: Said): void {
    if (message.startsWith("ACK ")) return;
    const lines = ["Via", "From", "To", "Call-ID", "CSeq"].flatMap((name) =>
      headers(message, name).map((value) => `${name}: ${value}`),
    );
    const text = ["SIP/2.0 200 OK", ...lines, "Content-Length: 0", "", ""].join("\r\n");
    this.world.send(ip, port, ipv4(DOOR_IP), 5060, binary(text));
  }

  /** Notes the running door's text for a text of the recorded door. */
  private learn(recorded: Step, message: string): void {
    const pairs: [string, string][] = [
      [branchOf(recorded.message), branchOf(message)],
      [header(recorded.message, "Call-ID"), header(message, "Call-ID")],
      [tagOf(header(recorded.message, "From")), tagOf(header(message, "From"))],
    ];
    for (const [was, is] of pairs) if (was !== "" && was !== is) this.now.set(was, is);
    this.numbers.set(keyOfNumber(recorded), header(message, "CSeq").split(" ")[0]);
  }

  private expectRequest(step: Step): void {
    const isInside = header(step.message, "To").includes(";tag=");
    const find = () =>
      this.fresh.find(
        ({ message }) => message.startsWith(`${step.method} `) && header(message, "To").includes(";tag=") === isInside,
      );
    if (!this.world.runUntil(() => find() !== undefined, BY_ITSELF_MS)) {
      this.act(step);
      this.world.runUntil(() => find() !== undefined, REACTION_MS);
    }
    const said = find();
    if (said === undefined) {
      this.fault(step.atMs, `no ${step.method} of the door`);
      return;
    }
    this.fresh = this.fresh.filter((one) => one !== said);
    this.learn(step, said.message);
    const wanted = this.told(step.message);
    this.compare(step, "Request-URI", wanted.split(" ")[1], said.message.split(" ")[1]);
    this.compare(step, "Route", headers(wanted, "Route"), headers(said.message, "Route"));
    this.compare(step, "Session-Expires", header(wanted, "Session-Expires"), header(said.message, "Session-Expires"));
    this.compare(step, "sound", soundOf(wanted), soundOf(said.message));
  }

  /** Does for a person what made the recorded door send its request. */
  private act(step: Step): void {
    const { house, world } = this;
    const { ua } = house.door;
    house.timers.nowMs = world.nowMs;
    const call = ua.activeCall();
    if (step.method === "INVITE" && !header(step.message, "To").includes(";tag=")) house.press();
    else if (step.method === "INVITE" && call !== null) ua.hold(call, bodyOf(step.message).includes("a=sendonly"));
    else if (step.method === "BYE") house.door.hangUp("");
  }

  private expectAck(step: Step): void {
    const number = this.numbers.get(keyOfNumber(step).replace("ACK", "INVITE"));
    const callId = this.told(header(step.message, "Call-ID"));
    const is = ({ message }: Said) =>
      header(message, "Call-ID") === callId && header(message, "CSeq") === `${number} ACK`;
    this.world.runUntil(() => this.acks.some(is), REACTION_MS);
    const said = this.acks.find(is);
    if (said === undefined) {
      this.fault(step.atMs, "no ACK of the door");
      return;
    }
    this.acks = this.acks.filter((one) => one !== said);
    const wanted = this.told(step.message);
    this.compare(step, "Request-URI", wanted.split(" ")[1], said.message.split(" ")[1]);
    this.compare(step, "Route", headers(wanted, "Route"), headers(said.message, "Route"));
  }

  private expectResponse(step: Step): void {
    for (const status of this.plan.right?.[step.atMs] ?? [step.status]) this.expectStatus(step, status);
  }

  private expectStatus(step: Step, status: number): void {
    const key = keyOf(this.told(step.message));
    const index = this.asked.get(key) ?? 0;
    const find = () => this.responses.get(key)?.[index];
    this.world.runUntil(() => find() !== undefined, REACTION_MS);
    this.asked.set(key, index + 1);
    const said = find();
    if (said === undefined) {
      this.fault(step.atMs, `no ${status} to ${step.method}`);
      return;
    }
    const [was, is] = [tagOf(header(step.message, "To")), tagOf(header(said, "To"))];
    if (was !== "" && was !== is) this.now.set(was, is);
    this.compare(step, "status", status, Number(said.slice(8, 11)));
    if (status !== step.status) return;
    const wanted = this.told(step.message);
    this.compare(step, "Via", viasOf(wanted), viasOf(said));
    for (const name of ["Record-Route", "From", "To", "Call-ID", "CSeq", "Require", "Session-Expires"])
      this.compare(step, name, headers(wanted, name), headers(said, name));
    this.compare(step, "sound", oneCodec(soundOf(wanted)), soundOf(said));
  }

  private compare(step: Step, what: string, wanted: unknown, found: unknown): void {
    this.compared++;
    const [a, b] = [JSON.stringify(wanted), JSON.stringify(found)];
    if (a !== b) this.fault(step.atMs, `${step.method} ${what}: ${b} where ${a} was right`);
  }

  private fault(atMs: number, what: string): void {
    this.faults.push(atMs === 0 ? what : `t=${atMs} ms: ${what}`);
  }
}

function registrationsOf(steps: readonly Step[]): Step[][] {
  const found = steps.filter(({ method }) => method === "REGISTER");
  return found
    .filter(({ status }) => status === 0)
    .map((request) => [
      request,
      ...found.filter(({ status, message }) => status > 0 && branchOf(message) === branchOf(request.message)),
    ]);
}

function firstLine(message: string): string {
  return message.slice(0, message.indexOf("\r\n"));
}

/** Branch and method: one transaction. */
function keyOf(message: string): string {
  return `${branchOf(message)} ${header(message, "CSeq").split(" ")[1]}`;
}

function keyOfNumber({ message }: Step): string {
  return `${header(message, "Call-ID")} ${header(message, "CSeq")}`;
}

function branchOf(message: string): string {
  return /;branch=([^;\s,]+)/.exec(header(message, "Via"))?.[1] ?? "";
}

function tagOf(value: string): string {
  return /;tag=([^;\s]+)/.exec(value)?.[1] ?? "";
}

function userOf(value: string): string {
  return /sip:([^@>]+)@/.exec(value)?.[1] ?? "";
}

/** Via values with their parameters in one order. */
function viasOf(message: string): string[] {
  return headers(message, "Via").map((value) => {
    const [by, ...parameters] = value.split(";");
    return [by, ...parameters.sort()].join(";");
  });
}

interface SoundWords {
  profile: string;
  formats: string[];
  direction: string;
  events: string;
}

/** @returns what a message describes of the sound; null if it has no description */
function soundOf(message: string): SoundWords | null {
  const body = bodyOf(message);
  const media = /^m=audio \d+ (\S+) ([\d ]+)\r$/m.exec(body);
  if (media === null) return null;
  return {
    profile: media[1],
    formats: media[2].split(" "),
    direction: /^a=(sendrecv|sendonly|recvonly|inactive)\r$/m.exec(body)?.[1] ?? "sendrecv",
    events: /^a=rtpmap:(\d+) telephone-event\/8000\r$/m.exec(body)?.[1] ?? "",
  };
}

/** An answer names one codec and telephone-event; the recorded door named all that both have. */
function oneCodec(sound: SoundWords | null): SoundWords | null {
  if (sound === null) return null;
  const codec = sound.formats.filter((format) => format !== sound.events)[0];
  return { ...sound, formats: sound.events === "" ? [codec] : [codec, sound.events] };
}
