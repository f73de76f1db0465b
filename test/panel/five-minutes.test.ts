/**
 * Tests the first five minutes of a person before the panel, in Chromium: every step is a click or a key, and what is
 * seen and heard is measured.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faults, MICROPHONE_HZ, openBrowser, openPage, type Simulator, simulate } from "./browser.js";

const ROOT = join(import.meta.dirname, "../..");
const SHOTS = join(ROOT, "build/panel-shots");
/** `PICTURES=docs npm run test:panel` makes the picture of README.md and docs/simulator.md anew. */
const PICTURE = process.env.PICTURES === "docs" ? join(ROOT, "docs/panel.png") : join(SHOTS, "message.png");
mkdirSync(SHOTS, { recursive: true });

let simulator: Simulator;
let browser: Browser;
let page: Page;
let errors: string[];
let loaded = 0;

beforeAll(async () => {
  simulator = await simulate(["--seed", "1"]);
  browser = await openBrowser(true);
  ({ page, errors } = await openPage(browser, simulator.url));
});
afterAll(async () => {
  await browser?.close();
  await simulator?.stop();
});

const button = (name: string) => page.getByRole("button", { name, exact: true });
const tab = (name: string) => page.getByRole("tab", { name, exact: true }).click();
const shot = (name: string) => page.screenshot({ path: join(SHOTS, name + ".png") });
/** Opens the first row, by the keyboard. */
const first = async (): Promise<void> => {
  await page.getByRole("listbox").press("Home");
  await page.locator(".rung.chosen").waitFor();
};
const screen = (text: string | RegExp) => page.locator(".screen-state").filter({ hasText: text }).waitFor();

