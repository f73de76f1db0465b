/**
 * Names to IPv4 addresses on Node, by RFC 3263 §4.1, §4.2: NAPTR and SRV in the order of RFC 2782 (priority, then
 * weight by lot), then the addresses of each server.
 * Not here: IPv6, how long records are good (Node does not tell it), a cache and which place is tried (the core's).
 */
import type { NaptrRecord, SrvRecord } from "node:dns";
import { Resolver as DnsResolver, lookup } from "node:dns/promises";
import type { Resolver, ResolverDone, Service } from "../../hal/device.js";
import { ipv4, type Place } from "../../src/core/address.js";
import { fraction, type RandomSource } from "../../src/core/random.js";

const SIP_PORT = 5060;
const SIPS_PORT = 5061;
/** The NAPTR services, and what stands before the names of their SRV records. RFC 3263 §4.1, RFC 3261 §19.1.2 */
const NAPTR_SERVICES: Record<Service, string> = { udp: "sip+d2u", tcp: "sip+d2t", tls: "sips+d2t" };
const SRV_PREFIXES: Record<Service, string> = { udp: "_sip._udp.", tcp: "_sip._tcp.", tls: "_sips._tcp." };
/** How long one look-up may take in all, ms. */
const ANSWER_MS = 10000;
/** Servers that are looked up for one name. */
const HOSTS = 4;

/** The three questions, so that tests can answer them. */
export interface NameService {
  naptr(name: string): Promise<NaptrRecord[]>;
  srv(name: string): Promise<SrvRecord[]>;
  /** @returns dotted quads */
  a(name: string): Promise<string[]>;
}

export class NodeResolver implements Resolver {
  private readonly random: RandomSource;
  private readonly names: NameService;

  constructor(random: RandomSource, names: NameService = nodeNames()) {
    this.random = random;
    this.names = names;
  }

  resolve(name: string, port: number, service: Service, done: ResolverDone): void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<Place[] | string>((resolve) => {
      timer = setTimeout(() => resolve("no answer from the name service about " + name), ANSWER_MS);
    });
    Promise.race([this.find(name, port, service), late]).then((found) => {
      clearTimeout(timer);
      if (typeof found === "string") done(found, -1, -1);
      else done("", found[0].address, found[0].port, found.slice(1));
    });
  }

  /** @returns one place at least, or a line that says why there is none */
  private async find(name: string, port: number, service: Service): Promise<Place[] | string> {
    const plainPort = port >= 0 ? port : service === "tls" ? SIPS_PORT : SIP_PORT;
    const literal = ipv4(name);
    if (literal >= 0) return [{ address: literal, port: plainPort, rank: 0 }];
    // NAPTR and SRV records belong to domains: a name without a dot is a host of this house.
    const records = port < 0 && name.includes(".") ? await this.services(name, service) : [];
    if (records.length === 1 && (records[0].name === "" || records[0].name === ".")) {
      return name + " says that it has no SIP service over " + service.toUpperCase();
    }
    if (records.length === 0) {
      const addresses = await this.host(name);
      if (typeof addresses === "string") return addresses;
      return addresses.map((address) => ({ address, port: plainPort, rank: 0 }));
    }
    const ordered = orderServices(records, this.random).slice(0, HOSTS);
    const ranks = [...new Set(ordered.map((record) => record.priority))];
    const found = await Promise.all(
      ordered.map(async (record) => {
        const addresses = await this.host(record.name);
        if (typeof addresses === "string") return [];
        return addresses.map((address) => ({ address, port: record.port, rank: ranks.indexOf(record.priority) }));
      }),
    );
    const places = found.flat();
    return places.length > 0 ? places : "none of the SIP servers of " + name + " has an address";
  }

  private async services(name: string, service: Service): Promise<SrvRecord[]> {
    try {
      return await this.names.srv(
        (await this.replacement(name, NAPTR_SERVICES[service])) ?? SRV_PREFIXES[service] + name,
      );
    } catch {
      return [];
    }
  }

  /** @returns the name of the SRV records that a NAPTR record names for the service, if one does. RFC 3263 §4.1 */
  private async replacement(name: string, service: string): Promise<string | undefined> {
    try {
      return (await this.names.naptr(name))
        .filter(
          (record) =>
            record.flags.toLowerCase() === "s" && record.service.toLowerCase() === service && record.regexp === "",
        )
        .sort((a, b) => a.order - b.order || a.preference - b.preference)
        .find((record) => record.replacement !== "")?.replacement;
    } catch {
      return undefined;
    }
  }

  /** @returns its addresses, or a line that says why there is none */
  private async host(name: string): Promise<number[] | string> {
    try {
      const addresses = (await this.names.a(name)).map(ipv4).filter((address) => address >= 0);
      return addresses.length > 0 ? addresses : name + " has no IPv4 address";
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

function nodeNames(): NameService {
  const dns = new DnsResolver({ timeout: 2000, tries: 2 });
  return {
    naptr: (name) => dns.resolveNaptr(name),
    srv: (name) => dns.resolveSrv(name),
    // The system's own look-up: it knows the hosts file too.
    a: async (name) => (await lookup(name, { family: 4, all: true })).map(({ address }) => address),
  };
}
