/**
 * Tests the door's name in the local network with python3-zeroconf, by multicast on loopback: each finds the other and
 * its service, the door calls the other by name, and a name that the other has already is left to it.
 */
import { join } from "node:path";
import { expect, it } from "vitest";
import { freePorts } from "../ports.js";
import { Door } from "./door.js";
import { describeWith, HOST, Program } from "./programs.js";

const SCRIPT = join(import.meta.dirname, "names.py");
const WITHIN_MS = 20_000;
const SERVICE = "_sip._udp.local.";

function device(name: string, port: number): Program {
  // Debian's Python, whose module it is.
  return new Program("/usr/bin/python3", [SCRIPT, name, String(port)], { isTyped: true });
}

function expectLine(program: Program, line: string): Promise<string> {
  return program.until(line, WITHIN_MS, () => program.lines.find((one) => one === line));
}

describeWith(["/usr/lib/python3/dist-packages/zeroconf"], "the door's name and python3-zeroconf", () => {
  it("the door is found by its service, calls the other by name, and takes its name back", async () => {
    const phone = await Door.start();
    const peer = device("phone", phone.port);
    await expectLine(peer, "registered phone");
    const door = await Door.start({ set: { "net.name": "door", "call.target": "sip:phone.local:" + phone.port } });
    await expectLine(peer, `found door.${SERVICE} door.local. ${door.port} ${HOST}`);
    await door.console("press");
    await phone.expect("call", "confirmed");
    await door.expect("call", "confirmed");
    await door.console("hangup");
    await door.finish();
    await phone.finish();
    await expectLine(peer, `gone door.${SERVICE}`);
  });

  it("leaves a name to the device that has it, and the other device leaves one to the door", async () => {
    const peer = device("door", freePorts());
    await expectLine(peer, "registered door");
    const door = await Door.start({ set: { "net.name": "door" } });
    const told = await door.expect("config", "name");
    expect([told.address, told.means]).toEqual(["door-2.local", "door.local is another device's name"]);
    await expectLine(peer, `found door-2.${SERVICE} door-2.local. ${door.port} ${HOST}`);
    const second = device("door-2", freePorts());
    await expectLine(second, "refused door-2");
  });
});
