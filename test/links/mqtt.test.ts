/** Tests a door at an MQTT broker: what Home Assistant is told, what it may order, and what a broker's faults cost. */
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { hasSteering } from "../../src/core/printable.js";
import { Broker } from "./broker.js";
import { DISCOVERY } from "./discovery.js";
import { HOUSE, Home } from "./home.js";

const SETTINGS = ["mqtt.enabled=on", `mqtt.server=${HOUSE}`, "mqtt.user=front", "mqtt.password=secret"];
const CONFIG = "homeassistant/device/portero/config";

interface Told {
  dev: Record<string, unknown>;
  o: Record<string, unknown>;
  avty_t: string;
  cmps: Record<string, Record<string, unknown>>;
}

async function at(...settings: string[]): Promise<{ home: Home; broker: Broker }> {
  const home = new Home([...SETTINGS, ...settings]);
  const broker = await Broker.open(home);
  await home.start();
  await home.run(3000);
  return { home, broker };
}

/** @returns the announcement that the broker keeps */
function announced(broker: Broker): Told {
  return JSON.parse(broker.retained.get(CONFIG) ?? "null");
}

/** @returns the refusals that were told: why, and how many */
function refusals(home: Home): string[] {
  return home.events.filter(({ value }) => value === "mqtt command refused").map(({ fields }) => `${fields.why}`);
}

const isDiscovery = new Ajv({ strict: false, allErrors: true }).compile(DISCOVERY);

