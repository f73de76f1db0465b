/** Tests a board's address: which parts fit together and which do not, each in one line, and which of them are kept. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { checkNetwork, fixedAddress, forgetNetwork, nameServer } from "../../src/settings/network.js";
import { Settings } from "../../src/settings/settings.js";

function given(values: Record<string, string>): Settings {
  const settings = new Settings();
  for (const [key, value] of Object.entries(values)) expect(settings.set("wifi." + key, value)).toBe("");
  return settings;
}

const HOME = { ip: "192.168.1.20", mask: "255.255.255.0" };

describe("An address of a board", () => {
  it("is by DHCP at first, and by DHCP a name server may be named", () => {
    expect(checkNetwork(given({}))).toBe("");
    expect(fixedAddress(given({}))).toBeNull();
    expect(checkNetwork(given({ dns: "9.9.9.9" }))).toBe("");
    expect(nameServer(given({ dns: "9.9.9.9" }))).toBe(ipv4("9.9.9.9"));
    expect(nameServer(given({}))).toBe(0);
  });

  it.each([
    [HOME],
    [{ ...HOME, gateway: "192.168.1.1" }],
    [{ ...HOME, gateway: "192.168.1.1", dns: "9.9.9.9" }],
    [{ ...HOME, dns: "192.168.1.1" }],
    [{ ip: "10.1.2.255", mask: "255.255.0.0", gateway: "10.1.0.1" }],
    [{ ip: "192.168.1.2", mask: "255.255.255.252", gateway: "192.168.1.1" }],
    [{ ip: "172.16.0.1", mask: "255.0.0.0", gateway: "172.255.255.254" }],
  ])("may be %j", (values) => {
    const settings = given(values);
    expect(checkNetwork(settings)).toBe("");
    expect(fixedAddress(settings)).toEqual({
      address: values.ip,
      mask: values.mask,
      gateway: (values as { gateway?: string }).gateway ?? "0.0.0.0",
    });
  });

  it.each([
    [{ ip: "192.168.1.20" }, "wifi.ip: it needs wifi.mask, as in set wifi.mask 255.255.255.0"],
    [{ mask: "255.255.255.0" }, "wifi.mask: without wifi.ip it means nothing: set wifi.ip ADDRESS, or unset wifi.mask"],
    [{ gateway: "192.168.1.1" }, "wifi.gateway: without wifi.ip it means nothing"],
    [
      { ...HOME, ip: "192.168.1.0" },
      "wifi.ip: '192.168.1.0' is the network's own address: 192.168.1.1 to 192.168.1.254 (/24)",
    ],
    [
      { ...HOME, ip: "192.168.1.255" },
      "wifi.ip: '192.168.1.255' is the broadcast address: 192.168.1.1 to 192.168.1.254",
    ],
    [
      { ...HOME, gateway: "192.168.2.1" },
      "wifi.gateway: '192.168.2.1' is outside of the door's network: 192.168.1.1 to",
    ],
    [{ ...HOME, gateway: "192.168.1.20" }, "wifi.gateway: '192.168.1.20' is the door itself (wifi.ip)"],
    [{ ...HOME, gateway: "192.168.1.0" }, "wifi.gateway: '192.168.1.0' is the network's own address"],
    [{ ...HOME, gateway: "192.168.1.255" }, "wifi.gateway: '192.168.1.255' is the broadcast address"],
    [{ ...HOME, dns: "9.9.9.9" }, "wifi.dns: '9.9.9.9' is outside of the door's network, and there is no wifi.gateway"],
    [{ ...HOME, dns: "192.168.1.20" }, "wifi.dns: '192.168.1.20' is the door itself"],
  ])("may not be %j", (values, problem) => {
    const said = checkNetwork(given(values));
    expect(said.slice(0, problem.length)).toBe(problem);
    expect(said).not.toContain("\n");
  });

  it("is what is bound, or whatever there is", () => {
    const settings = given(HOME);
    settings.set("net.address", "10.0.0.9");
    expect(checkNetwork(settings)).toMatch(
      /^net.address: '10.0.0.9' is not the door's address \(wifi.ip 192.168.1.20\)/,
    );
    for (const bound of ["0.0.0.0", "192.168.1.20"]) {
      settings.set("net.address", bound);
      expect(checkNetwork(settings)).toBe("");
    }
  });

  it.each([
    ["ip", "0.0.0.0"],
    ["ip", "127.0.0.1"],
    ["ip", "224.0.0.1"],
    ["ip", "255.255.255.255"],
    ["ip", "192.168.1"],
    ["ip", "192.168.1.20/24"],
    ["ip", "door"],
    ["mask", "255.0.255.0"],
    ["mask", "255.255.255.255"],
    ["mask", "255.255.255.254"],
    ["mask", "0.0.0.0"],
    ["mask", "254.0.0.0"],
    ["mask", "24"],
    ["gateway", "0.0.0.0"],
    ["dns", "239.1.1.1"],
  ])("cannot have wifi.%s %s", (key, value) => {
    expect(new Settings().set("wifi." + key, value)).toMatch(
      new RegExp("^wifi\\." + key + ": '" + value.replaceAll(".", "\\.") + "' is not allowed: empty, or [^\\n]+$"),
    );
  });

  it("with zeros before its numbers is decimal for everybody who reads it", () => {
    const settings = given({ ip: "010.008.000.020", mask: "255.255.255.000" });
    expect(fixedAddress(settings)).toEqual({ address: "10.8.0.20", mask: "255.255.255.0", gateway: "0.0.0.0" });
  });

  it("is taken in any network of any size, with any other of it as the gateway, and with no other", () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 30 }), fc.nat(0xffffffff), fc.nat(0xffffffff), (bits, at, gate) => {
        const mask = (0xffffffff << (32 - bits)) >>> 0;
        const size = 2 ** (32 - bits);
        const net = ((10 << 24) | ((at & 0xffffff & mask) >>> 0)) >>> 0;
        const [ip, gateway] = [net + (at % size), net + (gate % size)];
        const isUsable = (one: number) => one > net && one < net + size - 1;
        const settings = given({ ip: ipv4Text(ip), mask: ipv4Text(mask), gateway: ipv4Text(gateway) });
        expect(checkNetwork(settings) === "").toBe(isUsable(ip) && isUsable(gateway) && ip !== gateway);
        const outside = gateway < net + size / 2 ? net + size : net - 1;
        settings.set("wifi.gateway", ipv4Text(outside));
        if (settings.text("wifi.gateway") === ipv4Text(outside)) expect(checkNetwork(settings)).not.toBe("");
      }),
      { seed: 20261129, numRuns: 500 },
    );
  });

  it("is forgotten as a whole", () => {
    const settings = given({ ...HOME, gateway: "192.168.1.1", dns: "9.9.9.9" });
    forgetNetwork(settings);
    expect(settings.save()).toBe("");
  });
});
