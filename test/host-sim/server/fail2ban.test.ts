/**
 * Tests the filter for fail2ban in docs/server.md with lines that the program really writes; fail2ban itself is tested
 * in test/interop.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { eventJson, eventLine } from "../../../host-sim/world/events.js";
import { Folder, Phones, Program } from "./program.js";

const DOCS = join(import.meta.dirname, "../../../docs/server.md");
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

/** @returns the expressions of the filter, with a pattern in place of fail2ban's word for an address */
function filter(): RegExp[] {
  const block = /```ini\n(\[Definition\]\n[^`]*)```/.exec(readFileSync(DOCS, "utf8"))?.[1] ?? "";
  const lines = /failregex = ([\s\S]*?)\ndatepattern/.exec(block)?.[1].split("\n") ?? [];
  return lines.map((line) => new RegExp(line.trim().replace("<HOST>", "(?<host>[\\d.]+)")));
}

/** @returns the addresses that fail2ban would count */
function banned(output: string): string[] {
  const expressions = filter();
  return output.split("\n").flatMap((line) => {
    const found = expressions.map((one) => one.exec(line)?.groups?.host).filter((host) => host !== undefined);
    return found.length > 0 ? [found[0] as string] : [];
  });
}

describe("the filter for fail2ban", () => {
  it.each(["lines", "json"])(
    "finds the address in each line of a wrong password, and in no other (%s)",
    async (form) => {
      const place = new Folder();
      cleanUps.push(() => place.remove());
      const users = place.users(2);
      const args = ["--listen", "udp:127.0.0.1:0", "--domain", "example.org", "--users", users];
      const server = new Program(form === "json" ? [...args, "--json"] : args);
      cleanUps.push(() => server.child.kill("SIGKILL"));
      const port = Number((await server.says(/udp:127\.0\.0\.1:(\d+)/))[1]);
      const phones = new Phones();
      cleanUps.push(() => phones.close());
      expect(await phones.register(port, 0, "sip:user0@127.0.0.1:5099")).toMatch(/^SIP\/2.0 200/);
      // An unknown user, and the wrong password of a known one.
      expect(await phones.register(port, 7, "sip:user7@127.0.0.1:5099")).toMatch(/^SIP\/2.0 401/);
      expect(await phones.register(port, 1, "sip:user1@127.0.0.1:5099", 8000, "wrong")).toMatch(/^SIP\/2.0 401/);
      await server.says(/user1/);
      expect(filter().length).toBe(2);
      expect(banned(server.output)).toEqual(["127.0.0.1", "127.0.0.1"]);
      expect(server.output.split("\n").filter((line) => line.includes("refused")).length).toBe(2);
    },
  );

  it("takes no name for an address, whatever is in it", () => {
    for (const user of [
      "x address=10.6.6.6 wait=0 method=",
      'x" address=10.6.6.6',
      "a\n   1.000 server auth refused address=10.6.6.6",
    ]) {
      const event = {
        t: 1000,
        who: "server",
        event: "auth",
        value: "refused",
        address: "10.9.9.9",
        wait: 0,
        method: "INVITE",
      };
      const all = { ...event, domain: "example.org", user };
      expect(banned(eventLine(all))).toEqual(["10.9.9.9"]);
      expect(banned(eventJson(all))).toEqual(["10.9.9.9"]);
      const other = { t: 1000, who: "server", event: "bindings", value: user, contacts: 1 };
      expect(banned(eventLine(other) + "\n" + eventJson(other))).toEqual([]);
    }
  });
});
