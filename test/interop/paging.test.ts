/**
 * Tests an announcement by multicast with ffmpeg as its sender, in a network that has loopback only: it is played as it
 * was sent, ends by itself, and a call goes before it.
 */
import { expect, it } from "vitest";
import { freePorts } from "../ports.js";
import { Door } from "./door.js";
import { describeWith, HOST, Network, Program } from "./programs.js";
import { expectTone } from "./tones.js";

const GROUP = "239.255.0.1";
const HZ = 1000;
const WITHIN_MS = 20_000;

async function makeNetwork(): Promise<Network> {
  const network = await Network.start();
  expect(await new Program("ip", ["route", "add", "224.0.0.0/4", "dev", "lo"], { network }).exit(WITHIN_MS)).toBe(0);
  return network;
}

/** Sends a tone to the group for so long, as G.711. */
function page(network: Network, port: number, seconds: number, codec = "pcm_mulaw"): Program {
  const tone = `sine=frequency=${HZ}:sample_rate=8000`;
  const to = `rtp://${GROUP}:${port}?localaddr=${HOST}&pkt_size=172`;
  const input = ["-re", "-f", "lavfi", "-i", tone, "-t", String(seconds), "-ac", "1"];
  return new Program("ffmpeg", ["-loglevel", "error", ...input, "-c:a", codec, "-f", "rtp", to], { network });
}

describeWith(["ffmpeg", "ip"], "an announcement by ffmpeg", () => {
  it.each(["pcm_mulaw", "pcm_alaw"])("by %s is played as it was sent", async (codec) => {
    const network = await makeNetwork();
    const port = freePorts();
    const door = await Door.start({
      network,
      set: { "page.address": `${GROUP}:${port}` },
      script: "expect page=ended 60; quit",
    });
    page(network, port, 3, codec);
    await door.expect("page", "started", WITHIN_MS);
    const ended = await door.expect("page", "ended", WITHIN_MS);
    await door.finish();
    expect([ended.reason, ended.lost]).toEqual(["silence", 0]);
    expect(ended.packets).toBeGreaterThanOrEqual(149);
    expectTone(door.heard(), HZ, 3000);
  });

  it("is ended by a call", async () => {
    const network = await makeNetwork();
    const port = freePorts();
    const phone = await Door.start({ network });
    const door = await Door.start({
      network,
      set: { "page.address": `${GROUP}:${port}`, "call.target": phone.uri },
    });
    page(network, port, 30);
    await door.expect("page", "started", WITHIN_MS);
    await door.console("press");
    const ended = await door.expect("page", "ended", WITHIN_MS);
    expect(ended.reason).toBe("a call or a test goes before");
    await door.expect("call", "confirmed");
    await door.console("hangup");
    await door.expect("call", "ended");
  });
});
