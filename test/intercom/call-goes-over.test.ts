/**
 * Tests that the visitor's call goes over to another phone of the house: moved by the one that answered, or picked up
 * by another; and what the owner and the visitor see.
 */
import { describe, expect, it } from "vitest";
import { LED_IN_CALL, LED_READY, LED_RINGING, SIGNAL_BUSY, SIGNAL_RINGING } from "../../src/intercom/events.js";
import { authorization } from "../ua/digest.js";
import { bodyOf, header, Peer, sdpOf, World } from "../ua/harness.js";
import { FIRST, Home, PLAN, SECOND, THIRD } from "./home.js";
import { DOOR, House } from "./house.js";
import type { Phone } from "./phone.js";

/** A small board keeps the youngest messages only. */
const IS_PLAIN = process.env.BOARD !== undefined;

describe("the phone in the call moves the visitor to another", () => {
  it("and the owner sees one call, and who had it when", () => {
    const home = new Home().talking();
    expect(home.refer(`<sip:two@${SECOND}>`)).toBe(202);
    expect(home.door.leds.at(-1)).toBe(LED_IN_CALL);
    home.second.say("200 OK");
    home.world.run(100);
    expect(home.ask(home.first, "BYE")).toBe(200);
    home.world.run(20_000);
    home.door.press();
    home.world.run(100);
    expect(home.second.got("BYE")).toHaveLength(1);
    expect(home.door.told("transfer")).toEqual(["calling", "ringing", "done"]);
    expect(home.door.tellings("transfer", "peer", "duration").at(-1)).toBe(`done sip:two@${SECOND} 10`);
    expect(home.door.told("call")).toEqual(["calling", "ringing", "confirmed", "ended"]);
    expect(home.calls).toEqual([
      `out sip:one@${FIRST}: 10 s, moved to sip:two@${SECOND}`,
      `out sip:two@${SECOND}: 20 s, hung up here`,
    ]);
    expect(home.door.leds.at(-1)).toBe(LED_READY);
  });

  it("who hears it ring when that phone has hung up, and hears and sees when nobody answers", () => {
    const home = new Home().talking();
    home.refer(`<sip:two@${SECOND}>`);
    home.ask(home.first, "BYE");
    expect(home.door.signals.at(-1)).toBe(SIGNAL_RINGING);
    expect(home.door.leds.at(-1)).toBe(LED_RINGING);
    expect(home.door.told("call").at(-1)).toBe("confirmed");
    home.second.say("486 Busy Here");
    home.world.run(50);
    expect(home.door.signals.at(-1)).toBe(SIGNAL_BUSY);
    expect(home.door.leds.at(-1)).toBe(LED_READY);
    expect(home.door.told("transfer")).toEqual(["calling", "ringing", "waiting"]);
    expect(home.door.tellings("call", "reason", "code").at(-1)).toBe("ended 486 Busy Here 486");
    expect(home.calls).toEqual([
      `out sip:one@${FIRST}: 10 s, left to sip:two@${SECOND}`,
      `out sip:two@${SECOND}: 486 Busy Here`,
    ]);
    // The button works as before.
    home.door.press();
    home.world.run(50);
    expect(home.door.told("call").at(-1)).not.toBe("ended");
  });

  it("who stays with it when the other is busy; the log says so", () => {
    const home = new Home().talking();
    home.refer(`<sip:two@${SECOND}>`);
    home.second.say("486 Busy Here");
    home.world.run(50);
    expect(home.door.tellings("transfer", "peer", "reason", "code").at(-1)).toBe(
      `failed sip:two@${SECOND} 486 Busy Here 486`,
    );
    expect(home.door.log.text("transfer")).toContain(`to sip:two@${SECOND} failed: 486 Busy Here`);
    expect(home.door.told("call").at(-1)).toBe("confirmed");
    expect(home.first.talking.size).toBe(1);
  });

  it("and a press while it rings there ends all of it", () => {
    for (const isAlone of [false, true]) {
      const home = new Home().talking();
      home.refer(`<sip:two@${SECOND}>`);
      if (isAlone) home.ask(home.first, "BYE");
      home.door.press();
      home.world.run(100);
      expect(home.second.got("CANCEL")).toHaveLength(1);
      expect(home.first.got("BYE")).toHaveLength(isAlone ? 0 : 1);
      expect(home.door.told("call").at(-1)).toBe("ended");
      expect(home.door.told("call").filter((value) => value === "ended")).toHaveLength(1);
      expect(home.door.leds.at(-1)).toBe(LED_READY);
    }
  });

  it("and that one moves him on at once, or a third picks him up: whoever was left first hangs up then", () => {
    for (const how of ["refer", "pick"]) {
      const home = new Home(`call.fallback=sip:three@${THIRD}`, "call.knownByAddress=on").talking();
      home.third.says = ["200 OK"];
      home.refer(`<sip:two@${SECOND}>`);
      home.second.say("200 OK");
      home.world.run(20);
      if (how === "pick") expect(home.pick(home.third, [], home.second)).toBe(200);
      else expect(home.ask(home.second, "REFER", [`Refer-To: <sip:three@${THIRD}>`])).toBe(202);
      home.world.run(5000);
      expect([home.first, home.second].map((phone) => phone.talking.size)).toEqual([0, 0]);
      expect(home.first.got("BYE")).toHaveLength(1);
      expect(home.door.door.ua.calls.filter((call) => home.door.door.ua.isActive(call))).toHaveLength(1);
      home.door.press();
      home.world.run(100);
      expect(home.third.got("BYE")).toHaveLength(1);
      expect(home.door.told("call").at(-1)).toBe("ended");
    }
  });

  it("by a word of the console as well", () => {
    const home = new Home().talking();
    home.door.timers.nowMs = home.world.nowMs;
    expect(home.door.door.move(`sip:two@${SECOND}`)).toBe("");
    home.world.run(50);
    expect(home.door.door.move(`sip:three@${THIRD}`)).toContain("already");
    home.second.say("200 OK");
    home.world.run(2000);
    expect(home.first.got("BYE")).toHaveLength(1);
    expect(home.second.talking.size).toBe(1);
    expect(home.door.door.move("")).not.toBe("");
  });

  it("within the time that a call may last, however often, and every message of it is in the trace", () => {
    const home = new Home("call.talkTime=60", "rtp.timeout=0").talking();
    home.refer(`<sip:two@${SECOND}>`);
    home.second.say("200 OK");
    home.world.run(48_000);
    expect(home.door.told("call").at(-1)).toBe("confirmed");
    home.world.run(3000);
    expect(home.door.tellings("call", "reason").at(-1)).toBe("ended the talk time is over");
    const ladder = home.door.door.trace.ladder();
    const wanted = IS_PLAIN ? ["BYE"] : ["REFER", "202 Accepted", "NOTIFY", `INVITE sip:two@${SECOND}`, "BYE"];
    for (const word of wanted) expect(ladder).toContain(word);
  });

  it("and digits of the first are no part of a code of the second", () => {
    const home = new Home("relay1.code=2580").talking();
    const dial = (phone: Phone, digits: string) => {
      for (const one of digits) expect(home.ask(phone, "INFO", ["Content-Type: application/dtmf"], one)).toBe(200);
    };
    dial(home.first, "25");
    home.refer(`<sip:two@${SECOND}>`);
    home.second.say("200 OK");
    home.world.run(50);
    dial(home.second, "80#");
    expect(home.door.told("relay")).toEqual([]);
    dial(home.second, "2580#");
    expect(home.door.told("relay")).toEqual(["on"]);
  });
});

