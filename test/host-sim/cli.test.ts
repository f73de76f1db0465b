/**
 * Runs the simulator as a person does: with options, events on stdout, one line for each mistake. Time is virtual. It
 * runs in this process; as a process of its own it is tested in streams.test.ts, terminal.test.ts and
 * bad-input.test.ts.
 */
import { createSocket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { seal } from "../../host-sim/config/seal.js";
import { loadWav } from "../../host-sim/io/audio.js";
import { freePorts } from "../ports.js";
import { type Ended, runHere } from "../programs.js";

const CALL = "press; expect call=confirmed 10; wait 3; press; expect call=ended 5; quit";

function sim(...args: string[]): Promise<Ended> {
  return runHere("portero-sim", ["--headless", ...args]);
}

function virtual(...args: string[]) {
  return sim("--virtual-time", "--seed", "7", ...args);
}

/** @returns "who event=value" for each line */
function events(out: string): string[] {
  return out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .map(({ who, event, value }) => `${who} ${event}=${value}`);
}

const folders: string[] = [];

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "portero-"));
  folders.push(made);
  return made;
}

afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true });
});

describe("the simulator", { timeout: 90_000 }, () => {
  it("calls the phone, which answers by itself, and hangs up", async () => {
    const { code, out, err } = await virtual("--json", "--do", CALL);
    expect(code).toBe(0);
    const told = events(out).filter((line) => line.includes(" call="));
    expect(told.filter((line) => line.startsWith("door"))).toEqual([
      "door call=calling",
      "door call=ringing",
      "door call=confirmed",
      "door call=ended",
    ]);
    expect(told).toContain("phone call=confirmed");
    for (const line of ["INVITE", "180 Ringing", "200 OK INVITE (SDP)", "ACK", "BYE"]) expect(err).toContain(line);
  });

  it("has a server: door and phone register with it by a password, and the call goes through it", async () => {
    const { code, out, err } = await virtual("--json", "--do", `expect register=registered 1; ${CALL}`);
    expect(code).toBe(0);
    expect(events(out)).toContain("phone register=registered");
    expect(err.split("\n")[0].trim().split(/\s+/)).toEqual(["door", "server"]);
    for (const line of ["401 Unauthorized REGISTER", "INVITE sip:phone@house", "ACK sip:phone@127.0.0.1:5062"])
      expect(err).toContain(line);
    expect(err).toMatch(/407 Proxy Auth.*INVITE/);
    // The server passes on the INVITE, the ACK and the BYE.
    for (const method of ["INVITE", "ACK", "BYE"])
      expect(err.match(new RegExp("- " + method + " sip:phone@127.0.0.1:5062", "g"))?.length).toBeGreaterThan(0);
  });

  it("has one that redirects, if that is wanted: it tells where the phone is, and the call goes past it", async () => {
    const { code, err } = await virtual("--set", "server.mode=redirect", "--do", CALL);
    expect(code).toBe(0);
    expect(err).toContain("302 Moved Temporarily INVITE");
    expect(err).toMatch(/INVITE sip:phone@127\.0\.0\.1:5062 \(SDP\)/);
  });

  it("has none alone, without registration, or when the settings name another", async () => {
    for (const args of [["--set", "sip.register=off"], ["--set", "sip.domain=example.org"], ["--alone"]])
      expect((await virtual("--json", ...args, "--do", "wait 1; quit")).err).not.toContain("REGISTER sip:house");
    expect((await virtual("--set", "sip.register=off", "--do", CALL)).code).toBe(0);
  });

  it("does the same again with the same seed, and other things with another", async () => {
    const first = (await virtual("--json", "--do", `fault loss 10; ${CALL}`)).out;
    expect((await virtual("--json", "--do", `fault loss 10; ${CALL}`)).out).toBe(first);
    expect((await sim("--virtual-time", "--seed", "8", "--json", "--do", `fault loss 10; ${CALL}`)).out).not.toBe(
      first,
    );
  });

  it("opens the door by the code and locks it again", async () => {
    const script = "press; expect call=confirmed 10; dtmf 2580; expect relay=on 5; expect relay=off 5; quit";
    const { code, out } = await virtual(
      "--json",
      "--set",
      "relay1.code=2580",
      "--set",
      "relay1.pulse=1.5",
      "--do",
      script,
    );
    expect(code).toBe(0);
    expect(out).not.toContain("2580");
  });

  it("opens the door by tones in the sound, where it is told to listen for them", async () => {
    const script = "press; expect call=confirmed 10; tones 2580; expect relay=on 5; quit";
    const codes = ["--set", "relay1.code=2580"];
    const { code, out } = await virtual("--json", ...codes, "--set", "dtmf.inband=on", "--do", script);
    expect(code).toBe(0);
    expect(out.match(/"by":"inband"/g)).toHaveLength(4);
    // The phone agreed on telephone-events, so by default the door listens for those only.
    expect((await virtual(...codes, "--do", script)).code).toBe(1);
  });

  it("plays ringing to the visitor until the phone answers", async () => {
    const speaker = join(folder(), "heard.wav");
    expect((await virtual("--speaker", speaker, "--do", CALL)).code).toBe(0);
    const samples = loadWav(speaker);
    let crossings = 0;
    for (let i = 4000; i < 7200; i++) if (samples[i - 1] < 0 && samples[i] >= 0) crossings += 1;
    // The tone is 0.4 s of 425 Hz, then its pause.
    expect(crossings).toBe(170);
    expect(Math.max(...samples.subarray(8200, 15000))).toBeLessThan(10);
  });

  it("cancels while it rings", async () => {
    const { code, err } = await virtual(
      "--do",
      "press; expect call=ringing 5; press; expect call=ended 5; expect phone:call=ended 5; quit",
    );
    expect(code).toBe(0);
    expect(err).toContain("CANCEL");
    expect(err).toContain("487");
  });

  it("writes what the speaker played and what went over the network", async () => {
    const dir = folder();
    const [speaker, pcap] = [join(dir, "heard.wav"), join(dir, "call.pcap")];
    expect((await virtual("--speaker", speaker, "--pcap", pcap, "--do", CALL)).code).toBe(0);
    const samples = loadWav(speaker);
    expect(samples.length).toBeGreaterThan(2.5 * 8000);
    expect(Math.max(...samples.subarray(24000, 32000))).toBeGreaterThan(4000);
    expect(readFileSync(pcap).readUInt32LE(0)).toBe(0xa1b2c3d4);
  });

  it("plays a file into the microphone and takes settings from a file", async () => {
    const dir = folder();
    const config = join(dir, "door.conf");
    writeFileSync(config, "# a comment\nset sip.user front\nset audio.codecs PCMA\n");
    const { code, out } = await virtual("--json", "--config", config, "--do", CALL);
    expect(code).toBe(0);
    expect(out).toContain('"codec":"PCMA"');
    expect(out).toContain("sip:front@127.0.0.1");
  });

  it("takes a file that npm run config wrote, with or without its secrets", async () => {
    const config = join(folder(), "door.json");
    const secrets = seal('{"sip.password":"geheim","relay1.code":"2580"}', "pass", 2 ** 14);
    writeFileSync(
      config,
      "\ufeff" + JSON.stringify({ $schema: "x", version: 1, "sip.name": "Front", leftOut: [], secrets }),
    );
    const script = ["--do", "console get sip.name; console get relay1.code; quit"];
    const without = await virtual("--config", config, ...script);
    expect(without.code).toBe(0);
    expect(without.err).toContain("door.json: its sealed secrets are left out: --passphrase-stdin opens them\n");
    expect(without.out).toMatch(/sip.name Front\nrelay1.code \n/);
    const args = ["--headless", "--virtual-time", "--config", config, "--passphrase-stdin", ...script];
    expect((await runHere("portero-sim", args, "pass\n")).out).toContain("relay1.code ********");
    const wrong = await runHere("portero-sim", args, "false\n");
    expect([wrong.code, wrong.err]).toEqual([1, `${config}: wrong passphrase, or what is sealed was changed\n`]);
  });

  it("takes passwords and codes out of files, so that they stand in no list of processes", async () => {
    const code = join(folder(), "code");
    writeFileSync(code, "2580\n");
    const script = "press; expect call=confirmed 10; dtmf 2580; expect relay=on 5; quit";
    expect((await virtual("--set-file", `relay1.code=${code}`, "--do", script)).code).toBe(0);
    writeFileSync(code, "");
    const { code: exit, err } = await virtual("--set-file", `relay1.code=${code}`, "--do", script);
    expect([exit, err]).toEqual([2, `${code}: is empty: the value of relay1.code is one line\n`]);
  });

  it.each([["--virtual-time"], []])(
    "starts its door anew by reboot, with what was saved and on the ports that hold from then on (%s)",
    async (...time) => {
      const port = freePorts(60);
      const script = [
        `console set sip.port ${port + 20}; console set sip.name Front; console save; console set sip.name lost`,
        "console reboot; expect config=ready 5; expect register=registered 10; console get sip.name; console get sip.port",
        "press; expect call=confirmed 10; press; expect call=ended 5; press2; wait 1; console calls; quit",
      ].join("; ");
      const config = join(folder(), "door.conf");
      writeFileSync(config, `sip.port=${port}\nrtp.port=${port + 40}\n`);
      const { code, out, err } = await sim(...time, "--config", config, "--do", `expect config=ready; ${script}`);
      expect([code, err.split("\n").filter((line) => line.startsWith("step"))]).toEqual([0, []]);
      expect(out).toContain(`config ready address=sip:door@127.0.0.1:${port + 20}\n`);
      expect(out).toContain(`sip.name Front\nsip.port ${port + 20}\n`);
      expect(out.match(/call calling direction=out/g)).toHaveLength(2);
    },
  );

  it("fails a script at a line that the console refuses, as text or as JSON", async () => {
    for (const line of ["open 9", "open 9 --json", "set sip.prt 1"]) {
      const { code, err } = await virtual("--do", `console ${line}; quit`);
      expect(code).toBe(1);
      expect(err.trim().split("\n").at(-1)).toMatch(new RegExp(`^step "console ${line}": `));
    }
  });

  it("refuses settings that no board could keep", async () => {
    const plans = [1, 2, 3, 4].flatMap((button) =>
      ["day", "night", "hold"].flatMap((when) => [
        "--set",
        `button${button}.${when}=${"sip:neighbour-with-a-long-name@192.0.2.7,".repeat(7)}7`,
      ]),
    );
    const one = plans.slice(0, 2);
    expect((await virtual(...one, "--do", "quit")).code).toBe(0);
    const long = Array.from({ length: 8 }, (_, i) => ["--set", `phone${i + 1}.password=${"\u00e9".repeat(64)}`]).flat();
    const { code, err } = await virtual(...plans, ...long, "--do", "quit");
    expect(code).toBe(2);
    expect(err).toMatch(/^the settings take \d+ octets, and a board keeps 3900\n$/);
  });

  it("keeps what the console saved", async () => {
    const store = join(folder(), "store.json");
    const script = "console set sip.name Front door; console save; quit";
    expect((await virtual("--store", store, "--do", script)).code).toBe(0);
    expect((await virtual("--store", store, "--do", "console get sip.name; quit")).out).toContain("Front door");
  });

  it("never prints the password", async () => {
    const { out, err } = await virtual(
      "--json",
      "--set",
      "sip.password=hush-hush",
      "--do",
      "console get; console get sip.password; console help; quit",
    );
    expect(out + err).not.toContain("hush-hush");
    expect(out).toContain("********");
  });

  it("fails a script with exit code 1 and one line", async () => {
    const { code, err } = await virtual(
      "--alone",
      "--set",
      "call.target=sip:127.0.0.1:9",
      "--do",
      "press; expect call=confirmed 2; quit",
    );
    expect(code).toBe(1);
    expect(err.trim().split("\n").at(-1)).toMatch(/^step "expect call=confirmed 2": not within 2 s/);
  });

  for (const [args, said] of [
    [["--set", "sip.prt=5060"], /^--set sip\.prt: no such key; did you mean sip\.port\?$/],
    [["--set", "sip.port=abc"], /^--set sip\.port: 'abc' is not allowed: a whole number from 1 to 65535$/],
    [["--set", "call.allow=some"], /^--set call\.allow: 'some' is not allowed: known or any$/],
    [["--set", "sip.user"], /KEY=VALUE/],
    [["--set", "sip.password=a\u0001b"], /^--set sip\.password: what was given is not allowed/],
    [["--frob"], /^there is no option --frob/],
    [["--do", "expct call"], /^--do: step "expct call": steps are/],
    [["--seed", "-1"], /^--seed "-1": must be 0 to 4294967295$/],
    [["--port", "-1"], /^--port "-1": must be 0 to 65535$/],
    [["--set", "-x"], /^--set "-x": must be KEY=VALUE$/],
    [["--mic", "--json"], /^--mic needs a value/],
  ] as const) {
    it(`refuses ${JSON.stringify(args.join(" "))} with exit code 2 and one line`, async () => {
      const { code, err } = await sim(...args);
      expect(code).toBe(2);
      expect(err.trim()).toMatch(said);
      expect(err.trim()).not.toContain("\n");
    });
  }

  it("says in one line that a file cannot be read, or a setting in it is wrong", async () => {
    for (const args of [
      ["--mic", "no-such.wav"],
      ["--speaker", "no-such-folder/x.wav"],
      ["--config", "no-such.conf"],
    ]) {
      const { code, err } = await sim(...args);
      expect(code).toBe(1);
      expect(err.trim()).toMatch(/^[^\n]*no-such[^\n]*$/);
    }
    const config = join(folder(), "bad.conf");
    writeFileSync(config, "set sip.user a\nset sip.port 0\n");
    const { code, err } = await sim("--config", config);
    expect([code, err.trim().split("\n").length]).toEqual([2, 1]);
    expect(err).toContain("line 2: sip.port: '0' is not allowed");
  });

  it("says in one line that a port is in use", async () => {
    const socket = createSocket("udp4");
    const port = await new Promise<number>((resolve) =>
      socket.bind(0, "127.0.0.1", () => resolve(socket.address().port)),
    );
    try {
      const { code, err } = await sim("--alone", "--set", `sip.port=${port}`);
      expect(code).toBe(1);
      expect(err.trim()).toBe(`port ${port} (udp) on 127.0.0.1 is in use: set another sip.port`);
    } finally {
      socket.close();
    }
  });

  it("says that a name is unknown, and the call ends", async () => {
    const { code, out } = await virtual(
      "--alone",
      "--set",
      "call.target=sip:bob@nobody.test",
      "--do",
      "press; expect call=ended 5; quit",
    );
    expect(code).toBe(0);
    expect(out).toContain("name unknown");
  });
});
