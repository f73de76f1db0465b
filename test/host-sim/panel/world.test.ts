/** Tests without a browser what the panel shows of the house and can do in it. */
import { afterEach, describe, expect, it } from "vitest";
import type { BandItem } from "../../../host-sim/panel/protocol.js";
import { octetOf } from "../../../host-sim/panel/protocol.js";
import { Pcap } from "../../../host-sim/world/pcap.js";
import { TestHouse, VIRTUAL } from "./house.js";

const SOUND_DOOR = octetOf("door");
const SOUND_PHONE = octetOf("phone");

const houses: TestHouse[] = [];
afterEach(async () => {
  for (const house of houses.splice(0)) await house.world.stop();
});

async function house(...given: ConstructorParameters<typeof TestHouse>): Promise<TestHouse> {
  const made = await new TestHouse(...given).start();
  houses.push(made);
  return made;
}

describe("the panel's world", () => {
  it("plays the five minutes: press, ring, answer, sound both ways, code, open door, hang up", async () => {
    const h = await house(VIRTUAL, { "relay1.code": "2580", "door.sensor": "closed" });
    const phone = () => h.world.state().parties[1];
    expect(h.world.state()).toMatchObject({ led: "ready", hasCode: true, isServerUp: true, seed: 1 });
    expect(phone()).toMatchObject({ register: "registered", call: "" });
    await h.press();
    expect(phone()).toMatchObject({ call: "ringing", direction: "in" });
    expect(h.world.state().led).toBe("ringing");
    await h.phone("answer");
    expect(phone().call).toBe("confirmed");
    const heard = { [SOUND_DOOR]: 0, [SOUND_PHONE]: 0 };
    h.world.sound.onSound = (octet, samples) => {
      heard[octet as 1 | 2] += samples.length;
    };
    await h.pass(2);
    expect(heard[SOUND_DOOR]).toBeGreaterThan(15000);
    expect(heard[SOUND_PHONE]).toBeGreaterThan(15000);
    const { door, phone: atPhone } = h.world.meters();
    for (const level of [door.microphone, door.speaker, atPhone.microphone, atPhone.speaker])
      expect(level).toBeGreaterThan(-40);
    await h.phone("dtmf", "2580");
    await h.pass(1.5);
    const [relay] = h.world.state().relays;
    expect(relay.isOn).toBe(true);
    expect(relay.untilMs - h.world.now).toBeGreaterThan(500);
    await h.order({ do: "door", open: true });
    await h.pass(0.2);
    expect(h.rows()).toContain("door: door opened");
    await h.pass(4);
    expect(h.world.state().relays[0]).toEqual({ isOn: false, untilMs: -1 });
    await h.phone("hangup");
    expect(h.world.state().parties.map(({ call }) => call)).toEqual(["ended", "ended"]);
    expect(h.rows().filter((row) => row.includes("BYE"))).not.toEqual([]);
  });

  it("has a keypad and a reader where the board has them, and says in the command what was done there", async () => {
    const h = await house(VIRTUAL, { "relay1.code": "2580", "door.sensor": "closed" });
    expect(h.world.state().hasReader).toBe(true);
    for (const key of "2580") {
      await h.order({ do: "key", key });
      await h.pass(0.2);
    }
    await h.pass(0.5);
    expect(h.world.state().relays[0].isOn).toBe(true);
    await h.order({ do: "card", number: 12_345_678 });
    await h.pass(1);
    expect(h.rows().join("\n")).toMatch(/door: (error|relay) .*card/);
    expect(h.world.state().command).toMatch(/key 2; .*key 5; .*key 8; .*key 0; .*card 12345678/);
  });

  it("sends digits in INFO requests, and says so in the command", async () => {
    const h = await house(VIRTUAL, { "relay1.code": "2580" });
    await h.press();
    await h.phone("answer");
    await h.phone("info", "2580");
    await h.pass(0.5);
    expect(h.world.state().relays[0].isOn).toBe(true);
    expect(h.rows().filter((row) => row.startsWith("phone > server: INFO "))).toHaveLength(4);
    expect(h.world.state().command).toContain("; phone dtmf 2580 info; ");
    await h.phone("hangup");
    await expect(h.phone("info", "1")).rejects.toThrow("there is no call");
  });

  it("shows sound as a band with what was lost on the way", async () => {
    const h = await house();
    await h.press();
    await h.phone("answer");
    await h.order({ do: "fault", name: "loss", value: "20" });
    await h.pass(10);
    const band = h.world.journal.items.filter(({ kind }) => kind === "band").at(-1) as BandItem;
    expect([band.from, band.to].sort()).toEqual(["door", "phone"]);
    // Packets are seen where they are sent, before any is lost.
    expect(band.there.packets).toBeGreaterThan(400);
    expect(band.back.packets).toBeGreaterThan(400);
    expect(band.there.level).toBeGreaterThan(-40);
    expect(h.world.stats()).toMatchObject({ verdict: "both" });
    expect(h.world.stats().rtpLost).toBeGreaterThan(40);
    expect(h.world.state().parties[0].call).toBe("confirmed");
    await h.order({ do: "fault", name: "clear", value: "all" });
    expect(h.world.state().faults.loss).toBe("0");
  });

  it("lets the light shine in the board's own rhythm", async () => {
    const h = await house();
    const edges: number[] = [];
    let before = h.world.state().isLit;
    for (let i = 0; i < 700; i++) {
      await h.pass(0.01);
      const { isLit } = h.world.state();
      if (isLit !== before) edges.push(i);
      before = isLit;
    }
    // The light shows that the door is ready: 50 ms in three seconds.
    expect(edges.length).toBeGreaterThanOrEqual(4);
    expect(edges[1] - edges[0] === 5 || edges[2] - edges[1] === 5).toBe(true);
  });

  it("steps from event to event while time stands still", async () => {
    const h = await house();
    const before = h.world.now;
    await h.order({ do: "press", button: "button1" });
    await h.order({ do: "step" });
    const rows = h.world.journal.items.length;
    await h.order({ do: "step" });
    expect(h.world.journal.items.length).toBeGreaterThan(rows);
    expect(h.world.now - before).toBeLessThan(2000);
    expect(h.world.state().time).toEqual({ isVirtual: true, isPaused: true, speed: 1 });
  });

  it.each([
    ["redirect", "302 Moved Temporarily INVITE", 1],
    ["none", "door > phone: INVITE", 1],
    ["proxy", "server > phone3: INVITE", 3],
  ] as const)("makes the house anew: %s", async (server, row, phones) => {
    const h = await house();
    await h.order({ do: "mode", mode: { ...VIRTUAL, server, phones } });
    await h.order({ do: "pause", on: true });
    expect(h.world.state().mode).toEqual({ ...VIRTUAL, server, phones });
    await h.press();
    await h.pass(1);
    expect(h.rows().join("\n")).toContain(row);
    expect(h.world.state().parties[1]).toMatchObject({ call: "ringing", direction: "in" });
  });

  it("takes the server away, and brings it back with all that registers", async () => {
    const h = await house();
    await h.order({ do: "fault", name: "server", value: "down" });
    expect(h.world.state().isServerUp).toBe(false);
    await h.press();
    await h.pass(40);
    expect(h.world.state().parties[1].call).toBe("");
    await h.order({ do: "fault", name: "server", value: "up" });
    await h.pass(900);
    expect(h.world.state().isServerUp).toBe(true);
    await h.press();
    await h.pass(2);
    expect(h.world.state().parties[1].call).toBe("ringing");
  });

  it("goes on with the pcap in the next house, in the order of time", async () => {
    const pieces: Uint8Array[] = [];
    const h = new TestHouse({ ...VIRTUAL, isVirtual: true });
    await h.world.start(new Pcap((bytes) => pieces.push(bytes)));
    await h.pass(1);
    const before = pieces.length;
    expect(before).toBeGreaterThan(4);
    await h.order({ do: "mode", mode: { ...VIRTUAL, phones: 2, room: "lobby" } });
    await h.pass(1);
    await h.world.stop();
    expect(pieces.length).toBeGreaterThan(before + 4);
    const times = pieces.slice(1).map((piece) => {
      const record = Buffer.from(piece);
      return record.readUInt32LE(0) * 1e6 + record.readUInt32LE(4);
    });
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(h.world.state().command).toContain(" --room lobby --phones 2 ");
  });

  it("marks what timers do: repetitions, giving up, and when a registration is refreshed", async () => {
    const h = await house(VIRTUAL);
    const notes = () => h.world.journal.items.map((item) => (item.kind === "state" ? item.note : ""));
    expect(notes()).toContain("600, refresh in 300 s");
    await h.order({ do: "fault", name: "server", value: "down" });
    await h.press();
    await h.pass(40);
    const again = h.world.journal.items.filter((item) => item.kind === "message" && item.isAgain);
    const timers = again.map((item) => item.kind === "message" && item.method + " " + item.timer);
    expect(timers.filter((timer) => timer === "INVITE A")).toHaveLength(6);
    expect(h.rows()).toContain("door: timer B");
    await h.order({ do: "fault", name: "server", value: "up" });
  });

  it("says in one line what cannot be done", async () => {
    const h = await house(VIRTUAL, {}, "lin");
    const { world } = h;
    expect(await world.order({ do: "press", button: "button4" })).toBe("lin has no button4");
    expect(await world.order({ do: "phone", who: "phone9", verb: "answer", value: "" })).toBe("there is no phone9");
    expect(await world.order({ do: "phone", who: "phone", verb: "answer", value: "" })).not.toBe("");
    expect(await world.order({ do: "phone", who: "phone", verb: "tones", value: "1" })).toBe("no call");
    expect(await world.order({ do: "fault", name: "loss", value: "900" })).toContain("must be");
    expect(await world.order({ do: "fault", name: "rain", value: "1" })).toContain("there is no fault rain");
    expect(world.raw(99999)).toBeNull();
  });

  it("has the console of the device, with a login of its own", async () => {
    const h = await house(VIRTUAL, { "console.password": "long enough 1" });
    let screen = "";
    const seat = h.world.seat((text) => {
      screen += text;
    });
    expect(seat.line("get sip.user")).toContain("locked");
    seat.keys("login long enough 1\r", 80);
    expect(screen).not.toContain("long enough");
    expect(seat.line("set sip.name=Front")).toBe("ok\n");
    seat.keys("get sip.name\r", 80);
    expect(screen).not.toContain("Front");
    expect(seat.line("diff")).toContain("Front");
    seat.line("save");
    seat.keys("get sip.name\r", 80);
    expect(screen).toContain("Front");
    seat.line("set sip.password=secret");
    expect(h.world.state()).toMatchObject({ isCommandCut: true });
    expect(h.world.state().command).toContain("console set sip.name=Front; console save");
    expect(h.world.state().command).not.toContain("secret");
    expect(h.world.seat(() => {}).line("get sip.user")).toContain("locked");
    expect(h.world.state().command).not.toContain("long enough");
  });

  it("hears the laptop at the side it was given, and a recorded voice elsewhere", async () => {
    const h = await house();
    await h.press();
    await h.phone("answer");
    await h.order({ do: "voice", who: "phone", on: false });
    await h.order({ do: "voice", who: "door", on: false });
    await h.pass(3);
    for (let i = 0; i < 30; i++) h.world.meters();
    await h.pass(0.2);
    expect(h.world.meters().phone.microphone).toBe(-99);
    h.world.seatLaptop(3, "phone");
    const tone = Int16Array.from({ length: 160 }, (_, i) =>
      Math.round(9000 * Math.sin((2 * Math.PI * 500 * i) / 8000)),
    );
    expect(h.world.sound.hear(3, SOUND_DOOR, tone)).toBe(false);
    let loudest = 0;
    h.world.sound.onSound = (octet, samples) => {
      if (octet === SOUND_DOOR) for (const sample of samples) loudest = Math.max(loudest, sample);
    };
    for (let i = 0; i < 100; i++) {
      expect(h.world.sound.hear(3, SOUND_PHONE, tone)).toBe(true);
      await h.pass(0.02);
    }
    expect(loudest).toBeGreaterThan(5000);
    expect(h.world.meters().phone.microphone).toBeGreaterThan(-20);
  });
});