describe("what Home Assistant is told", () => {
  it("is announced in one retained message, whose members it knows", async () => {
    const { broker } = await at("mqtt.open=on", "door.sensor=closed", "button2.day=sip:x@10.0.0.2");
    const text = broker.retained.get(CONFIG) ?? "";
    expect(Buffer.byteLength(text)).toBeLessThan(10_000);
    const { dev, o, avty_t, cmps } = announced(broker);
    expect(dev).toEqual({
      ids: ["portero"],
      name: "Portero door",
      mf: "Portero",
      mdl: "SIP door intercom",
      sw: "0.1.0",
    });
    expect(o).toEqual({ name: "Portero", sw: "0.1.0" });
    expect(avty_t).toBe("portero/availability");
    const there = Object.entries(cmps).filter(([, one]) => Object.keys(one).length > 1);
    expect(there.map(([key]) => key)).toEqual(
      "doorbell1 doorbell2 access relay1 relay2 door forced leftopen alarm incall registered caller call sound uptime error dnd volume gain call1 call2 hangup update".split(
        " ",
      ),
    );
    for (const [key, one] of there) expect(one.uniq_id).toBe(`portero_${key}`);
    expect(new Set(there.map(([, one]) => one.uniq_id)).size).toBe(there.length);
  });

  it.each([
    [],
    ["mqtt.open=on", "door.sensor=closed", "door.tamper=closed", "mqtt.prefix=house/front-door_2"],
    ['sip.name=\u201eFront\u201c "door"\\', "camera.url=https://10.0.0.9/still.jpg", "button4.night=sip:x@10.0.0.2"],
  ])(
    "has the form that Home Assistant documents, with its abbreviations, classes and units (%s %s %s)",
    async (...set) => {
      const wifi = { ssid: "house", isJoined: true, rssiDbm: -61, channel: 1, scan: () => false };
      const home = new Home([...SETTINGS, ...set], { freeBytes: () => 100_000, wifi, restart: () => {} });
      const broker = await Broker.open(home);
      await home.start();
      await home.run(3000);
      const [[topic, text]] = [...broker.retained].filter(([name]) => name.endsWith("/config"));
      expect(topic).toMatch(/^homeassistant\/device\/[a-zA-Z0-9_-]+\/config$/);
      const isRight = isDiscovery(JSON.parse(text));
      expect(new Set(isDiscovery.errors?.map(({ instancePath }) => instancePath))).toEqual(new Set());
      expect(isRight).toBe(true);
      // The check finds a member that is not known, a wrong unit and a missing topic.
      const wrong = (key: string, change: object) => {
        const told: Told = JSON.parse(text);
        Object.assign(told.cmps[key], change);
        return isDiscovery(JSON.parse(JSON.stringify(told)));
      };
      expect(wrong("uptime", {})).toBe(true);
      for (const [key, change] of [
        ["uptime", { unit_of_meas: "dB" }],
        ["call", { state_topc: "x" }],
        ["error", { stat_t: undefined }],
        ["volume", { min: "-60" }],
        ["hangup", { dev_cla: "doorbell" }],
      ] as const)
        expect(wrong(key, change), key).toBe(false);
    },
  );

  it("removes an entity that this door does not have by its platform alone", async () => {
    const { broker } = await at();
    const { cmps } = announced(broker);
    expect(cmps.relay1).toEqual({ p: "lock" });
    expect(cmps.bolt1).toMatchObject({ p: "binary_sensor", stat_t: "portero/relay1" });
    expect(cmps.door).toEqual({ p: "binary_sensor" });
    expect(cmps.doorbell2).toEqual({ p: "event" });
  });

  it("has retained states, and events that are not retained, of a ring, a call and an opening", async () => {
    const { home, broker } = await at("door.sensor=closed", "camera.url=http://10.0.0.9/still.jpg");
    expect(broker.retained.get("portero/availability")).toBe("online");
    expect(broker.retained.get("portero/relay1")).toBe("LOCKED");
    expect(broker.retained.get("portero/call")).toBe("idle");
    expect(broker.retained.get("portero/incall")).toBe("OFF");
    home.door.line("press");
    await home.run(3000);
    const ring = broker.heard.find((line) => line.startsWith("portero/doorbell1 "));
    expect(JSON.parse(String(ring).slice("portero/doorbell1 ".length))).toEqual({
      event_type: "ring",
      camera: "http://10.0.0.9/still.jpg",
    });
    expect(broker.retained.get("portero/incall")).toBe("ON");
    expect(broker.retained.get("portero/caller")).toContain("phone@10.0.0.2");
    home.door.line("open");
    await home.run(1000);
    expect(broker.retained.get("portero/relay1")).toBe("UNLOCKED");
    expect(broker.heard.find((line) => line.startsWith("portero/access "))).toBe(
      'portero/access {"event_type":"opened","relay":1,"reason":"console"}',
    );
    await home.run(5000);
    expect(broker.retained.get("portero/relay1")).toBe("LOCKED");
    home.door.line("hangup");
    await home.run(1000);
    expect(broker.retained.get("portero/call")).toBe("idle");
    expect(broker.retained.has("portero/doorbell1")).toBe(false);
  });

  it("says of each account whether it is registered, and has no second one without account2", async () => {
    const key = "registered2";
    const { broker } = await at();
    expect(Object.keys(JSON.parse(broker.retained.get("homeassistant/device/portero/config") ?? "").cmps[key])).toEqual(
      ["p"],
    );
    const two = await at("account2.domain=10.0.0.8", "account2.user=900");
    const topic = (which: string) => two.broker.retained.get("portero/" + which);
    const tell = (name: "register" | "register2", value: "registered" | "failed") => {
      two.home.door.enter();
      two.home.door.log.event(name, value, {});
      two.home.door.leave();
      return two.home.run(1000);
    };
    await tell("register2", "registered");
    expect([topic("registered"), topic(key)]).toEqual(["OFF", "ON"]);
    await tell("register", "registered");
    await tell("register2", "failed");
    expect([topic("registered"), topic(key)]).toEqual(["ON", "OFF"]);
  });

  it("has another id for each prefix, so that no door ends another's connection or replaces its entities", async () => {
    const ids = new Set<unknown>();
    const topics = new Set<string>();
    const prefixes = ["a/b", "a_b", "a__b", "a/_b", "a_/b", "a-b", "a_-b", "a/-b"];
    for (const prefix of prefixes) {
      const { broker } = await at("mqtt.prefix=" + prefix);
      const { greeting } = broker;
      if (greeting?.cmd === "connect") ids.add(greeting.clientId);
      for (const topic of broker.retained.keys()) if (topic.startsWith("homeassistant/")) topics.add(topic);
    }
    expect(ids.size).toBe(prefixes.length);
    expect(topics.size).toBe(prefixes.length);
    for (const topic of topics) expect(topic).toMatch(/^homeassistant\/device\/[\w-]+\/config$/);
  });

  it("tells of the housing and the alarm", async () => {
    const { home, broker } = await at("door.tamper=closed");
    expect(announced(broker).cmps.tamper).toMatchObject({ dev_cla: "tamper" });
    home.door.enter();
    home.door.log.event("tamper", "opened", {});
    home.door.log.event("alarm", "on", { reason: "tamper" });
    home.door.leave();
    await home.run(500);
    expect(broker.retained.get("portero/tamper")).toBe("ON");
    expect(broker.retained.get("portero/alarm")).toBe("ON");
  });

  it("greets by its name and password, with a last will", async () => {
    const { home, broker } = await at();
    expect(broker.greeting).toMatchObject({
      protocolId: "MQTT",
      protocolVersion: 4,
      clean: true,
      clientId: "portero-portero",
      username: "front",
      keepalive: 30,
      will: { topic: "portero/availability", retain: true, qos: 0 },
    });
    home.air.fault("partition", HOUSE);
    await home.run(120_000);
    expect(broker.retained.get("portero/availability")).toBe("offline");
    home.air.fault("clear", "all");
    await home.run(300_000);
    expect(broker.retained.get("portero/availability")).toBe("online");
    expect(home.links()).toEqual(["lost mqtt", "back mqtt"]);
  });

  it("is told all anew when Home Assistant starts, once in 10 s at most", async () => {
    const { home, broker } = await at();
    await home.run(10_000);
    const from = broker.heard.length;
    for (let i = 0; i < 50; i++) broker.publish("homeassistant/status", "online");
    await home.run(5000);
    const again = broker.heard.slice(from);
    expect(again.filter((line) => line.startsWith("!" + CONFIG))).toHaveLength(1);
    expect(again).toContain("!portero/relay1 LOCKED");
    await home.run(20_000);
    expect(broker.heard.slice(from).filter((line) => line.startsWith("!" + CONFIG))).toHaveLength(2);
    broker.publish("homeassistant/status", "offline");
    await home.run(20_000);
    expect(broker.heard.slice(from).filter((line) => line.startsWith("!" + CONFIG))).toHaveLength(2);
  });

  it("is corrected when somebody else says that the door is away", async () => {
    const { home, broker } = await at();
    await home.run(10_000);
    for (let i = 0; i < 100; i++) broker.publish("portero/availability", "offline", true);
    await home.run(15_000);
    expect(broker.retained.get("portero/availability")).toBe("online");
    const said = broker.heard.filter((line) => line === "!portero/availability online");
    expect(said.length).toBeLessThanOrEqual(3);
  });
});

