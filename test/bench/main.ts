/**
 * Benchmarks on Node: `npm run bench`, with `-- --json` for programs, `-- --check` to fail when they fell (check.ts);
 * `npm run bench -- server` runs those that need other programs, with `-- server tls` those by TLS alone and with
 * `-- server memory` those of memory, `npm run bench -- sound` measures the sound (sound/main.ts), `npm run bench --
 * panel` the cost of a frame of the panel, and `npm run bench -- storm` how fast many doors register at once
 * (storm.ts).
 */
import { problemsOf, record } from "./check.js";
import { bytesEach, print, type Result } from "./harness.js";
import { keepAliveBenchmarks } from "./keepalive.js";
import { overloadBenchmarks } from "./overload.js";
import { parseBenchmarks } from "./parse.js";
import { SoundLoop } from "./rtp-bytes.js";
import { memoryBenchmarks, serverBenchmarks } from "./server.js";
import { serverTlsBenchmarks } from "./servertls.js";
import { outOfBounds, soundBenchmarks } from "./sound/main.js";
import { stormBenchmark } from "./storm.js";

function streamBenchmarks(): Result[] {
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

const words = process.argv.slice(2);
if (words.includes("sound")) {
  const results = await soundBenchmarks(words);
  print(results, words.includes("--json"));
  const problems = outOfBounds(results);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
} else if (words.includes("storm")) stormBenchmark(words.includes("--write"));
else if (words.includes("panel")) {
  // Playwright is loaded for this benchmark only.
  const { panelBenchmarks } = await import("./panel.js");
  print(await panelBenchmarks(), words.includes("--json"));
} else {
  const results: Result[] = words.includes("server")
    ? words.includes("tls")
      ? await serverTlsBenchmarks()
      : words.includes("memory")
        ? await memoryBenchmarks()
        : [...(await serverBenchmarks()), ...(await overloadBenchmarks()), ...(await serverTlsBenchmarks())]
    : // Other parsers leave a heap on which little can be measured, so they come last.
      [...streamBenchmarks(), ...keepAliveBenchmarks(), ...(await parseBenchmarks())];
  print(results, words.includes("--json"));
  if (words.includes("--record")) record(results);
  if (words.includes("--check")) {
    const problems = problemsOf(results);
    for (const problem of problems) console.error(problem);
    if (problems.length > 0) process.exitCode = 1;
  }
}
