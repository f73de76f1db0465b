import { describe, expect, it } from "vitest";
import { parseOptions, type SimOptions, USAGE } from "../../../host-sim/world/options.js";

describe("the command line", () => {
  it("has defaults for everything", () => {
    expect(parseOptions([])).toEqual({
      headless: false,
      port: -1,
      phones: 1,
      explain: false,
      set: [],
      config: "",
      alone: false,
      mic: "",
      speaker: "",
      script: [],
      json: false,
      pcap: "",
      keylog: "",
      seed: -1,
      virtualTime: false,
      consolePort: -1,
      store: "",
      help: false,
    });
  });

  it("reads every option", () => {
    const args =
      "--headless --port 0 --set sip.user=7 --set call.target=sip:a@b;x=y --set sip.proxy= --config c --alone " +
      "--mic m.wav --speaker=s.wav --json --pcap p --seed 4294967295 --virtual-time --console-port 5555 --store s --help";
    const options = parseOptions([...args.split(" "), "--do", "press; quit"]) as SimOptions;
    expect(options).toMatchObject({
      headless: true,
      port: 0,
      set: [
        { key: "sip.user", value: "7" },
        { key: "call.target", value: "sip:a@b;x=y" },
        { key: "sip.proxy", value: "" },
      ],
      config: "c",
      alone: true,
      mic: "m.wav",
      speaker: "s.wav",
      json: true,
      pcap: "p",
      seed: 4294967295,
      virtualTime: true,
      consolePort: 5555,
      store: "s",
      help: true,
    });
    expect(options.script.map((step) => step.text)).toEqual(["press", "quit"]);
  });

  it.each([
    [["--alone", "--do", "expect phone:call"], "--do: expect phone:call: there is no phone with --alone"],
    [["--do", "expect phone2:call"], "--do: expect phone2:call: there is no phone2; --phones N makes N of them"],
    [["--quiet"], "there is no option --quiet; --help lists them"],
    [["-x"], "there is no option -x; --help lists them"],
    [["door"], '"door" belongs to no option; --help lists them'],
    [["--json=yes"], "--json takes no value"],
    [["--mic"], "--mic needs a value; --help says which"],
    [["--mic", "--json"], "--mic needs a value; --help says which"],
    [["--mic", ""], '--mic "": must be the name of a file'],
    [["--set-file", ""], '--set-file "": must be KEY=FILE, or a file of settings'],
    [["--tls-ca", ""], '--tls-ca "": must be the name of a file'],
    [["--alone", "--phones", "2"], "--phones: with --alone there are none"],
    [["--passphrase-stdin"], "--passphrase-stdin needs --config FILE"],
    [["--headless", "--virtual-time"], "--virtual-time needs a script or a panel: add --do, or leave --headless out"],
    [["--port", "http"], '--port "http": must be 0 to 65535'],
    [["--port", "65536"], '--port "65536": must be 0 to 65535'],
    [["--console-port", "1.5"], '--console-port "1.5": must be 0 to 65535'],
    [["--seed", "4294967296"], '--seed "4294967296": must be 0 to 4294967295'],
    [["--set", "sip.user"], '--set "sip.user": must be KEY=VALUE'],
    [["--set", "=\u001b[2J"], '--set "=\\x1b[2J": must be KEY=VALUE'],
    [
      ["--do", "dance"],
      '--do: step "dance": steps are press, press2 to press4, release, exit, door, tamper, wait, expect, console, phone, dtmf, tones, key, card, fault and quit',
    ],
  ])("says in one line what is wrong with %j", (args, line) => {
    expect(parseOptions(args)).toBe(line);
  });

  it("takes no option that has an empty value", () => {
    const names = [...USAGE.matchAll(/^ {2}--([a-z-]+) ["A-Z]|^ {2}--(listen) /gm)].map(([, one, two]) => one ?? two);
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) expect(parseOptions(["--" + name + "="]), name).toMatch(/^--/);
  });

  it("fits a terminal of 80 columns", () => {
    for (const line of USAGE.split("\n")) expect(line.length, line).toBeLessThan(80);
    for (const option of ["--set-file KEY=FILE", "--passphrase-stdin"]) expect(USAGE).toContain("\n  " + option + " ");
  });

  it("explains every option", () => {
    for (const name of Object.keys(parseOptions([]))) {
      const option = { virtualTime: "virtual-time", consolePort: "console-port", script: "do" }[name] ?? name;
      expect(USAGE).toContain("\n  --" + option + " ");
    }
  });
});
