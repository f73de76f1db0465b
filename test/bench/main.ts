/** All benchmarks on Node: `npm run bench`, with `-- --json` for programs. */
import { bytesEach, print, type Result } from "./harness.js";
import { keepAliveBenchmarks } from "./keepalive.js";
import { parseBenchmarks } from "./parse.js";
import { SoundLoop } from "./rtp-bytes.js";

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

// The parsers of others leave a heap on which little can be measured: they come last.
const results: Result[] = [...soundBenchmarks(), ...keepAliveBenchmarks(), ...parseBenchmarks()];
print(results, process.argv.includes("--json"));
