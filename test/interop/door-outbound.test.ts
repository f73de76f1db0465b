/**
 * Tests a door that keeps its flow (RFC 5626), at this project's server and at Kamailio with its module for that: it is
 * reached by the flow alone, and is back soon after the flow is lost.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Baresip } from "./baresip.js";
import { Door } from "./door.js";
import { Kamailio } from "./kamailio.js";
import { describeWith, pause } from "./programs.js";
import { Server } from "./server.js";
import { PHONE_HZ } from "./tones.js";

/** Our server tells no less, s. */
const FLOW_TIMER_S = 10;
/** What configs/kamailio.cfg has, the least that the door takes, s. */
const KAMAILIO_FLOW_TIMER_S = 5;
const TALK_MS = 800;

function settings(port: number, password: string, transport: "udp" | "tcp"): Record<string, string | number> {
  return {
    "sip.user": "door",
    "sip.password": password,
    "sip.domain": "127.0.0.1",
    "sip.proxy": "127.0.0.1:" + port,
    "sip.transport": transport,
    "sip.outbound": "on",
    "call.target": "phone",
  };
}

/** Lets each of the two call the other. */
async function callBothWays(door: Door, phone: Baresip): Promise<void> {
  await phone.dial("sip:door@127.0.0.1");
  await phone.expect("CALL_ESTABLISHED");
  await door.expect("call", "confirmed");
  await pause(TALK_MS);
  await phone.hangup();
  await door.expect("call", "ended");
  await door.console("call");
  await door.expect("call", "confirmed");
  await pause(TALK_MS);
  await door.console("hangup");
  await door.expect("call", "ended");
}

/** @returns what the door sent and received */
function carried(door: Door): string {
  return readFileSync(door.pcapPath, "latin1");
}

const AT_OURS = { users: ["door", "phone"] };

describeWith(["baresip"], "at this project's server", () => {
  it.each(["udp", "tcp"] as const)("by %s, with baresip that keeps its flow too, both ways", async (transport) => {
    const server = await Server.start(AT_OURS, "--flow-timer", String(FLOW_TIMER_S));
    const at = { port: server.port, password: "phone" };
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ, transport, server: at, keepsFlow: true });
    const door = await Door.start({ set: settings(server.port, "door", transport), script: "wait 60; quit" });
    await door.expect("register", "registered");
    expect(phone.trace).toMatch(/^Require: outbound/m);
    expect(carried(door)).toContain("Require: outbound");
    await callBothWays(door, phone);
    expect(door.all("error")).toEqual([]);
  });

  it("by TCP, when the server starts anew: back within 10 s, and reached again", async () => {
    const server = await Server.start(AT_OURS, "--flow-timer", String(FLOW_TIMER_S));
    const door = await Door.start({ set: settings(server.port, "door", "tcp"), script: "wait 60; quit" });
    await door.expect("register", "registered");
    // Two keep-alives, each with its answer.
    await pause(2.2 * FLOW_TIMER_S * 1000);
    expect(door.all("register", "failed")).toEqual([]);
    server.program.kill();
    const again = await Server.start({ ...AT_OURS, port: server.port }, "--flow-timer", String(FLOW_TIMER_S));
    await door.expect("register", "registered", 30_000);
    const at = { port: again.port, password: "phone" };
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ, transport: "tcp", server: at });
    await callBothWays(door, phone);
  });

  it("by TCP, when the server hangs: the missing answer ends the flow", async () => {
    const server = await Server.start(AT_OURS, "--flow-timer", String(FLOW_TIMER_S));
    const door = await Door.start({ set: settings(server.port, "door", "tcp"), script: "wait 60; quit" });
    await door.expect("register", "registered");
    await pause(1.2 * FLOW_TIMER_S * 1000);
    server.program.hang(true);
    const { value } = await door.expect("error", undefined, 25_000);
    expect(value).toBe("sip.outbound: the server did not answer a keep-alive, so the door registers anew");
    server.program.hang(false);
    await door.expect("register", "registered", 40_000);
  });
});

describeWith(
  ["kamailio", "baresip", "/usr/lib/x86_64-linux-gnu/kamailio/modules/outbound.so"],
  "at Kamailio with outbound",
  () => {
    it("by TCP, is bound to its flow, keeps it, and is called over it", async () => {
      const users = { door: "secretD", phone: "secretP" };
      const server = await Kamailio.start({ users, way: "outbound" });
      const at = { port: server.port, password: users.phone };
      const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ, transport: "tcp", server: at });
      const door = await Door.start({ set: settings(server.port, users.door, "tcp"), script: "wait 60; quit" });
      await door.expect("register", "registered");
      await callBothWays(door, phone);
      // Two keep-alives, each with its answer.
      await pause(2.2 * KAMAILIO_FLOW_TIMER_S * 1000);
      await callBothWays(door, phone);
      expect(carried(door)).toMatch(new RegExp("Flow-Timer: *" + KAMAILIO_FLOW_TIMER_S));
      expect(carried(door)).toMatch(/Require: *outbound/);
      expect([door.all("register", "failed"), door.all("error")]).toEqual([[], []]);
    });
  },
);
