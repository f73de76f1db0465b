/** Benchmarks on Node: `npm run bench`, with `-- --json` for programs; `npm run bench -- server` are those that need other programs. */
import { bytesEach, print, type Result } from "./harness.js";
import { keepAliveBenchmarks } from "./keepalive.js";
import { overloadBenchmarks } from "./overload.js";
import { parseBenchmarks } from "./parse.js";
import { SoundLoop } from "./rtp-bytes.js";
import { serverBenchmarks } from "./server.js";

function soundBenchmarks(): Result[] {
  const loop = new SoundLoop(0x0a000002, 0, 0);
  const contender = {
    name: "rtp",
    run: (times: number) => {
      loop.run(times);
      return times;
    },
  };
  return [{ name: "rtp.bytes", value: bytesEach(contender, 100000), unit: "bytes/packet received and sent" }];
}

const results: Result[] = process.argv.includes("server")
  ? [...(await serverBenchmarks()), ...(await overloadBenchmarks())]
  : // The parsers of others leave a heap on which little can be measured: they come last.
    [...soundBenchmarks(), ...keepAliveBenchmarks(), ...parseBenchmarks()];
print(results, process.argv.includes("--json"));