describe("what the door knows of its memory and its Wi-Fi", () => {
  it("is told each minute, and not announced by a device that does not know it", async () => {
    let free = 150_000;
    const wifi = { ssid: "house", isJoined: true, rssiDbm: -61, channel: 1, scan: () => false };
    const home = new Home(SETTINGS, { freeBytes: () => free, wifi });
    const broker = await Broker.open(home);
    await home.start();
    await home.run(3000);
    expect(announced(broker).cmps.memory).toMatchObject({ p: "sensor", dev_cla: "data_size", unit_of_meas: "B" });
    expect(broker.retained.get("portero/memory")).toBe("150000");
    expect(broker.retained.get("portero/signal")).toBe("-61");
    free = 90_000;
    await home.run(61_000);
    expect(broker.retained.get("portero/memory")).toBe("90000");
    const { broker: other } = await at();
    expect(announced(other).cmps.memory).toEqual({ p: "sensor" });
    expect(announced(other).cmps.signal).toEqual({ p: "sensor" });
  });
});

describe("what a broker may order", () => {
  it("opens and locks with mqtt.open on", async () => {
    const { home, broker } = await at("mqtt.open=on");
    broker.publish("portero/relay1/set", "UNLOCK");
    await home.run(500);
    expect(home.relays[0].value).toBe(1);
    expect(home.events.find(({ name, value }) => name === "relay" && value === "on")?.fields).toMatchObject({
      relay: 1,
      reason: "MQTT",
    });
    broker.publish("portero/relay1/set", "LOCK");
    await home.run(500);
    expect(home.relays[0].value).toBe(0);
    broker.publish("portero/relay2/set", "OPEN");
    await home.run(500);
    expect(home.relays[1].value).toBe(1);
    expect(refusals(home)).toEqual([]);
  });

  it("calls, hangs up, and sets volume, gain and do not disturb", async () => {
    const { home, broker } = await at();
    broker.publish("portero/call1/set", "PRESS");
    await home.run(3000);
    expect(home.door.isInCall()).toBe(true);
    // It was no press, so it is no ring.
    expect(broker.heard.some((line) => line.startsWith("portero/doorbell1"))).toBe(false);
    broker.publish("portero/hangup/set", "PRESS");
    await home.run(3000);
    expect(home.door.isInCall()).toBe(false);
    broker.publish("portero/volume/set", "-6");
    broker.publish("portero/gain/set", "12");
    broker.publish("portero/dnd/set", "ON");
    await home.run(1000);
    expect(home.settings.get("audio.volume")).toBe(-6);
    expect(home.settings.get("call.doNotDisturb")).toBe("busy");
    expect(broker.retained.get("portero/volume")).toBe("-6");
    expect(broker.retained.get("portero/dnd")).toBe("ON");
  });

  it.each([
    ["without mqtt.open", "portero/relay1/set", "UNLOCK", false],
    ["to a relay that is none", "portero/relay3/set", "UNLOCK", false],
    ["of another topic", "portero/relay1", "UNLOCK", false],
    ["of a bolt", "portero/bolt1/set", "UNLOCK", false],
  ])("hears nothing %s", async (_, topic, payload) => {
    const { home, broker } = await at();
    broker.publish(topic, payload);
    await home.run(1000);
    expect(home.relays[0].value).toBe(0);
  });

  it.each(["unlock", "UNLOCK ", "", "UNLOCKED", "1", "\u0000UNLOCK", "x".repeat(100)])(
    "refuses %j, counted, in one line",
    async (payload) => {
      const { home, broker } = await at("mqtt.open=on");
      broker.publish("portero/relay1/set", payload);
      broker.publish("portero/relay1/set", payload);
      await home.run(1000);
      expect(home.relays[0].value).toBe(0);
      expect(refusals(home)).toEqual(["it takes LOCK, UNLOCK and OPEN"]);
      expect(home.door.links?.mqtt?.refused).toBe(2);
    },
  );

  it.each(["13", "-61", "loud", "1e1", "6.5", ""])(
    "refuses the volume %j, and says what is allowed",
    async (payload) => {
      const { home, broker } = await at();
      broker.publish("portero/volume/set", payload);
      await home.run(1000);
      expect(home.settings.get("audio.volume")).toBe(0);
      expect(refusals(home)[0]).toContain("from -60 to 12");
    },
  );

  it("ignores retained commands: a door must not open because somebody once opened it", async () => {
    const home = new Home([...SETTINGS, "mqtt.open=on"]);
    const broker = await Broker.open(home);
    broker.retained.set("portero/relay1/set", "UNLOCK");
    broker.retained.set("portero/restart/set", "PRESS");
    await home.start();
    await home.run(3000);
    expect(home.relays[0].value).toBe(0);
    expect(refusals(home)).toEqual(["a command must not be retained"]);
  });

  it("takes five commands at once, then one in two seconds", async () => {
    const { home, broker } = await at("mqtt.open=on");
    for (let i = 0; i < 200; i++) {
      broker.publish("portero/relay1/set", "UNLOCK");
      await home.run(50);
    }
    const opened = home.events.filter(({ name, value }) => name === "relay" && value === "on");
    expect(opened.length).toBeGreaterThanOrEqual(9);
    expect(opened.length).toBeLessThanOrEqual(11);
    expect(refusals(home)).toHaveLength(1);
  });

  it("opens while door codes are locked, since nobody guesses at the broker", async () => {
    const { home, broker } = await at("mqtt.open=on", "relay1.code=482913");
    for (let i = 0; i < 8; i++) {
      for (const digit of "111111#") home.door.onKey(digit.charCodeAt(0));
      await home.run(6000);
    }
    broker.publish("portero/relay1/set", "UNLOCK");
    await home.run(500);
    expect(home.relays[0].value).toBe(1);
  });

  it("stops at once when mqtt.open is switched off", async () => {
    const { home, broker } = await at("mqtt.open=on");
    home.door.line("set mqtt.open off");
    home.door.line("save");
    broker.publish("portero/relay1/set", "UNLOCK");
    await home.run(500);
    expect(home.relays[0].value).toBe(0);
  });
});

