/**
 * A stage for the call flows of RFC 3665: our servers stand where the RFC has its own, each a house with a transaction
 * layer of its own, and the phones send what the RFC has them send. The network carries messages from server to server
 * and remembers them; names have the RFC's addresses. Not here: what is compared with what (picture.ts), and the flows
 * (servers.test.ts).
 */
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { Redirect } from "../../src/server/redirect.js";
import { UserTable } from "../../src/server/users.js";
import { ALGORITHM_MD5, ALGORITHM_SHA256 } from "../../src/wire/digest.js";
import { House, type Place, secretOf } from "../server/house.js";
import { type HouseOptions, ProxyHouse } from "../server/proxied.js";
import { field, fields } from "../transaction/harness.js";

/** The letter of each host in the flows, its name and address. RFC 3665 §2, §3 */
export const HOSTS: Record<string, [name: string, ip: string]> = {
  A: ["client.atlanta.example.com", "192.0.2.101"],
  B: ["client.biloxi.example.com", "192.0.2.201"],
  C: ["client.chicago.example.com", "192.0.2.100"],
  G: ["alg1.atlanta.example.com", "192.0.2.128"],
  1: ["ss1.atlanta.example.com", "192.0.2.111"],
  2: ["ss2.biloxi.example.com", "192.0.2.222"],
  3: ["ss3.chicago.example.com", "192.0.2.233"],
  // The RFC gives it neither name nor address.
  R: ["redirect.biloxi.example.com", "192.0.2.240"],
};
/** The servers of the domains. */
const DOMAINS: Record<string, string> = {
  "atlanta.example.com": "1",
  "biloxi.example.com": "2",
  "chicago.example.com": "3",
};
const PASSWORDS: Record<string, string> = { alice: "secret of alice", bob: "secret of bob" };
const PORT = 5060;

/** A message that a server sent. */
export interface Leg {
  from: string;
  to: string;
  text: string;
  /** "udp" or "tcp" */
  transport: string;
  isClaimed: boolean;
}

function place(letter: string): Place {
  const [host, ip] = HOSTS[letter];
  const realm = host.slice(host.indexOf(".") + 1);
  const domains = [octets(realm), octets(host)];
  const users = new UserTable(4, 64, domains);
  for (const [name, password] of Object.entries(PASSWORDS))
    users.addUser(
      octets(name),
      domains[0],
      secretOf(name, password, ALGORITHM_MD5, realm),
      secretOf(name, password, ALGORITHM_SHA256, realm),
    );
  return { ip, domains, users, names: 8, seed: letter.charCodeAt(0) };
}

function letterOf(address: string): string {
  return Object.keys(HOSTS).find((letter) => HOSTS[letter][1] === address) ?? "?";
}

export class Stage {
  readonly log: Leg[] = [];
  readonly houses = new Map<string, House>();
  /** The number of the connection between a phone and a server, opened by either. */
  private readonly connections = new Map<string, number>();

  proxy(letter: string, options: HouseOptions): void {
    this.houses.set(letter, new ProxyHouse(options, [], null, place(letter)));
  }

  redirect(letter: string): void {
    const where = place(letter);
    const house = new House({}, {}, null, where);
    house.server.next = new Redirect(house.layer, house.memory, where.users, { domains: where.domains, jobs: 4 });
    this.houses.set(letter, house);
  }

  /**
   * Gives a message of a phone to the server of its topmost Via, and lets the servers do all that they do about it now.
   */
  give(from: string, to: string, message: string): void {
    const house = this.houses.get(to);
    if (house === undefined) return;
    const bytes = octets(message);
    const ip = ipv4(HOSTS[from][1]);
    if (field(message, "Via").startsWith("SIP/2.0/TCP")) {
      const known = this.connections.get(from + to);
      const connection = known ?? this.connections.size + 1;
      this.connections.set(from + to, connection);
      if (known === undefined) house.layer.streamOpened(connection, ip, 40000 + connection);
      house.layer.receiveStream(connection, bytes, 0, bytes.length);
    } else house.layer.receiveDatagram(ip, PORT, bytes, 0, bytes.length);
    this.pump();
  }

