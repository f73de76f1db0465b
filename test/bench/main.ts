/** All benchmarks on Node: `npm run bench`, with `-- --json` for programs. */
import { print, type Result } from "./harness.js";
import { keepAliveBenchmarks } from "./keepalive.js";
import { parseBenchmarks } from "./parse.js";
import { rtpBytes } from "./rtp-bytes.js";

function soundBenchmarks(): Result[] {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) throw new Error("run node with --expose-gc");
  const { packet } = rtpBytes(collect, 0x0a000002, 0);
  return [{ name: "rtp.bytes", value: packet, unit: "bytes/packet received and sent" }];
}

const results: Result[] = [...parseBenchmarks(), ...soundBenchmarks(), ...keepAliveBenchmarks()];
print(results, process.argv.includes("--json"));
