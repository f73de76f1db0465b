/**
 * The cost of a frame of the panel in Chromium when the ladder has 2,000 messages and another comes: script, style and
 * layout, as the browser counts them. `npm run bench -- panel`; needs Chromium. Not here: the content of the page
 * (test/panel).
 */
import { openBrowser, openPage, simulate } from "../panel/browser.js";
import { median, type Result } from "./harness.js";

const ROWS = 2000;
const FRAMES = 120;

/** Is run in the page: adds `count` messages, as the simulator sends them. */
const add = (first: number, count: number): string => `{
  const items = Array.from({ length: ${count} }, (_, i) => ({
    kind: "message", id: ${first} + i, t: ${first} + i, from: i % 2 ? "server" : "door", to: i % 2 ? "door" : "server", isTcp: false,
    isAgain: false, text: i % 2 ? "200 OK OPTIONS" : "OPTIONS sip:house", status: i % 2 ? 200 : 0, method: "OPTIONS",
    call: "c" + (i >> 1), cseq: "1 OPTIONS",
  }));
  portero.link.take({ type: "items", items, now: ${first} });
}
new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))`;

export async function panelBenchmarks(): Promise<Result[]> {
  const simulator = await simulate();
  const browser = await openBrowser(true);
  try {
    const { page } = await openPage(browser, simulator.url);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable");
    const spentMs = async (): Promise<number> => {
      const { metrics } = await devtools.send("Performance.getMetrics");
      const wanted = ["ScriptDuration", "LayoutDuration", "RecalcStyleDuration"];
      return metrics.reduce((sum, { name, value }) => (wanted.includes(name) ? sum + value * 1000 : sum), 0);
    };
    let next = 1_000_000;
    await page.evaluate(add(next, ROWS));
    next += ROWS;
    const frames: number[] = [];
    for (let i = 0; i < FRAMES; i++) {
      const before = await spentMs();
      await page.evaluate(add(next++, 1));
      frames.push((await spentMs()) - before);
    }
    return [
      { name: "panel.frame", value: Math.round(median(frames) * 100) / 100, unit: "ms of script, style and layout" },
    ];
  } finally {
    await browser.close();
    await simulator.stop();
  }
}
