/**
 * Names to IPv4 addresses on Node, by RFC 3263 §4.2: SRV in the order of RFC 2782 (priority, then weight by lot), then
 * A. Not here: NAPTR, IPv6, a cache (the core keeps one), and trying the next server when the first does not answer.
 */
import type { SrvRecord } from "node:dns";
import { Resolver as DnsResolver, lookup } from "node:dns/promises";
import type { Resolver } from "../../hal/device.js";
import { ipv4 } from "../../src/core/address.js";
import { fraction, type RandomSource } from "../../src/core/random.js";

const SIP_PORT = 5060;
/** How long one look-up may take in all, ms. */
const ANSWER_MS = 10000;

/** The two questions, so that tests can answer them. */
export interface NameService {
  srv(name: string): Promise<SrvRecord[]>;
  /** @returns a dotted quad */
  a(name: string): Promise<string>;
}

export class NodeResolver implements Resolver {
  private readonly random: RandomSource;
  private readonly names: NameService;

  constructor(random: RandomSource, names: NameService = nodeNames()) {
    this.random = random;
    this.names = names;
  }

  resolve(
    name: string,
    port: number,
    tcp: boolean,
    done: (error: string, address: number, port: number) => void,
  ): void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<Answer>((resolve) => {
      timer = setTimeout(() => resolve(failure("no answer from the name service about " + name)), ANSWER_MS);
    });
    Promise.race([this.find(name, port, tcp), late]).then((answer) => {
      clearTimeout(timer);
      done(answer.error, answer.address, answer.port);
    });
  }

  private async find(name: string, port: number, tcp: boolean): Promise<Answer> {
    const literal = ipv4(name);
    if (literal >= 0) return { error: "", address: literal, port: port < 0 ? SIP_PORT : port };
    // SRV records belong to domains: a name without a dot is a host of this house.
    const records = port < 0 && name.includes(".") ? await this.services(name, tcp) : [];
    if (records.length === 1 && (records[0].name === "" || records[0].name === ".")) {
      return failure(name + " says that it has no SIP service over " + (tcp ? "TCP" : "UDP"));
    }
    for (const record of orderServices(records, this.random)) {
      const address = await this.host(record.name);
      if (typeof address === "number") return { error: "", address, port: record.port };
    }
    if (records.length > 0) return failure("none of the SIP servers of " + name + " has an address");
    const address = await this.host(name);
    if (typeof address === "string") return failure(address);
    return { error: "", address, port: port < 0 ? SIP_PORT : port };
  }

  private async services(name: string, tcp: boolean): Promise<SrvRecord[]> {
    try {
      return await this.names.srv((tcp ? "_sip._tcp." : "_sip._udp.") + name);
    } catch {
      return [];
    }
  }

  /** @returns the address, or a line that says why there is none */
  private async host(name: string): Promise<number | string> {
    try {
      const address = ipv4(await this.names.a(name));
      return address >= 0 ? address : name + " has no IPv4 address";
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      if (code === "ENOTFOUND" || code === "ENODATA") return "no such host: " + name;
      return "no answer from the name service about " + name + (code === "" ? "" : " (" + code + ")");
    }
  }
}

/** The order in which to try. RFC 2782: lowest priority first, within it by lot with the weights. */
export function orderServices(records: readonly SrvRecord[], random: RandomSource): SrvRecord[] {
  const left = [...records].sort((a, b) => a.priority - b.priority || a.weight - b.weight);
  const out: SrvRecord[] = [];
  while (left.length > 0) {
    const same = left.filter((record) => record.priority === left[0].priority);
    let lot = Math.floor(fraction(random) * (same.reduce((sum, record) => sum + record.weight, 0) + 1));
    let chosen = same[same.length - 1];
    for (const record of same) {
      lot -= record.weight;
      if (lot > 0) continue;
      chosen = record;
      break;
    }
    out.push(chosen);
    left.splice(left.indexOf(chosen), 1);
  }
  return out;
}

interface Answer {
  error: string;
  address: number;
  port: number;
}

function failure(error: string): Answer {
  return { error, address: -1, port: -1 };
}

function nodeNames(): NameService {
  const dns = new DnsResolver({ timeout: 2000, tries: 2 });
  return {
    srv: (name) => dns.resolveSrv(name),
    // The system's own look-up: it knows the hosts file too.
    a: async (name) => (await lookup(name, { family: 4 })).address,
  };
}
