/** `save` registers anew only if a setting of the registration has changed, and disturbs nothing else. */
import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Console } from "../../src/console/console.js";
import { ipv4 } from "../../src/core/address.js";
import { text } from "../../src/core/bytes.js";
import { SCHEMA } from "../../src/settings/schema.js";
import { DOOR, House } from "../intercom/house.js";
import { World } from "../ua/harness.js";

const SERVER = "10.0.0.9";

/** A registrar that accepts every REGISTER. */
class Registrar {
  readonly ip = ipv4(SERVER);
  readonly requests: string[] = [];
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
    world.add(this);
  }

  receive(d: { fromIp: number; fromPort: number; bytes: Uint8Array }): void {
    const request = text(d.bytes);
    if (!request.startsWith("REGISTER")) return;
    this.requests.push(request);
    const fields = request.split("\r\n").filter((line) => /^(via|from|to|call-id|cseq|contact|expires):/i.test(line));
    const response = `SIP/2.0 200 OK\r\n${fields.join("\r\n").replace(/^(To:.*)$/im, "$1;tag=r")}\r\nContent-Length: 0\r\n\r\n`;
    this.world.send(this.ip, 5060, d.fromIp, d.fromPort, Buffer.from(response));
  }

  next = () => Infinity;
  poll = () => {};
}

function registered(): { house: House; server: Registrar; world: World; line: Console } {
  const world = new World();
  const server = new Registrar(world);
  const house = new House(world, `sip.domain=${SERVER}`, "sip.password=geheim");
  const line = new Console(house.door, {
    store: new MemoryStore(),
    restart: () => house.door.start(ipv4(DOOR)),
    reboot: null,
    log: house.log,
  });
  world.run(1000);
  expect(house.told("register")).toEqual(["registering", "registered"]);
  return { house, server, world, line };
}

/** For each setting a value that it does not have. */
const OTHER: Record<string, string> = {
  "sip.user": "gate",
  "sip.authUser": "1001",
  "sip.password": "other",
  "sip.realm": "house",
  "sip.name": "Gate",
  "sip.domain": "10.0.0.8",
  "sip.proxy": "10.0.0.8",
  "sip.register": "off",
  "sip.expires": "300",
  "sip.probe": "10",
  "sip.outbound": "on",
  "sip.transport": "tcp",
};

describe("saving", () => {
  it("what no registration needs sends nothing to the server", () => {
    const { server, world, line } = registered();
    const before = server.requests.length;
    for (const volume of [10, 20, 30]) {
      expect(line.line(`set tone.volume ${volume}`)).toBe("ok\n");
      expect(line.line("save")).toBe("ok\n");
      world.run(5000);
    }
    expect(server.requests).toHaveLength(before);
  });

  it.each(SCHEMA.map(({ key }) => key))("%s registers anew if a registration needs it, else not", (key) => {
    const { house, server, world, line } = registered();
    const setting = SCHEMA.find((one) => one.key === key)!;
    const candidates = [
      OTHER[key] ?? "",
      ...setting.choices,
      "1024",
      "30",
      "3",
      "0.5",
      "4711",
      "192.0.2.7",
      "x",
      "22:00-06:00",
    ];
    const value = candidates.find((one) => {
      line.line("revert");
      return line.line(`set ${key} ${one}`) === "ok\n" && line.line("diff").startsWith(key + " ");
    });
    if (value === undefined) return;
    const before = server.requests.length;
    if (!line.line("save").startsWith("ok")) return;
    world.run(3000);
    const isAsked = server.requests.length > before;
    // A door whose server has another address now asks that one.
    if (["sip.proxy", "sip.transport"].includes(key)) return;
    expect([key, isAsked]).toEqual([key, key in OTHER]);
    if (key in OTHER) expect(house.told("register").length).toBeGreaterThan(2);
  });

  it("names the ports that are open, whatever they are from the next start on", () => {
    const { house, server, world, line } = registered();
    for (const change of ["set sip.port 5070", "set rtp.port 20000", "set sip.expires 300", "save"]) line.line(change);
    world.run(1000);
    expect(server.requests.at(-1)).toMatch(/^Contact: <sip:door@10\.0\.0\.1(:5060)?[;>]/m);
    expect(house.door.call("sip:x@10.0.0.7")).toBe("");
    world.run(10);
    expect(house.door.ua.calls[0].session.negotiation.port).toBe(16384);
  });

  it("leaves the wait for the next try, and what was taken back, as they are", () => {
    const { server, world, line } = registered();
    line.line("unregister");
    world.run(1000);
    const before = server.requests.length;
    line.line("set tone.volume 10");
    line.line("save");
    world.run(60_000);
    expect(server.requests).toHaveLength(before);
    line.line("set sip.expires 120");
    line.line("save");
    world.run(1000);
    expect(server.requests.length).toBeGreaterThan(before);
  });
});
