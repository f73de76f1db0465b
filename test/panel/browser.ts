/** A simulator with its panel, and Chromium before it: with a microphone that plays a file, or with none. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { wavHeader } from "../../host-sim/io/audio.js";
import { freePorts } from "../ports.js";

const ROOT = join(import.meta.dirname, "../..");
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
/** Chromium's microphone plays this sound, 8 kHz. */
export const MICROPHONE_HZ = 620;
/** The door's, the server's and the phones', from the first on. */
const SIP_PORTS = 16;

export interface Simulator {
  url: string;
  /** The ports of all its SIP, "17000-17015". */
  sipPorts: string;
  said: string;
  /** Ends it, as Ctrl-C does. */
  stop(): Promise<void>;
}

/** @param port the panel's; 0: a free one */
export async function simulate(args: readonly string[] = [], port = 0): Promise<Simulator> {
  const ports = freePorts(SIP_PORTS);
  const rtp = freePorts(600);
  const at = port === 0 ? freePorts(2) : port;
  const set = ["--set", "sip.port=" + ports, "--set", "rtp.port=" + rtp];
  const program = ["--import", "tsx", "host-sim/cli.ts", "--port", String(at), ...set, ...args];
  const child: ChildProcess = spawn(process.execPath, program, { cwd: ROOT, stdio: ["pipe", "pipe", "pipe"] });
  const simulator: Simulator = {
    url: "",
    sipPorts: ports + "-" + (ports + SIP_PORTS - 1),
    said: "",
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null) resolve();
        child.once("exit", () => resolve());
        child.kill("SIGINT");
      }),
  };
  await new Promise<void>((resolve, reject) => {
    const hear = (text: Buffer): void => {
      simulator.said += text;
      const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(simulator.said);
      if (found === null || simulator.url !== "") return;
      simulator.url = found[0];
      resolve();
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", (code) =>
      reject(new Error("the simulator ended with " + code + ": " + simulator.said.slice(-500))),
    );
  });
  return simulator;
}

/** @param hasMicrophone if false, the browser refuses the microphone */
export async function openBrowser(hasMicrophone: boolean): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error("Chromium is not installed: apt-get install chromium");
  const file = join(mkdtempSync(join(tmpdir(), "panel-")), "tone.wav");
  const samples = Buffer.alloc(2 * 8000 * 4);
  for (let i = 0; i < samples.length / 2; i++)
    samples.writeInt16LE(Math.round(9000 * Math.sin((2 * Math.PI * MICROPHONE_HZ * i) / 8000)), 2 * i);
  writeFileSync(file, Buffer.concat([wavHeader(samples.length / 2), samples]));
  const microphone = ["--use-fake-device-for-media-stream", "--use-file-for-fake-audio-capture=" + file];
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
  ];
  if (hasMicrophone) args.push(...microphone, "--use-fake-ui-for-media-stream");
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/** Opens a page of that size; what it prints as an error, or throws, is kept. */
export async function openPage(browser: Browser, url: string, width = 1440, height = 900) {
  const context = await browser.newContext({ viewport: { width, height }, locale: "en-GB", reducedMotion: "reduce" });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.setDefaultTimeout(30_000);
  await page.goto(url);
  await page.getByRole("heading", { name: "Door", exact: true }).waitFor();
  return { page, errors };
}

/** Runs axe-core in the page. @returns the serious or critical faults, one line each */
export async function faults(page: Page): Promise<string[]> {
  // The page's own rules let in no foreign script, but code that is evaluated from outside is not stopped by them.
  await page.evaluate(readFileSync(join(ROOT, "node_modules/axe-core/axe.min.js"), "utf8"));
  return page.evaluate(async () => {
    interface Found {
      id: string;
      impact: string;
      nodes: { target: string[]; failureSummary: string }[];
    }
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Found[] }> } };
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(
        ({ id, nodes }) =>
          id +
          ": " +
          nodes
            .map((node) => node.target.join(" ") + " " + node.failureSummary)
            .slice(0, 3)
            .join("; "),
      );
  });
}