describe("a broker that fails", () => {
  it("is missed in words when it was not named", async () => {
    const home = await new Home(["mqtt.enabled=on"]).start();
    expect(home.door.links).toBe(null);
    expect(home.events.map(({ value }) => value)).toContain(
      "mqtt.enabled: mqtt.server is not set: set mqtt.server HOST, save, reboot",
    );
  });

  it("that is killed in a call costs nothing, and is found again with all states", async () => {
    const { home, broker } = await at("mqtt.open=on");
    home.door.line("press");
    await home.run(10_000);
    broker.die();
    const from = broker.heard.length;
    home.door.line("open");
    await home.run(10_000);
    expect(home.door.isInCall()).toBe(true);
    expect(home.late()).toBe(0);
    expect(broker.greeted).toBe(2);
    expect(broker.heard.slice(from)).toContain("!portero/incall ON");
    expect(broker.heard.slice(from)).toContain("!portero/availability online");
    expect(home.links()).toEqual(["lost mqtt", "back mqtt"]);
  });

  it("that takes connections and says nothing costs a call nothing, and is tried more and more seldom", async () => {
    const home = new Home(SETTINGS);
    const broker = await Broker.open(home);
    broker.isSilent = true;
    await home.start();
    home.door.line("press");
    await home.run(120_000);
    expect(home.door.isInCall()).toBe(true);
    expect(home.late()).toBe(0);
    expect(home.links()).toEqual(["lost mqtt"]);
    expect(home.events.find(({ name }) => name === "link")?.fields.reason).toBe("no answer in 10 s");
  });

  it("that falls silent later is left after 45 s", async () => {
    const { home, broker } = await at();
    broker.isSilent = true;
    await home.run(60_000);
    expect(home.events.find(({ name }) => name === "link")?.fields.reason).toBe("it says nothing for 45 s");
  });

  it.each([
    [4, "wrong user or password"],
    [5, "this user may not connect"],
    [1, "it does not speak MQTT 3.1.1"],
    [77, "it refuses by code 77"],
  ])("that refuses by %d is told in words", async (code, reason) => {
    const home = new Home(SETTINGS);
    const broker = await Broker.open(home);
    broker.code = code;
    await home.start();
    await home.run(100_000);
    expect(home.events.filter(({ name }) => name === "link").map(({ fields }) => fields.reason)).toEqual([reason]);
    expect(broker.greeted).toBeLessThan(8);
  });

  it("that sends topics and payloads of 64 KB is read on", async () => {
    const { home, broker } = await at("mqtt.open=on");
    for (const [topic, payload] of [
      ["portero/relay1/set", "U".repeat(65_000)],
      ["portero/relay1/set", "UNLOCK".padEnd(200)],
      ["homeassistant/status", "online".repeat(10_000)],
    ]) {
      broker.publish(topic, payload);
      await home.run(200);
    }
    expect(home.door.links?.mqtt?.refused).toBe(0);
    const long = Buffer.concat([
      Buffer.from([0x30, 0x88, 0x80, 0x04, 0xff, 0xff]),
      Buffer.from("t".repeat(65_535)),
      Buffer.from("UNLOCK!"),
    ]);
    for (let i = 0; i < long.length; i += 1400) {
      broker.write(long.subarray(i, i + 1400));
      await home.run(2);
    }
    await home.run(1000);
    expect(home.relays[0].value).toBe(0);
    broker.publish("portero/relay1/set", "UNLOCK");
    await home.run(500);
    expect(home.relays[0].value).toBe(1);
    expect(home.links()).toEqual([]);
  });

  it("that sends 10 MB at once, JSON of depth 1,000, or octets that are no UTF-8, orders nothing and is read on", async () => {
    const { home, broker } = await at("mqtt.open=on");
    const topic = "portero/relay1/set";
    broker.publish(topic, "[".repeat(1000));
    broker.publish(topic, "[".repeat(100));
    broker.publish("homeassistant/status", '{"a":'.repeat(1000));
    await home.run(5000);
    const octetsOf = (name: Buffer, payload: Buffer): Buffer =>
      Buffer.concat([Buffer.from([0x30, 2 + name.length + payload.length, 0, name.length]), name, payload]);
    for (const bad of [[0xff, 0xfe], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82], [0]]) {
      broker.write(octetsOf(Buffer.from(topic), Buffer.concat([Buffer.from("UNLOCK"), Buffer.from(bad)])));
      broker.write(octetsOf(Buffer.concat([Buffer.from(topic), Buffer.from(bad)]), Buffer.from("UNLOCK")));
      await home.run(5000);
    }
    const client = home.door.links?.mqtt;
    expect(client?.refused).toBe(13);
    for (const { fields } of home.events.filter(({ value }) => value === "mqtt command refused"))
      for (const text of Object.values(fields)) expect(hasSteering(String(text))).toBe(false);
    // A message of ten million octets: its length, then what it says, in pieces.
    const size = 10_000_000;
    const length = [0, 7, 14, 21].map((shift, i) => ((size >> shift) & 127) | (i < 3 ? 128 : 0));
    broker.write(Uint8Array.from([0x30, ...length]));
    const part = new Uint8Array(50_000).fill(0x41);
    for (let sent = 0; sent < size; sent += part.length) {
      broker.write(part);
      await home.run(5);
    }
    await home.run(3000);
    expect(home.relays[0].value).toBe(0);
    broker.publish(topic, "UNLOCK");
    await home.run(500);
    expect(home.relays[0].value).toBe(1);
    expect(home.links()).toEqual([]);
  });

  it.each([
    ["no CONNACK first", [0x30, 0x03, 0x00, 0x01, 0x61]],
    ["a length of five octets", [0x20, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ["HTTP", [...Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")]],
    ["a CONNACK of another length", [0x20, 0x03, 0x00, 0x00, 0x00]],
  ])("that sends %s is left", async (_, bytes) => {
    const home = new Home(SETTINGS);
    const broker = await Broker.open(home);
    broker.isSilent = true;
    await home.start();
    await home.run(1000);
    broker.write(Uint8Array.from(bytes));
    await home.run(300);
    expect(home.events.find(({ name }) => name === "link")?.fields.reason).toBe("what it sends is no MQTT");
  });
});