describe("where a call may be moved", () => {
  const premium = "<sip:0900123@10.0.0.9>";
  const cases: [string[], string, number][] = [
    [[], `<sip:two@${SECOND}>`, 202],
    [[], `<sip:two@${SECOND}:5060;transport=udp>`, 202],
    [[], `<sip:%74wo@${SECOND}>`, 202],
    [[], `<sip:two@${SECOND}:5070>`, 403],
    [[], `<sip:two@${SECOND};maddr=10.0.0.9>`, 403],
    [[], `<sip:three@${THIRD}>`, 403],
    [[], `<sip:two@${THIRD}>`, 403],
    [[], premium, 403],
    [[], "<tel:+490900123>", 416],
    [[], `<sips:two@${SECOND}>`, 416],
    [[], `<sip:door@${DOOR}>`, 403],
    [["call.refer=off"], `<sip:two@${SECOND}>`, 405],
    [["call.refer=any"], `<sip:three@${THIRD}>`, 202],
    [["call.refer=any"], `<sip:door@${DOOR}>`, 403],
    [["call.refer=any"], `<sip:anybody@${DOOR}>`, 403],
    [[`call.referTo=sip:three@${THIRD}, 2xx`], `<sip:three@${THIRD}>`, 202],
    [["call.referTo=10.0.0.4"], `<sip:whoever@${THIRD}>`, 202],
    [["call.fallback=sip:three@10.0.0.4"], `<sip:three@${THIRD}>`, 202],
    [["button4.hold=group:house > sip:three@10.0.0.4"], `<sip:three@${THIRD}>`, 202],
  ];
  it.each(cases)("%j %s: %i", (settings, target, status) => {
    const home = new Home(...settings).talking();
    expect(home.refer(target)).toBe(status);
    if (status === 405) return;
    expect(home.door.tellings("transfer")[0]).toBe(status === 202 ? "calling" : "refused");
    if (status !== 202) expect(home.door.log.text("transfer")).toContain("refused: " + status);
  });

  it.each([
    [["call.target=sips:two@10.0.0.3"], "<sips:two@10.0.0.3>", 202, "sips:two@10.0.0.3"],
    // What is asked for by sips stays sips, though the settings have sip.
    [["call.referTo=sip:two@10.0.0.3:5071;transport=tls"], "<sips:two@10.0.0.3:5071>", 202, "sips:two@10.0.0.3:5071"],
    [["call.referTo=sip:two@10.0.0.3"], "<sips:two@10.0.0.3>", 403, ""],
    [["call.refer=any"], "<sips:three@10.0.0.4>", 202, "sips:three@10.0.0.4"],
    [["call.refer=any"], `<sips:door@${DOOR}>`, 403, ""],
  ])("with TLS, %j %s: %i", (settings, target, status, called) => {
    const home = new Home(...settings).talking();
    Object.assign(home.door, { secureStream: () => -1 });
    expect(home.refer(target)).toBe(status);
    if (called !== "") expect(home.door.tellings("transfer", "peer")[0]).toBe(`calling ${called}`);
  });

  it.each(["tcp", "tls"])(
    "means UDP if a phone with UDP names no transport, though sip.transport is %s",
    (transport) => {
      const plan = `button1.day=sip:one@${FIRST};transport=udp`;
      const home = new Home(plan, "call.refer=any", "sip.transport=" + transport).talking();
      expect(home.refer(`<sip:three@${THIRD}>`)).toBe(202);
      expect(home.third.got(`INVITE sip:three@${THIRD};transport=udp`)).toHaveLength(1);
      expect(home.first.got("NOTIFY").length).toBeGreaterThan(0);
    },
  );

  it.each([192, 193])("may have 192 octets, also if the door adds the transport that a phone left out: %i", (size) => {
    const plan = `button1.day=sip:one@${FIRST};transport=udp`;
    const home = new Home(plan, "call.refer=any", "sip.transport=tcp").talking();
    const target = `sip:${"t".repeat(size - `sip:@${THIRD}`.length)}@${THIRD}`;
    expect(home.refer(`<${target}>`)).toBe(size > 192 ? 513 : 202);
    expect(home.third.got(`INVITE ${target};transport=udp`)).toHaveLength(size > 192 ? 0 : 1);
  });

  const served = ["sip.domain=pbx.test:5070", "sip.register=off", "sip.user=door", "call.referTo=2xx,*9x"];
  it.each([
    ["<sip:234@pbx.test:5070>", 202, "sip:234@pbx.test:5070;user=phone"],
    ["<sip:234@pbx.test>", 202, "sip:234@pbx.test:5070;user=phone"],
    ["<tel:234>", 202, "sip:234@pbx.test:5070;user=phone"],
    ["<sip:*95@pbx.test:5070>", 202, "sip:*95@pbx.test:5070;user=phone"],
    ["<sip:2345@pbx.test:5070>", 403, ""],
    ["<sip:23@pbx.test:5070>", 403, ""],
    ["<sip:2ab@pbx.test:5070>", 403, ""],
    ["<tel:0900234>", 403, ""],
    ["<sip:234@elsewhere.test>", 403, ""],
    ["<sip:door@pbx.test:5070>", 403, ""],
  ])("with numbers at a server, %s: %i", (target, status, called) => {
    const home = new Home(...served).talking();
    expect(home.refer(target)).toBe(status);
    if (called !== "") expect(home.door.tellings("transfer", "peer")[0]).toBe(`calling ${called}`);
  });

  it("asked again and again in vain, is told a few times in a call", () => {
    const home = new Home().talking();
    for (let i = 0; i < 20; i++) expect(home.refer("<sip:0900123@10.0.0.9>")).toBe(403);
    expect(home.door.tellings("transfer")).toHaveLength(5);
    home.door.press();
    home.world.run(100);
    home.first.inbox.length = 0;
    home.door.press();
    home.world.run(500);
    home.refer("<sip:0900123@10.0.0.9>");
    expect(home.door.tellings("transfer")).toHaveLength(6);
  });

  it("is judged for who is known alone: one who called and is not known is asked for the password, or refused", () => {
    for (const password of ["", "let me in"]) {
      const world = new World();
      const door = new House(world, PLAN, "call.allow=any", "call.autoAnswer=on", `call.password=${password}`);
      const caller = new Peer(world, "10.0.0.66");
      const ask = (method: string, cseq: number, to: string, more: string[], body = "") => {
        caller.inbox.length = 0;
        caller.send(
          DOOR,
          [
            `${method} sip:door@${DOOR} SIP/2.0`,
            `Via: SIP/2.0/UDP 10.0.0.66;branch=z9hG4bKs${method}${cseq}`,
            "From: <sip:who@10.0.0.66>;tag=s",
            `To: <sip:door@${DOOR}>${to}`,
            "Call-ID: stranger",
            `CSeq: ${cseq} ${method}`,
            "Contact: <sip:who@10.0.0.66>",
            ...more,
          ],
          body,
        );
        world.run(50);
        return caller.got("SIP/2.0 ").at(-1) ?? "";
      };
      const ok = ask("INVITE", 1, "", ["Content-Type: application/sdp"], sdpOf("10.0.0.66"));
      const tag = `;tag=${header(ok, "To").split("tag=")[1]}`;
      ask("ACK", 1, tag, []);
      const wish = `Refer-To: <sip:two@${SECOND}>`;
      const refused = ask("REFER", 2, tag, [wish]);
      expect(refused.slice(8, 11)).toBe(password === "" ? "403" : "401");
      expect(door.tellings("transfer")).toEqual(["refused"]);
      if (password === "") continue;
      const credentials = (secret: string, m: string) =>
        `Authorization: ${authorization(header(m, "WWW-Authenticate"), {
          user: "who",
          password: secret,
          method: "REFER",
          uri: `sip:door@${DOOR}`,
        })}`;
      const wrong = ask("REFER", 3, tag, [wish, credentials("guess", refused)]);
      expect(wrong.slice(8, 11)).toBe("401");
      expect(door.told("error").at(-1)).toContain("wrong call.password");
      expect(ask("REFER", 4, tag, [wish, credentials(password, wrong)]).slice(8, 11)).toBe("202");
    }
  });
});

