/**
 * Tests a phone of one's own in the panel's house: it registers with what the page shows, is rung by the door, calls
 * it, and has a column.
 */
import { afterEach, expect, it } from "vitest";
import type { MessageItem } from "../../host-sim/panel/protocol.js";
import { TestHouse } from "../host-sim/panel/house.js";
import { freePorts } from "../ports.js";
import { Baresip } from "./baresip.js";
import { Linphone } from "./linphone.js";
import { describeWith, until } from "./programs.js";

const REAL = { server: "proxy", phones: 1, isVirtual: false, room: "none" } as const;
const PHONE_HZ = 700;

let house: TestHouse;
afterEach(async () => {
  await house.world.stop();
});

/** Starts a house on ports of its own, in real time, and reads what its page tells of registering. */
async function open() {
  const ports = { "sip.port": String(freePorts(16)), "rtp.port": String(freePorts(600)) };
  house = await new TestHouse(REAL, ports).start();
  const { softphone, serverAt } = house.world.state();
  if (softphone === null) throw new Error("no server");
  return { user: softphone.user, server: { port: Number(serverAt.split(":")[1]), password: softphone.password } };
}

const there = (): readonly { at: string }[] => house.world.state().softphone?.phones ?? [];
const door = () => house.world.state().parties[0];
const calls = (state: string) => until("call " + state, 20_000, () => door().call === state);

async function press(): Promise<void> {
  await house.order({ do: "press", button: "button1" });
  await house.order({ do: "release", button: "button1" });
}

/** @returns the columns of the ladder */
function columns(): string[] {
  const messages = house.world.journal.items.filter((item): item is MessageItem => item.kind === "message");
  return [...new Set(messages.flatMap(({ from, to }) => [from, to]))].sort();
}

describeWith(["baresip"], "baresip in the panel's house", () => {
  it("registers by what the page shows, rings with the phone, and talks", async () => {
    const { user, server } = await open();
    const phone = await Baresip.start({ user, hz: PHONE_HZ, answers: true, server: { ...server, direct: true } });
    await until("the house's word", 5000, () => there().length === 1);
    expect(there()).toEqual([{ at: "127.0.0.1:" + phone.port, name: "softphone" }]);
    const seat = house.world.seat(() => {});
    for (const line of ["set button1.day=phone," + user, "save"]) expect(seat.line(line)).not.toContain("error");
    expect(house.world.state().softphone?.isRung).toBe(true);
    await press();
    await calls("confirmed");
    const band = () => house.world.journal.items.find((item) => item.kind === "band" && item.there.packets > 20);
    const sound = await until("sound", 5000, band);
    expect([(sound as { from: string }).from, (sound as { to: string }).to].sort()).toEqual(["door", "softphone"]);
    // The phone has one column, from its first message on, which came before it had a name.
    expect(columns()).toEqual(["door", "phone", "server", "softphone"]);
    await phone.hangup();
    await calls("ended");
  });

  it("is told to be gone when it goes", async () => {
    const { user, server } = await open();
    const phone = await Baresip.start({ user, hz: PHONE_HZ, server: { ...server, direct: true } });
    await until("the house's word", 5000, () => there().length === 1);
    await phone.command("quit");
    await until("its end", 5000, () => there().length === 0);
  });
});

describeWith(["linphonec"], "Linphone in the panel's house", () => {
  it("registers by what the page shows, and calls the door", async () => {
    const { user, server } = await open();
    const phone = await Linphone.start({ user, hz: PHONE_HZ, server });
    await until("the house's word", 5000, () => there().length === 1);
    phone.call("sip:door@127.0.0.1:" + server.port);
    await calls("ringing");
    await press();
    await calls("confirmed");
    expect(door().peer).toContain(user);
    phone.type("terminate");
    await calls("ended");
    expect(columns()).toEqual(["door", "phone", "server", "softphone"]);
  });
});
