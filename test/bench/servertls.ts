/**
 * Our server and Kamailio by TLS, in turns within one run, with the same certificate and the same load: registrations
 * over a connection that lasts, calls through the proxy from INVITE to BYE over two of them, and registrations with a
 * connection and a whole handshake for each. `npm run bench -- server tls`. The processor time of the server counts,
 * and a ratio is taken within a round: what a busy machine reaches in a second says little, so it is not told.
 */
import { Authority } from "../certificates.js";
import { Crowd, type Load } from "../interop/crowd.js";
import { endAll, HOST, isInstalled, PACKAGES } from "../interop/programs.js";
import { median, type Result } from "./harness.js";
import { type Contender, kamailio, measure, ours } from "./server.js";

const ROUNDS = 3;
const USERS = 500;
const TRANSACTIONS = 8000;
const REGISTER: Load = { total: 20 * USERS, rate: 50_000, atOnce: 50, timeoutS: 100, mayFail: 50 };
const AFRESH: Load = { ...REGISTER, total: 4 * USERS, mayFail: 20 };
const CALL: Load = { total: 10 * USERS, rate: 50_000, atOnce: 50, timeoutS: 100, mayFail: 50 };

/** A registration with a connection of its own leaves a contact, and there has to be room for all of them. */
const BINDINGS = 10 * USERS;
const ROWS = ["server.tls.register", "server.tls.call", "server.tls.handshake"] as const;
const UNITS: Record<(typeof ROWS)[number], string> = {
  "server.tls.register": "registrations/s of processor time",
  "server.tls.call": "calls/s of processor time",
  "server.tls.handshake": "registrations with a handshake each/s of processor time",
};

/** @returns what one of them does in a second of its processor time, in the order of ROWS */
async function turn(start: typeof ours | typeof kamailio, authority: Authority): Promise<number[]> {
  const certificate = authority.issue({ names: "IP:" + HOST });
  const crowd = new Crowd(USERS, "tls");
  try {
    const server: Contender = await start(crowd, TRANSACTIONS, 0, BINDINGS, certificate);
    const { port } = server;
    // The first of each kind are not measured: a program that is compiled while it runs gets faster at first.
    await crowd.register(port, { ...REGISTER, total: 4 * USERS });
    const kept = await measure(server, REGISTER.total, () => crowd.register(port, REGISTER));
    await crowd.answer();
    await crowd.call(port, { ...CALL, total: USERS });
    const calls = await measure(server, CALL.total, () => crowd.call(port, CALL));
    // These come last, because the contacts that they leave would be called too.
    await crowd.registerAfresh(port, { ...AFRESH, total: USERS });
    const afresh = await measure(server, AFRESH.total, () => crowd.registerAfresh(port, AFRESH));
    return [kept.work, calls.work, afresh.work];
  } finally {
    crowd.close();
    await endAll();
  }
}

/** @throws Error of one line if a program is missing, or if no round came to its end */
export async function serverTlsBenchmarks(): Promise<Result[]> {
  const missing = (["sipp", "kamailio", "openssl"] as const).filter((program) => !isInstalled(program));
  if (missing.length > 0)
    throw new Error("bench server tls needs Debian's " + missing.map((name) => PACKAGES[name]).join(", "));
  const authority = new Authority();
  const rounds: { our: number[]; their: number[] }[] = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      try {
        rounds.push({ our: await turn(ours, authority), their: await turn(kamailio, authority) });
      } catch (error) {
        // The other rounds still say something.
        process.stderr.write("server.tls: round " + (round + 1) + " is left out: " + (error as Error).message + "\n");
      }
    }
  } finally {
    authority.remove();
  }
  if (rounds.length === 0) throw new Error("bench server tls: no round came to its end");
  return ROWS.flatMap((name, i): Result[] => {
    const ratios = rounds.map(({ our, their }) => our[i] / their[i]);
    const low = Math.min(...ratios);
    const high = Math.max(...ratios);
    const value = median(rounds.map(({ our }) => our[i]));
    return [
      { name, value, unit: UNITS[name], peer: "kamailio", ratio: median(ratios), low, high },
      { name: name + ".kamailio", value: median(rounds.map(({ their }) => their[i])), unit: UNITS[name] },
    ];
  });
}