  /** Lets time pass until a message is sent, at most `ms`. @returns whether one was */
  wait(ms: number): boolean {
    const before = this.log.length;
    const all = [...this.houses.values()];
    const untilMs = all[0].timers.nowMs + ms;
    while (this.log.length === before) {
      const nextMs = Math.min(untilMs, ...all.map(({ timers }) => timers.next()));
      for (const { timers } of all) timers.poll(nextMs);
      this.pump();
      if (nextMs >= untilMs) break;
    }
    return this.log.length > before;
  }

  /** @returns the first message from one to the other that was not claimed yet */
  claim(from: string, to: string, kind: string): Leg | undefined {
    const leg = this.log.find(
      (one) => !one.isClaimed && one.from === from && one.to === to && kindOf(one.text) === kind,
    );
    if (leg !== undefined) leg.isClaimed = true;
    return leg;
  }

  unclaimed(): Leg[] {
    return this.log.filter(({ isClaimed }) => !isClaimed);
  }

  /** Credentials of a user for the last challenge of that server. */
  credentials(letter: string, user: string, uri: string, method: string): string {
    return this.house(letter).again(user, PASSWORDS[user], uri, method);
  }

  /** The phone of that user remembers the challenge of a server. */
  challenged(letter: string, user: string, response: string): void {
    this.house(letter).answerTo(response, user, PASSWORDS[user]);
  }

  /** Binds a contact of a user by a REGISTER, before the flow begins. */
  bind(letter: string, user: string, contact: string): void {
    const house = this.house(letter);
    const [, realm] = /\.(.*)/.exec(HOSTS[letter][0]) as RegExpExecArray;
    const parts = { user, uri: "sip:" + realm, to: "<sip:" + user + "@" + realm + ">", contact, callId: "before" };
    const answer = house.register(parts, HOSTS.B[1] + ":" + PORT, PASSWORDS[user]);
    if (!answer.startsWith("SIP/2.0 200")) throw new Error("not registered: " + answer);
    house.network.take();
  }

  /** @returns whether nothing is held any more after all timers are over */
  isIdle(): boolean {
    while (this.wait(400_000));
    return [...this.houses.values()].every(
      (house) =>
        house.layer.servers.used() + house.layer.clients.used() === 0 &&
        (!(house instanceof ProxyHouse) || house.proxy.contexts.usedBuffers() === 0),
    );
  }

  private house(letter: string): House {
    return this.houses.get(letter) as House;
  }

  /** Carries all messages to their receivers, and answers for names, until nothing moves. */
  private pump(): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false;
      for (const [letter, house] of this.houses) {
        const { network, layer } = house;
        for (const { id, name } of network.asked.splice(0)) {
          const known = DOMAINS[name] ?? Object.keys(HOSTS).find((other) => HOSTS[other][0] === name);
          if (known === undefined) layer.unresolved(id);
          else layer.resolved(id, ipv4(HOSTS[known][1]), PORT);
          isBusy = true;
        }
        for (const { to, text } of network.take()) {
          const words = to.split(" ");
          const next = letterOf((words.at(-1) as string).split(":")[0]);
          if (words[0] === "tcp") this.connections.set(next + letter, Number(words[1]));
          this.log.push({ from: letter, to: next, text, transport: words[0], isClaimed: false });
          const bytes = octets(text);
          this.houses.get(next)?.layer.receiveDatagram(ipv4(HOSTS[letter][1]), PORT, bytes, 0, bytes.length);
          isBusy = true;
        }
      }
    }
  }
}

/** @returns the method of a request; for a response its status and its method */
export function kindOf(message: string): string {
  const [first, second] = message.split(" ");
  return first === "SIP/2.0" ? second + " " + field(message, "CSeq").split(" ")[1] : first;
}

/** @returns whether a response belongs to the request that a phone got */
export function isAnsweredBy(request: string, response: string): boolean {
  return (
    !request.startsWith("SIP/2.0") &&
    field(request, "CSeq") === field(response, "CSeq") &&
    field(request, "Call-ID") === field(response, "Call-ID") &&
    fields(request, "Via").length > 0
  );
}
