/** Tests the door behind a router that translates addresses, with Kamailio and coturn outside: docs/network.md. */
import { expect, it } from "vitest";
import { Door } from "./door.js";
import { Kamailio } from "./kamailio.js";
import { describeWith } from "./programs.js";
import { INSIDE_HOST, PHONE_HOST, ROUTER_HOST, RoutedHouse, SERVER_HOST, STUN_HOST } from "./router.js";

const USERS = { door: "secretD", phone: "secretP" };
const TALK_MS = 12_000;

async function house(isSymmetric: boolean, stun: string) {
  const house = await RoutedHouse.start(isSymmetric);
  if (stun !== "") await house.startStun();
  const server = await Kamailio.start({ users: USERS, host: SERVER_HOST, network: house.outside });
  const account = (user: keyof typeof USERS) => ({
    "sip.user": user,
    "sip.password": USERS[user],
    "sip.domain": SERVER_HOST + ":" + server.port,
    "call.target": user === "door" ? "phone" : "door",
  });
  const phone = await Door.start({
    set: { ...account("phone"), "net.address": PHONE_HOST },
    script: "wait 60; quit",
    network: house.outside,
  });
  await phone.expect("register", "registered");
  const door = await Door.start({
    set: { ...account("door"), "net.address": INSIDE_HOST, "net.stun": stun },
    script: "wait 60; quit",
    network: house.inside,
  });
  await door.expect("register", "registered");
  return { server, phone, door };
}

/** Calls, and looks whether both hear one another. */
async function talk(caller: Door, callee: Door): Promise<void> {
  await caller.console("call");
  await Promise.all([caller.expect("call", "confirmed"), callee.expect("call", "confirmed")]);
  await Promise.all([caller.expect("audio", "both", TALK_MS), callee.expect("audio", "both", TALK_MS)]);
  await caller.console("hangup");
  await Promise.all([caller.expect("call", "ended"), callee.expect("call", "ended")]);
}

describeWith(["ip", "iptables", "turnserver", "kamailio"], "the door behind a router", () => {
  it("that keeps the ports: what the server saw is told, and both hear one another, whoever calls", async () => {
    const { phone, door } = await house(false, "");
    const [told] = door.all("config", "outside");
    expect(told.address).toBe(ROUTER_HOST + ":" + door.port);
    await talk(door, phone);
    await talk(phone, door);
    expect(door.all("error")).toEqual([]);
  });

  it("that gives each destination another port, with coturn: one line says so, and both hear one another", async () => {
    const { phone, door } = await house(true, STUN_HOST);
    const { value } = await door.expect("error", undefined, 40_000);
    expect(value).toMatch(/^the router gives each destination a port of its own/);
    const told = door.all("config", "outside").at(-1);
    expect(told?.address).toMatch(new RegExp("^" + ROUTER_HOST + ":"));
    await talk(phone, door);
    expect(door.all("error")).toHaveLength(1);
  });
});
