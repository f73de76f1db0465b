/**
 * Follows docs/server.md by copy and paste: its users, its server, and baresip with the lines that stand there. Only
 * the port is another.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { freePorts } from "../ports.js";
import { program } from "../programs.js";
import { describeWith, HOST, makeFolder, Program, until } from "./programs.js";
import { tone, writeWav } from "./sound.js";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/server.md"), "utf8");
const RTP_PORTS = 10;

/** Starts a phone with that line in its accounts. */
function phone(account: string, ...more: string[]): Program {
  const folder = makeFolder();
  const rtp = freePorts(RTP_PORTS);
  const values: Record<string, string | number> = {
    HOST,
    DIR: folder,
    MODULES: "/usr/lib/baresip/modules",
    SIP_PORT: freePorts(2),
    CONTROL_PORT: freePorts(1),
    RTP_FIRST: rtp,
    RTP_LAST: rtp + RTP_PORTS - 1,
  };
  const template = readFileSync(join(import.meta.dirname, "configs", "baresip.conf"), "utf8");
  writeFileSync(
    join(folder, "config"),
    template.replace(/@([A-Z_]+)@/g, (_, name) => String(values[name])),
  );
  writeFileSync(join(folder, "accounts"), account + "\n");
  writeFileSync(join(folder, "contacts"), "");
  writeWav(join(folder, "tone.wav"), tone(440, 20));
  mkdirSync(join(folder, "snd"));
  return new Program("baresip", ["-f", folder, "-s", ...more]);
}

describeWith(["baresip"], "the two phones of docs/server.md", () => {
  it("register and call one another", async () => {
    const port = String(freePorts(2));
    const here = (text: string): string => text.replaceAll("5060", port);
    const folder = makeFolder();
    const [first, second, third] = [...PAGE.matchAll(/^ {4}(.*npm run server -- .*)$/gm)].map((match) =>
      here(match[1]).replace("npm run server --", process.execPath + " " + program("portero-server")),
    );
    for (const command of [first, second]) execFileSync("sh", ["-c", command], { cwd: folder });
    const server = new Program("sh", ["-c", "cd " + folder + " && exec " + third]);
    await server.until("a server that listens", 10_000, () =>
      server.lines.some((line) => line.includes("listening tcp")),
    );
    const accounts = [...PAGE.matchAll(/^<sip:\w+@house\.example>;.*$/gm)].map((match) => here(match[0]));
    expect(accounts.length).toBe(2);
    const attic = phone(accounts[1], "-t", "30");
    await attic.until("the attic's registration", 10_000, () =>
      attic.lines.some((line) => line.includes("[1 binding]")),
    );
    const dial = /baresip -e "(\/dial [^"]*)"/.exec(PAGE)?.[1] ?? "";
    phone(accounts[0], "-t", "5", "-e", dial);
    const said = (what: RegExp) => () => server.lines.some((line) => what.test(line));
    await until(
      () => "a call\n" + server.tail,
      15_000,
      said(/call answered from=sip:kitchen@house.example to=sip:attic@house.example/),
    );
    await until(() => "its end\n" + server.tail, 15_000, said(/call ended by=sip:kitchen@house.example duration=\d/));
  }, 60_000);
});
