/**
 * The firmware on a whole machine, as its owner and a phone meet it: console, registration, calls, hold, codes,
 * restart, flood. The same on the emulated chip and on the program for Linux; each is skipped with a word where it is
 * not. Not here: sound, which the emulator does not move.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { MACHINES, type Machine } from "./machine.js";
import { Phone } from "./phone.js";

/** The packets of three seconds. */
const PACKETS = 150;

for (const kind of MACHINES) {
  const describeHere = kind.lack === "" ? describe : describe.skip;
  describeHere(kind.name + (kind.lack === "" ? "" : " (" + kind.lack + ")"), () => {
    let machine: Machine;
    let phone: Phone;

    beforeAll(async () => {
      machine = await kind.start();
      await machine.expect(/^config ready address=sip:door@/m);
      phone = await Phone.start(machine.host);
    });
    afterAll(async () => {
      phone?.close();
      await machine?.stop();
    });
    afterEach(async () => {
      // A test that failed must not leave its call to the next one.
      if (!phone.isTalking) return;
      machine.type("hangup");
      await machine.until(() => !phone.isTalking, "the end of the call");
    });

    async function set(settings: Record<string, string>): Promise<void> {
      machine.forget();
      for (const [key, value] of Object.entries(settings)) machine.type("set " + key + " " + value);
      machine.type("save");
      await machine.expect(/^(ok|error)/m);
    }

    async function callPhone(): Promise<void> {
      phone.events.length = 0;
      machine.forget();
      machine.type("press");
      await machine.expect(/^call confirmed direction=out codec=PCMU/m);
      await machine.until(() => phone.events.includes("ACK"), "ACK");
    }

    it("has a console that answers, and says what is wrong", async () => {
      machine.forget();
      machine.type("version", "fly", "set sip.port 70000", "get sip.user");
      await machine.expect(/^Portero \S+/m);
      await machine.expect(/'fly' is no command/);
      await machine.expect(/^error: sip\.port/m);
      await machine.expect(/^sip\.user door/m);
    });

    it("registers by digest, and says so when the password is wrong", async () => {
      const server = machine.host + ":" + phone.port;
      await set({ "sip.domain": "house.example", "sip.proxy": server, "sip.password": "secret" });
      await machine.expect(/^register registered expires=\d+/m);
      expect(phone.events).toContain("REGISTER digest");
      phone.events.length = 0;
      await set({ "sip.password": "guessed" });
      await machine.expect(/^register failed .*code=401/m);
      expect(phone.events).not.toContain("REGISTER digest");
      await set({ "sip.password": "secret" });
      await machine.expect(/^register registered/m);
      machine.type("unset sip.domain", "unset sip.proxy", "save");
    });

    it("calls the phone by its button, and each packet comes both ways", async () => {
      await set({ "call.target": phone.uri, "relay1.code": "1234", "call.allow": "any", "call.autoAnswer": "on" });
      await callPhone();
      await machine.until(() => phone.came >= PACKETS, PACKETS + " packets");
      expect(phone.lost).toBe(0);
      machine.type("hangup");
      await machine.expect(/^audio both .* lost=0/m);
      await machine.until(() => phone.events.includes("BYE"), "BYE");
    });

    it("is called by the phone, and hangs up with it", async () => {
      machine.forget();
      expect(await phone.call(machine.sipPort)).toBe("SIP/2.0 200 OK");
      await machine.expect(/^call confirmed direction=in/m);
      await machine.until(() => phone.came >= PACKETS, PACKETS + " packets");
      expect(phone.lost).toBe(0);
      await phone.hangUp();
      await machine.expect(/^call ended direction=in/m);
    });

    it("is held and taken back", async () => {
      await callPhone();
      expect(await phone.direct("sendonly")).toBe("recvonly");
      await machine.expect(/^call held/m);
      machine.forget();
      expect(await phone.direct("sendrecv")).toBe("sendrecv");
      await machine.expect(/^call confirmed/m);
      const before = phone.came;
      await machine.until(() => phone.came >= before + PACKETS, "packets after it");
      await phone.hangUp();
      await machine.expect(/^call ended/m);
    });

    it("opens by its code, and by no other", async () => {
      await callPhone();
      await machine.until(() => phone.came > 20, "packets");
      phone.press("4321");
      await machine.expect(/^error wrong door code tries=1/m);
      expect(machine.written).not.toMatch(/^relay on/m);
      phone.press("1234");
      await machine.expect(/^relay on relay=1 reason=code/m);
      await phone.hangUp();
      await machine.expect(/^call ended/m);
    });

    it("starts again out of a call: the phone is told, settings and console are back", async () => {
      await callPhone();
      machine.forget();
      machine.type("reboot");
      await machine.until(() => phone.events.includes("BYE"), "BYE");
      await machine.expect(/^config ready/m);
      machine.forget();
      machine.type("get call.target", "calls");
      await machine.expect(new RegExp("^call\\.target " + phone.uri.replace(/\./g, "\\."), "m"));
      await callPhone();
      await phone.hangUp();
      await machine.expect(/^call ended/m);
    });

    it("outlives a flood, in a call too", async () => {
      await callPhone();
      await phone.flood(machine.sipPort, 2000);
      machine.forget();
      machine.type("version");
      await machine.expect(/^Portero/m);
      const before = phone.came;
      await machine.until(() => phone.came >= before + PACKETS, "packets after it");
      await phone.hangUp();
      await machine.expect(/^call ended/m);
      await callPhone();
      await phone.hangUp();
      await machine.expect(/^call ended/m);
    });
  });
}