/** @returns the strongest frequency that is heard, and its level, dB */
function heard(on: Page): Promise<{ hz: number; db: number }> {
  return on.evaluate(() => {
    const { analyser } = (window as unknown as { portero: { sound: { analyser: AnalyserNode } } }).portero.sound;
    analyser.fftSize = 8192;
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    let best = 8;
    for (let i = 8; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
    return { hz: (best * analyser.context.sampleRate) / analyser.fftSize, db: bins[best] };
  });
}

async function until<T>(read: () => Promise<T>, isRight: (value: T) => boolean, ms = 30_000): Promise<T> {
  for (const end = Date.now() + ms; ; ) {
    const value = await read();
    if (isRight(value) || Date.now() > end) return value;
    await page.waitForTimeout(150);
  }
}

describe.sequential("five minutes with the panel", () => {
  it("loads in less than 300 KB, and has no serious fault for whoever cannot see it", async () => {
    loaded = await page.evaluate(() =>
      [...performance.getEntriesByType("resource"), ...performance.getEntriesByType("navigation")].reduce(
        (sum, entry) => sum + (entry as PerformanceResourceTiming).transferSize,
        0,
      ),
    );
    console.log("first load: " + loaded + " octets");
    expect(loaded).toBeGreaterThan(5000);
    expect(loaded).toBeLessThan(300_000);
    expect(await faults(page)).toEqual([]);
  });

  it("rings at a press, and is answered", async () => {
    await button("Ring").click();
    await screen("The door is ringing");
    await shot("ringing");
    expect(await page.getByRole("status").filter({ hasText: "light ringing" }).count()).toBe(1);
    await button("Answer").click();
    await screen("Talking to the door");
  });

  it("lets the person hear the door, and be heard there", async () => {
    // The loudspeaker of the door plays what the laptop's microphone says at the phone.
    await page.getByRole("radio", { name: "At the phone" }).check();
    await page.getByText("Live: you are heard").waitFor();
    const voice = await until(
      () => heard(page),
      ({ db }) => db > -60,
    );
    expect(voice.db).toBeGreaterThan(-60);
    const other = await openPage(browser, simulator.url);
    await other.page.getByRole("tab", { name: "Setup" }).click();
    await other.page.getByLabel("Visitor's recorded voice").uncheck();
    await other.page.close();
    const level = () => page.getByRole("meter", { name: "Loudspeaker" }).first().getAttribute("aria-valuenow");
    expect(Number(await until(level, (value) => Number(value) > 40))).toBeGreaterThan(40);
  });

  it("hears in one page what is said in another, at its pitch and soon", async () => {
    const { page: visitor } = await openPage(browser, simulator.url);
    await visitor.getByRole("radio", { name: "At the door" }).check();
    await visitor.getByText("Live: you are heard").waitFor();
    const tone = await until(
      () => heard(page),
      ({ hz, db }) => db > -50 && Math.abs(hz - MICROPHONE_HZ) < 15,
    );
    expect(Math.abs(tone.hz - MICROPHONE_HZ)).toBeLessThan(15);
    expect(tone.db).toBeGreaterThan(-50);
    // This is the time until a tone that begins at the microphone of one page is heard at the loudspeaker of the other.
    const open = (on: boolean) =>
      visitor.evaluate((isOpen) => {
        const { stream } = (window as unknown as { portero: { sound: { stream: MediaStream } } }).portero.sound;
        for (const track of stream.getTracks()) track.enabled = isOpen;
        return Date.now();
      }, on);
    await open(false);
    await until(
      () => heard(page),
      ({ db }) => db < -80,
    );
    const waiting = page.evaluate(async () => {
      const { analyser } = (window as unknown as { portero: { sound: { analyser: AnalyserNode } } }).portero.sound;
      analyser.fftSize = 512;
      const samples = new Float32Array(512);
      for (;;) {
        analyser.getFloatTimeDomainData(samples);
        if (samples.some((sample) => Math.abs(sample) > 0.05)) return Date.now();
        await new Promise((resolve) => setTimeout(resolve, 4));
      }
    });
    const saidAt = await open(true);
    const delayMs = (await waiting) - saidAt;
    console.log("microphone to loudspeaker: " + delayMs + " ms");
    expect(delayMs).toBeGreaterThan(40);
    await visitor.close();
  });

  it("says how to set a code when there is none, and opens the door with it", async () => {
    await button("Open the door").click();
    await page.getByText("This door has no code yet").waitFor();
    await shot("no-code");
    await page.getByLabel(/This door has no code yet/).fill("4711");
    await button("Set the code").click();
    await page.getByText("This door has no code yet").waitFor({ state: "detached" });
    await button("Open the door").click();
    await page.locator(".lock.on").waitFor();
    await button("Pull the door open").click();
    await button("Shut the door").waitFor();
    await page.waitForTimeout(500);
    await shot("open");
  });

  it("opens at the keypad beside the door, and says which cards there can be", async () => {
    await page.locator(".lock.on").waitFor({ state: "detached" });
    for (const key of "4711") await button(`Key ${key} at the door`).click();
    await page.locator(".lock.on").waitFor();
    await page.getByLabel("Card number").fill("99999999999");
    await button("Hold the card to the reader").click();
    await page.getByText("A card has a number of up to 35 bits").waitFor();
    await page.getByLabel("Card number").fill("12345678");
    await button("Hold the card to the reader").click();
    await page.getByText("A card has a number of up to 35 bits").waitFor({ state: "detached" });
    await page.locator(".ladder").getByText(/card/).first().waitFor();
    await shot("keypad");
  });

  it("takes digits as tones, too", async () => {
    await page.getByLabel("Digits go as").selectOption("tones");
    await tab("Console");
    await button("Digit 5").click();
    expect(await page.locator(".screen-digits").textContent()).toBe("5");
    await page.getByLabel("Digits go as").selectOption("dtmf");
  });

  it("shows a message with what the parser made of it, and explains each line", async () => {
    await page.locator(".ladder select").first().selectOption("calls");
    await first();
    await page.getByRole("option", { name: /door to server: INVITE/, selected: true }).waitFor();
    const raw = page.locator(".raw");
    await raw.getByText("Via:").first().click();
    await raw.getByText("The branch names the transaction").waitFor();
    expect(await raw.locator(".span-branch").first().textContent()).toMatch(/^z9hG4bK/);
    await tab("Inside");
    await page.waitForTimeout(2500);
    await page.screenshot({ path: PICTURE });
    await button("Shut the door").click();
    expect(await faults(page)).toEqual([]);
    await page.getByLabel("Explain").check();
    await page.getByText("Asks the other side for a call").nth(1).waitFor();
    await shot("explained");
    await page.getByLabel("Explain").uncheck();
    await button("Close").click();
    await page.locator(".ladder select").first().selectOption("all");
  });

  it("still has a call at 20 % loss, and says so", async () => {
    await tab("Network");
    await page.getByLabel("Loss").fill("20");
    await tab("Inside");
    const lost = () =>
      page.locator(".figures dt", { hasText: "lost" }).locator("xpath=following-sibling::dd").first().textContent();
    expect(Number(await until(lost, (value) => Number(value) > 20))).toBeGreaterThan(20);
    await page.getByText("heard on both sides").waitFor();
    await screen("Talking to the door");
    await page.waitForTimeout(3000);
    await shot("inside");
    expect(await faults(page)).toEqual([]);
  });

  it("loses nothing by a reload in the middle of a call", async () => {
    const rows = async (): Promise<number> =>
      Number.parseInt((await page.locator(".rows-foot span").first().textContent()) ?? "", 10);
    const before = await rows();
    await page.reload();
    await screen("Talking to the door");
    expect(await until(rows, (count) => count >= before)).toBeGreaterThanOrEqual(before);
    await page.locator(".ladder select").first().selectOption("calls");
    await first();
    await page.getByRole("option", { name: /INVITE/, selected: true }).waitFor();
    await button("Close").click();
    await page.locator(".ladder select").first().selectOption("all");
  });

  it("loses the Wi-Fi, and comes back", async () => {
    await tab("Network");
    await page.getByLabel("Wi-Fi down").check();
    await page.waitForTimeout(1500);
    await page.getByLabel("Wi-Fi down").uncheck();
    await button("All well again").click();
    await until(
      () => page.getByLabel("Loss").inputValue(),
      (value) => value === "0",
    );
    await screen("Talking to the door");
    await button("Hang up").click();
    await screen(/Call ended|Ready/);
  });

  it("changes a setting in the form, which the console reads", async () => {
    await tab("Settings");
    await page.getByLabel("Find a setting").fill("sip.name");
    await page.getByLabel("sip.name").fill("Garden gate");
    await page.getByLabel("sip.name").blur();
    await page.getByText("Changed, not saved: 1").waitFor();
    await page.getByLabel("Find a setting").fill("relay1.pulse");
    await page.getByLabel("relay1.pulse").fill("9999");
    await page.getByLabel("relay1.pulse").blur();
    await page.getByText(/is not allowed/).waitFor();
    await shot("settings");
    expect(await faults(page)).toEqual([]);
    await button("Save").click();
    await page.getByText("Saved.").waitFor();
    await tab("Console");
    await page.locator(".xterm-helper-textarea").focus();
    await page.keyboard.type("get sip.name");
    await page.keyboard.press("Enter");
    await page
      .locator(".xterm-accessibility")
      .getByText(/Garden gate/)
      .first()
      .waitFor({ state: "attached" });
    await shot("console");
  });

  it("gives the ladder away as a pcap that Wireshark's own program reads", async () => {
    const link = page.getByRole("link", { name: "pcap" });
    if (!(await link.isVisible())) await page.getByText("Export", { exact: true }).click();
    const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
    // Without this, tshark takes a port for another protocol's that has it by name, Dropbox's 17500 for one.
    const decode = ["-d", "udp.port==" + simulator.sipPorts + ",sip"];
    const { status, stdout, stderr } = spawnSync(
      "tshark",
      ["-r", await download.path(), ...decode, "-Y", "sip.Method == BYE"],
      { encoding: "utf8" },
    );
    expect({ status, stdout, stderr }).toMatchObject({ status: 0, stdout: expect.stringContaining("BYE") });
    await page.getByText("Export", { exact: true }).click();
  });

  it("makes a house of another kind, with time that stands still", async () => {
    await tab("Setup");
    await page.getByLabel("Virtual time").check();
    await page.getByLabel("Redirect server").check();
    await page.getByLabel("Indoor phones").selectOption("3");
    await button("Make the house anew").click();
    await button("Pause").click();
    await button("Go on").waitFor();
    await page.getByText("registrar · location · redirect").waitFor();
    await shot("setup");
    await button("Ring").click();
    for (let i = 0; i < 40 && !(await button("Answer").first().isVisible()); i++)
      await button("Step to the next event").click();
    await button("Answer").first().waitFor();
    const ladder = await page.request.get(simulator.url + "export/ladder.txt");
    expect(await ladder.text()).toContain("302 Moved Temporarily INVITE");
    await shot("virtual");
    expect(await faults(page)).toEqual([]);
    await button("Go on").click();
    await button("Answer").first().click();
    await screen("Talking to the door");
    await button("Hang up").first().click();
    await page.getByLabel("Real time").check();
    await page.getByLabel("Indoor phones").selectOption("1");
    await page.getByLabel("Proxy and registrar").check();
    await button("Make the house anew").click();
    await button("Pause").waitFor({ state: "detached" });
  });

  it("hears phones 2 to 4, each the visitor whom it answers", async () => {
    await tab("Setup");
    await page.getByLabel("Indoor phones").selectOption("4");
    await button("Make the house anew").click();
    await page.getByRole("radio", { name: "At phone 4" }).waitFor();
    const { page: visitor } = await openPage(browser, simulator.url);
    await visitor.getByRole("radio", { name: "At the door" }).check();
    await visitor.getByText("Live: you are heard").waitFor();
    for (const n of [2, 3, 4]) {
      await page.getByRole("radio", { name: "At phone " + n }).check();
      await button("Ring").click();
      const phone = page
        .getByRole("list", { name: "Other phones" })
        .getByRole("listitem")
        .nth(n - 2);
      await phone.getByRole("button", { name: "Answer" }).click();
      const tone = await until(
        () => heard(page),
        ({ hz, db }) => db > -50 && Math.abs(hz - MICROPHONE_HZ) < 15,
      );
      expect(Math.abs(tone.hz - MICROPHONE_HZ), "phone " + n).toBeLessThan(15);
      await phone.getByRole("button", { name: "Hang up" }).click();
      await until(
        () => heard(page),
        ({ db }) => db < -80,
      );
    }
    await shot("phones");
    await visitor.close();
    await page.getByRole("radio", { name: "Off" }).check();
    await page.getByLabel("Indoor phones").selectOption("1");
    await button("Make the house anew").click();
    await page.getByRole("list", { name: "Other phones" }).waitFor({ state: "detached" });
  });

  it("speaks Chinese, is dark, and fits a tablet and a telephone", async () => {
    await page.getByLabel("Theme").selectOption("dark");
    await button("Ring").click();
    await button("Answer").click();
    await screen("Talking to the door");
    await page.waitForTimeout(1500);
    await tab("Network");
    await shot("dark");
    expect(await faults(page)).toEqual([]);
    await page.getByLabel("Language").selectOption("zh");
    await page.getByRole("heading", { name: "门口", exact: true }).waitFor();
    await shot("zh");
    expect(await page.getAttribute("html", "lang")).toBe("zh-CN");
    await page.getByLabel("语言").selectOption("en");
    await page.getByLabel("Theme").selectOption("light");
  });

  it.each([
    [1024, 768],
    [390, 844],
  ])("fits a window of %i × %i, in every view", async (width, height) => {
    await page.setViewportSize({ width, height });
    // Whoever comes for the first time sees the door.
    await page.evaluate(() => localStorage.removeItem("portero.tab"));
    await page.reload();
    await button("Ring").waitFor();
    for (const name of ["House", "Ladder", "Network", "Console", "Settings", "Inside", "Setup"]) {
      if (name === "House" && width > 760) continue;
      await tab(name);
      await page.waitForTimeout(400);
      await shot(width + "-" + name.toLowerCase());
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide, width + " " + name).toBeLessThanOrEqual(0);
      expect(await faults(page), width + " " + name).toEqual([]);
    }
    if (width < 760) await tab("House");
    await screen("Talking to the door");
  });

  it("has thrown nothing meanwhile", () => {
    expect(errors).toEqual([]);
  });

  it("says that the simulator has stopped, and comes back with it", async () => {
    await page.setViewportSize({ width: 1440, height: 900 });
    const port = Number(new URL(simulator.url).port);
    await simulator.stop();
    await page.getByRole("alert").filter({ hasText: "The simulator has stopped" }).waitFor();
    await shot("stopped");
    simulator = await simulate([], port);
    await page.getByRole("alert").waitFor({ state: "detached" });
    await screen("Ready");
  });
});

describe("without a microphone", () => {
  it("hears, and says why a recorded voice speaks", async () => {
    const deaf = await openBrowser(false);
    const { page: mute } = await openPage(deaf, simulator.url);
    await mute.getByRole("radio", { name: "At the phone" }).check();
    await mute
      .getByText(/a recorded voice speaks for you: (the browser has no permission|no microphone was found)/)
      .waitFor();
    await deaf.close();
  });
});