describe("another phone picks the call up", () => {
  const known = [`call.fallback=sip:three@${THIRD}`, "call.knownByAddress=on"];

  it("that another one has: it goes over, and the owner sees by whom", () => {
    const home = new Home(...known).talking();
    expect(home.pick(home.third)).toBe(200);
    home.world.run(50);
    expect(home.first.got("BYE")).toHaveLength(1);
    expect(home.door.told("transfer")).toEqual(["picking-up", "picked-up"]);
    expect(home.door.told("call")).toEqual(["calling", "ringing", "confirmed"]);
    home.world.run(5000);
    home.door.press();
    home.world.run(100);
    expect(home.third.got("BYE")).toHaveLength(1);
    expect(home.door.told("call").at(-1)).toBe("ended");
    expect(home.calls[0]).toContain(`out sip:one@${FIRST}: 10 s, picked up by <sip:three@${THIRD}>`);
    expect(home.calls[1]).toContain(`in <sip:three@${THIRD}>`);
  });

  it("that rings at another one, and all who ring are told so", () => {
    const home = new Home(...known, `button1.day=sip:one@${FIRST},sip:two@${SECOND} 10s > sip:three@${THIRD}`);
    home.first.says = ["180 Ringing"];
    home.door.press();
    home.world.run(500);
    expect(home.pick(home.third)).toBe(200);
    home.world.run(100);
    for (const phone of [home.first, home.second]) {
      expect(phone.got("CANCEL").map((m) => header(m, "Reason"))).toEqual([
        'SIP;cause=200;text="Call completed elsewhere"',
      ]);
      expect(phone.isRinging()).toBe(false);
    }
    expect(home.door.told("call")).toEqual(["calling", "ringing", "confirmed"]);
    expect(home.door.tellings("branch", "reason").filter((line) => line.startsWith("ended"))).toEqual([
      "ended answered elsewhere",
      "ended answered elsewhere",
    ]);
    expect(home.door.leds.at(-1)).toBe(LED_IN_CALL);
    home.world.run(20_000);
    expect(home.third.got("INVITE")).toEqual([]);
    home.door.press();
    home.world.run(100);
    expect(home.door.told("call").at(-1)).toBe("ended");
    expect(home.door.leds.at(-1)).toBe(LED_READY);
  });

  it("only if it is known, and whether there is such a call is no stranger's business", () => {
    for (const password of ["", "let me in"]) {
      const home = new Home(`call.password=${password}`, "call.allow=any").talking();
      expect(home.pick(home.third)).toBe(password === "" ? 403 : 401);
      expect(home.first.talking.size).toBe(1);
      expect(home.door.told("transfer")).toEqual([]);
    }
  });

  it("that its lamp shows, by what the lamp was told; and the lamp is told when another has the call", () => {
    const home = new Home(...known);
    const told: string[] = [];
    const usual = home.third.onMessage;
    home.third.onMessage = (m) => {
      if (m.startsWith("NOTIFY")) told.push(bodyOf(m));
      usual(m);
    };
    home.third.send(DOOR, [
      `SUBSCRIBE sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${THIRD};branch=z9hG4bKlamp`,
      `From: <sip:three@${THIRD}>;tag=lamp`,
      `To: <sip:door@${DOOR}>`,
      "Call-ID: lamp",
      "CSeq: 1 SUBSCRIBE",
      `Contact: <sip:three@${THIRD}>`,
      "Event: dialog",
      "Expires: 600",
    ]);
    home.first.says = ["180 Ringing"];
    home.door.press();
    home.world.run(500);
    const names = (body: string) =>
      /<dialog id="1" call-id="([^"]+)" local-tag="([^"]+)" remote-tag="([^"]+)" direction="initiator"><state>(\w+)</
        .exec(body)
        ?.slice(1) ?? [];
    const [callId, local, remote, state] = names(told.at(-1) ?? "");
    const invite = home.first.got("INVITE")[0];
    expect([callId, local, remote, state]).toEqual([
      header(invite, "Call-ID"),
      header(invite, "From").split("tag=")[1],
      `t${FIRST}`,
      "early",
    ]);
    home.first.say("200 OK");
    home.world.run(50);
    home.refer(`<sip:two@${SECOND}>`);
    home.second.say("200 OK");
    home.world.run(50);
    expect(names(told.at(-1) ?? "")).toEqual([
      header(home.second.got("INVITE")[0], "Call-ID"),
      header(home.second.got("INVITE")[0], "From").split("tag=")[1],
      `t${SECOND}`,
      "confirmed",
    ]);
    home.door.press();
    home.world.run(50);
    expect(told.at(-1)).not.toContain("<dialog id");
  });

  it.skipIf(IS_PLAIN)(
    "not while two phones are in the call; nor does a second one join while it is being moved",
    () => {
      const home = new Home(...known, "call.join=on").talking();
      home.refer(`<sip:two@${SECOND}>`);
      expect(home.call(home.third)).toBe(486);
      home.second.say("486 Busy Here");
      home.world.run(50);
      expect(home.call(home.third)).toBe(200);
      expect(home.door.told("join")).toEqual(["ringing", "confirmed"]);
      expect(home.refer(`<sip:two@${SECOND}>`)).toBe(491);
      expect(home.pick(home.third)).toBe(486);
      home.door.timers.nowMs = home.world.nowMs;
      expect(home.door.door.move(`sip:two@${SECOND}`)).toContain("two phones");
      home.door.press();
      home.world.run(100);
      expect(home.door.told("call").at(-1)).toBe("ended");
    },
  );

  it("also while nobody is to be disturbed, for it disturbs nobody", () => {
    const home = new Home(...known, "call.doNotDisturb=busy").talking();
    expect(home.pick(home.third)).toBe(200);
  });
});
