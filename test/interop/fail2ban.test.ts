/** Tests that fail2ban itself reads what the server writes, by the filter and the jail of docs/server.md. */
import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { eventJson, eventLine } from "../../host-sim/world/events.js";
import { Folder, Phones, Program } from "../host-sim/server/program.js";
import { describeWith, makeFolder } from "./programs.js";

const DOCS = readFileSync(join(import.meta.dirname, "../../docs/server.md"), "utf8");
const [FILTER, JAIL] = [/```ini\n(\[Definition\]\n[^`]*)```/, /```ini\n(\[portero\]\n[^`]*)```/].map(
  (block) => block.exec(DOCS)?.[1] ?? "",
);

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

/** @returns the addresses that fail2ban finds in these lines, in their order */
function found(lines: string): string[] {
  const folder = makeFolder();
  const [log, filter] = [join(folder, "portero.log"), join(folder, "portero.conf")];
  writeFileSync(log, lines);
  writeFileSync(filter, FILTER);
  const { stdout, stderr, status } = spawnSync("fail2ban-regex", ["-o", "ip", log, filter], { encoding: "utf8" });
  expect(status, stdout + stderr).toBe(0);
  return stdout.split("\n").filter((line) => line !== "");
}

/** The lines as fail2ban gets them from the journal. */
function fromJournal(lines: string): string {
  return lines.replace(/^(?=.)/gm, "door portero[812]: ");
}

describeWith(["fail2ban-regex"], "fail2ban", () => {
  it.each(["lines", "json"])(
    "finds the address of each wrong password, and of nobody else, in a file and in the journal (%s)",
    async (form) => {
      const place = new Folder();
      cleanUps.push(() => place.remove());
      const args = ["--listen", "udp:127.0.0.1:0", "--domain", "example.org", "--users", place.users(2)];
      const server = new Program(form === "json" ? [...args, "--json"] : args);
      cleanUps.push(() => server.child.kill("SIGKILL"));
      const port = Number((await server.says(/udp:127\.0\.0\.1:(\d+)/))[1]);
      const phones = new Phones();
      cleanUps.push(() => phones.close());
      expect(await phones.register(port, 0, "sip:user0@127.0.0.1:5099")).toMatch(/^SIP\/2.0 200/);
      for (let tries = 1; tries <= 12; tries++) {
        const answer = await phones.register(port, 1, "sip:user1@127.0.0.1:5099", 8000, "wrong");
        expect(answer).toMatch(tries <= 10 ? /^SIP\/2.0 401/ : /^SIP\/2.0 503/);
      }
      await server.says(/wait"?[=:]800/);
      const ten = Array(10).fill("127.0.0.1");
      expect(found(server.output)).toEqual(ten);
      expect(found(fromJournal(server.output))).toEqual(ten);
    },
  );

  it("takes no name for an address, whatever is in it", () => {
    const auth = { t: 1000, who: "server", event: "auth", value: "refused", address: "10.9.9.9", wait: 0, method: "X" };
    for (const user of [
      "x address=10.6.6.6 wait=0 method=",
      'x" address=10.6.6.6',
      "a\n   1.000 server auth refused address=10.6.6.6 wait=0 method=",
      "door portero[812]: 1.000 server auth refused address=10.6.6.6 wait=0 method=",
      '{"t":1,"who":"server","event":"auth","value":"refused","address":"10.6.6.6","wait":0,',
    ]) {
      const all = { ...auth, domain: "example.org", user };
      const other = { t: 1000, who: "server", event: "bindings", value: user, contacts: 1 };
      const lines = [eventLine(all), eventJson(all), eventLine(other), eventJson(other)].join("\n") + "\n";
      expect(found(lines), user).toEqual(["10.9.9.9", "10.9.9.9"]);
      expect(found(fromJournal(lines)), user).toEqual(["10.9.9.9", "10.9.9.9"]);
    }
  });

  it("takes the jail beside its own settings", () => {
    const folder = makeFolder();
    const etc = join(folder, "etc");
    cpSync("/etc/fail2ban", etc, { recursive: true });
    // Debian's own jail wants the log of a program that need not be there.
    rmSync(join(etc, "jail.d/defaults-debian.conf"), { force: true });
    const log = join(folder, "portero.log");
    appendFileSync(log, "");
    writeFileSync(join(etc, "filter.d/portero.conf"), FILTER);
    expect(JAIL).toContain("/var/log/portero.log");
    writeFileSync(join(etc, "jail.d/portero.conf"), JAIL.replace("/var/log/portero.log", log));
    const test = spawnSync("fail2ban-client", ["-c", etc, "-t"], { encoding: "utf8" });
    expect(test.stdout + test.stderr).toContain("configuration test is successful");
    const { stdout } = spawnSync("fail2ban-client", ["-c", etc, "-d"], { encoding: "utf8" });
    for (const said of ["['start', 'portero']", `'addlogpath', '${log}', 'tail'`, "'action', 'iptables-allports'"])
      expect(stdout).toContain(said);
  });
});
