/**
 * Tests a ladder of 100,000 rows in Chromium, the look of timers and roles, and how a phone of one's own gets into the
 * house.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faults, openBrowser, openPage, type Simulator, simulate } from "./browser.js";

const SHOTS = join(import.meta.dirname, "../../build/panel-shots");
mkdirSync(SHOTS, { recursive: true });
const ROWS = 100_000;

let simulator: Simulator;
let browser: Browser;
let page: Page;
let errors: string[];

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
const drawn = () => page.locator(".rung").count();
const filter = () => page.locator(".ladder select").first();

describe.sequential("a phone of one's own", () => {
  it("finds on the page what it needs to call and to register, in both languages and themes", async () => {
    await tab("Setup");
    expect(await page.locator(".qr path").count()).toBe(2);
    await page.getByText("sip:softphone@127.0.0.1:").waitFor();
    await page.getByText("No phone of yours is registered.").waitFor();
    const password = page.locator(".softphone dt", { hasText: "Password" }).locator("xpath=following-sibling::dd");
    expect(await password.textContent()).toMatch(/^[0-9a-z]{8,}$/);
    await page.locator(".qr").last().scrollIntoViewIfNeeded();
    await shot("softphone");
    expect(await faults(page)).toEqual([]);
    // The box shows what the house has, a moment later.
    const ring = (checked: boolean) => page.getByRole("checkbox", { name: "The door rings it, too", checked });
    await ring(false).click();
    await ring(true).waitFor();
    await page.getByLabel("Theme").selectOption("dark");
    await page.getByLabel("Language").selectOption("zh");
    await page.getByText("您的电话尚未注册。").waitFor();
    await shot("softphone-zh-dark");
    expect(await faults(page)).toEqual([]);
    await page.getByLabel("语言").selectOption("en");
    await page.getByLabel("Theme").selectOption("light");
    await ring(true).click();
    await ring(false).waitFor();
  });

  it("hangs the door up in a lobby, which the command says", async () => {
    await page.getByLabel(/^Lobby/).check();
    await button("Make the house anew").click();
    await tab("Network");
    await page.locator(".command", { hasText: "--room lobby" }).waitFor();
  });
});

describe.sequential("a ladder", () => {
  it("shows digits in INFO requests, and colours by role", async () => {
    await button("Ring").click();
    await button("Answer").click();
    await page.locator(".screen-state", { hasText: "Talking to the door" }).waitFor();
    await page.getByLabel("Digits go as").selectOption("info");
    await button("Digit 5").click();
    await page.getByRole("option", { name: /phone to server: INFO/ }).waitFor();
    await page.getByLabel("Colour").selectOption("role");
    await page.locator(".role-key", { hasText: "registrar" }).waitFor();
    await shot("roles");
    expect(await faults(page)).toEqual([]);
    await page.getByLabel("Colour").selectOption("kind");
    await page.getByLabel("Digits go as").selectOption("dtmf");
    await button("Hang up").click();
    await button("Call the door").waitFor();
  });

  it("marks the timers of an INVITE that nobody answers", async () => {
    await tab("Network");
    await page.getByLabel("Server down").check();
    await button("Ring").click();
    await page
      .getByRole("option", { name: /again, Timer A/ })
      .first()
      .waitFor();
    await shot("timers");
    await page.getByLabel("Server down").uncheck();
    await button("Ring").click();
  });

  it("has 100,000 rows, draws those in sight, and takes filters, keys and the next rows", async () => {
    const most = await page.evaluate((rows) => {
      interface Row {
        kind: string;
        id: number;
      }
      const { link } = (window as unknown as { portero: { link: { items: Row[]; take(message: unknown): void } } })
        .portero;
      const message = link.items.find(({ kind }) => kind === "message");
      const items = Array.from({ length: rows }, (_, i) => ({
        ...message,
        id: 1_000_000 + i,
        t: i,
        call: "call-" + Math.floor(i / 10),
        method: i % 10 === 0 ? "INVITE" : "OPTIONS",
        text: "row " + i,
      }));
      link.take({ type: "items", items, now: rows });
      return link.items.length;
    }, ROWS);
    expect(most).toBeGreaterThan(ROWS);
    await page.getByRole("option", { name: /row 99999/ }).waitFor();
    expect(await drawn()).toBeLessThan(100);
    const list = page.getByRole("listbox");
    await list.press("Home");
    await page.locator(".rung.chosen").waitFor();
    expect(await drawn()).toBeLessThan(100);
    await button("Close").click();
    await list.evaluate((element) => {
      element.scrollTop = element.scrollHeight / 2;
    });
    await page
      .getByRole("option", { name: /row [45]\d{4}/ })
      .first()
      .waitFor();
    expect(await drawn()).toBeLessThan(100);
    await filter().selectOption("call call-9999");
    await page.getByText("10 rows").waitFor();
    await filter().selectOption("all");
    await shot("long");
    // New rows still come to the end of the list.
    await button("Ring").click();
    await page
      .getByRole("option", { name: /INVITE sip:phone/ })
      .first()
      .waitFor();
    expect(await drawn()).toBeLessThan(100);
    expect(errors).toEqual([]);
  });
});
