import type { SrvRecord } from "node:dns";
import { describe, expect, it } from "vitest";
import type { Service } from "../../../hal/device.js";
import { SeededRandom } from "../../../host-sim/io/random.js";
import { type NameService, NodeResolver, orderServices } from "../../../host-sim/io/resolver.js";
import { ipv4Text } from "../../../src/core/address.js";

function fail(code: string): never {
  throw Object.assign(new Error(code), { code });
}

/** A name service of given records. */
function service(srv: Record<string, SrvRecord[]>, a: Record<string, string>): NameService {
  return {
    naptr: async () => fail("ENODATA"),
    srv: async (name) => srv[name] ?? fail("ENODATA"),
    a: async (name) => [a[name] ?? fail("ENOTFOUND")],
  };
}

function ask(names: NameService, name: string, port: number, over: Service = "udp"): Promise<string> {
  const resolver = new NodeResolver(new SeededRandom(1), names);
  return new Promise((resolve) => {
    resolver.resolve(name, port, over, (error, ip, found) => resolve(error || ipv4Text(ip) + ":" + found));
  });
}

const HOUSE = service(
  {
    "_sip._udp.house.example": [
      { name: "second.house.example", port: 5080, priority: 20, weight: 0 },
      { name: "first.house.example", port: 5070, priority: 10, weight: 0 },
    ],
    "_sip._tcp.house.example": [{ name: ".", port: 0, priority: 0, weight: 0 }],
    "_sip._udp.half.example": [
      { name: "gone.example", port: 1, priority: 1, weight: 0 },
      { name: "first.house.example", port: 2, priority: 2, weight: 0 },
    ],
    "_sip._udp.gone.example": [{ name: "nowhere.example", port: 1, priority: 1, weight: 0 }],
  },
  {
    "house.example": "192.0.2.1",
    "first.house.example": "192.0.2.2",
    "second.house.example": "192.0.2.3",
    plain: "192.0.2.4",
  },
);

describe("the resolver", () => {
  it("takes the SRV record of lowest priority when no port is given", async () => {
    expect(await ask(HOUSE, "house.example", -1)).toBe("192.0.2.2:5070");
  });

  it("gives all places of all records in order, by the name that a NAPTR record says", async () => {
    const names: NameService = {
      ...HOUSE,
      naptr: async () => [
        { order: 2, preference: 1, flags: "s", service: "SIP+D2U", regexp: "", replacement: "_sip._udp.house.example" },
        {
          order: 1,
          preference: 1,
          flags: "s",
          service: "SIPS+D2T",
          regexp: "",
          replacement: "_sips._tcp.none.example",
        },
      ],
      a: async (name) => (name === "first.house.example" ? ["192.0.2.2", "192.0.2.22"] : ["192.0.2.3"]),
    };
    const found = await new Promise((resolve) =>
      new NodeResolver(new SeededRandom(1), names).resolve(
        "other.example",
        -1,
        "udp",
        (_error, ip, port, others = []) =>
          resolve(
            [ip, port, ...others.flatMap((place) => [place.address, place.port, place.rank])].map((n) =>
              n > 65536 ? ipv4Text(n) : n,
            ),
          ),
      ),
    );
    expect(found).toEqual(["192.0.2.2", 5070, "192.0.2.22", 5070, 0, "192.0.2.3", 5080, 1]);
  });

  it("asks for SIPS+D2T and _sips._tcp for TLS, and takes 5061 without such records", async () => {
    const asked: string[] = [];
    const names: NameService = {
      naptr: async () => [
        { order: 1, preference: 1, flags: "s", service: "SIP+D2T", regexp: "", replacement: "_sip._tcp.house.example" },
        {
          order: 2,
          preference: 1,
          flags: "s",
          service: "SIPS+D2T",
          regexp: "",
          replacement: "_sips._tcp.other.example",
        },
      ],
      srv: async (name) => {
        asked.push(name);
        return fail("ENODATA");
      },
      a: async () => ["192.0.2.7"],
    };
    expect(await ask(names, "house.example", -1, "tls")).toBe("192.0.2.7:5061");
    expect(asked).toEqual(["_sips._tcp.other.example"]);
    expect(await ask({ ...names, naptr: async () => [] }, "house.example", -1, "tls")).toBe("192.0.2.7:5061");
    expect(asked[1]).toBe("_sips._tcp.house.example");
    expect(await ask(names, "house.example", 5066, "tls")).toBe("192.0.2.7:5066");
  });

  it("asks for the address alone when a port is given", async () => {
    expect(await ask(HOUSE, "house.example", 5066)).toBe("192.0.2.1:5066");
  });

  it("takes the host and 5060 when there is no SRV record", async () => {
    expect(await ask(HOUSE, "second.house.example", -1)).toBe("192.0.2.3:5060");
    expect(await ask(HOUSE, "plain", -1)).toBe("192.0.2.4:5060");
  });

  it("goes on to the next record when a server has no address", async () => {
    expect(await ask(HOUSE, "half.example", -1)).toBe("192.0.2.2:2");
  });

  it("says in one line why there is no address", async () => {
    expect(await ask(HOUSE, "unknown.example", -1)).toBe("no such host: unknown.example");
    expect(await ask(HOUSE, "house.example", -1, "tcp")).toBe("house.example says that it has no SIP service over TCP");
    expect(await ask(HOUSE, "gone.example", -1)).toBe("none of the SIP servers of gone.example has an address");
    const broken: NameService = {
      naptr: async () => fail("ESERVFAIL"),
      srv: async () => fail("ESERVFAIL"),
      a: async () => fail("EAI_AGAIN"),
    };
    expect(await ask(broken, "house.example", -1)).toBe(
      "no answer from the name service about house.example (EAI_AGAIN)",
    );
    expect(await ask({ ...broken, a: async () => ["2001:db8::1"] }, "six.example", 5060)).toBe(
      "six.example has no IPv4 address",
    );
  });

  it("takes an address as it is", async () => {
    expect(await ask(HOUSE, "192.0.2.9", -1)).toBe("192.0.2.9:5060");
  });

  it("finds localhost by the system's own look-up", async () => {
    const resolver = new NodeResolver(new SeededRandom(1));
    const found = await new Promise((resolve) =>
      resolver.resolve("localhost", 5060, "udp", (error, ip, port) => resolve(error || ipv4Text(ip) + ":" + port)),
    );
    expect(found).toBe("127.0.0.1:5060");
  });
});

it("records of one priority are drawn by their weights", () => {
  const records = [
    { name: "small", port: 1, priority: 1, weight: 1 },
    { name: "big", port: 1, priority: 1, weight: 9 },
    { name: "last", port: 1, priority: 2, weight: 100 },
  ];
  const random = new SeededRandom(5);
  let big = 0;
  for (let i = 0; i < 1000; i++) {
    const order = orderServices(records, random);
    expect(order[2].name).toBe("last");
    if (order[0].name === "big") big += 1;
  }
  // By RFC 2782's lot of 0 to 10, the small one is taken for 0 and 1.
  expect(big).toBeGreaterThan(770);
  expect(big).toBeLessThan(870);
});
