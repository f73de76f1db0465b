/** All benchmarks on Node: `npm run bench`, with `-- --json` for programs. */
import { print, type Result } from "./harness.js";
import { parseBenchmarks } from "./parse.js";

const results: Result[] = [...parseBenchmarks()];
print(results, process.argv.includes("--json"));
