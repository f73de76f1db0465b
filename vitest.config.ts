/**
 * Every test that needs nothing but npm packages. The tests against other programs and on
 * whole machines have configurations of their own: test/interop, test/emulated.
 */
import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";

/** Tests of the core alone, which keeps nothing outside of its objects. */
const CORE =
  "test/{wire,core,dialog,media,transaction,ua,server,settings,people,intercom,console,driver,links,conformance,cases,sweep}/**/*.test.ts";
/** They measure what the heap has. */
const MEMORY = "test/**/*memory.test.ts";
/**
 * What takes long by its nature: `npm run test:long`. All else is `npm test`, which is to end within a minute. What is
 * in either, and why, is in docs/verification.md.
 */
const LONG = [
  // They try cases by the thousand.
  "test/sweep/**/*.test.ts",
  "test/intercom/{who-may,one-for-one,call-goes-over-any-order}.test.ts",
  "test/settings/accepted-values.test.ts",
  "test/host-sim/credentials.test.ts",
  "test/hal/nvs.test.ts",
  // They need minutes of sound, or of calls.
  "test/media/{echo,inband,network}.test.ts",
  "test/driver/echocontrol.test.ts",
  "test/server/{overload,shares,storm}.test.ts",
  "test/ua/{registered-again,strangers}.test.ts",
  "test/intercom/press-any-time.test.ts",
  // It waits in real time.
  "test/host-sim/server/silent-connections.test.ts",
  // They compile C under sanitizers, or a machine of XS.
  "test/hal/{certificate,echo,headlines,headreader,keyedhash,native,octets,packetcipher,queue,wiegand}.test.ts",
  "test/xs/**/*.test.ts",
  // They start programs as a person does: by git, npm, tsx and a terminal.
  "test/host-sim/{first-day,npm,terminal}.test.ts",
  // They count octets on the heap, each in a process of its own.
  MEMORY,
];

/** They start programs, or wait for real connections and files: `npm run test:long` too. */
const PROGRAMS = [
  "test/host-sim/{bad-input,cli,config,real-servers,sound-problems,streams}.test.ts",
  "test/host-sim/config/backup.test.ts",
  "test/host-sim/io/{doorlistener,links-tls,tcp,tls,tls-in-call}.test.ts",
  "test/host-sim/panel/{parts,server}.test.ts",
  "test/host-sim/server/{fail2ban,file-store,http,output,redis,server,tools}.test.ts",
  "test/host-sim/world/pcap.test.ts",
  "test/firmware/check.test.ts",
];

/** They put other modules in the place of the board's, each in a process of its own: `npm run test:long` too. */
const MOCKING = [
  "test/firmware/{audio-kit,keypad,link,main,relays,uart,usb,wired,without}.test.ts",
  "test/hal/crypthash.test.ts",
];
/**
 * Node loads the modules, by tsx, which keeps what it has compiled: a tenth of the processor time less than by vite.
 */
const BY_NODE = { experimental: { viteModuleRunner: false, nodeLoader: false }, execArgv: ["--import", "tsx"] };

export default defineConfig({
  test: {
    // For a machine that is busy with other things too.
    testTimeout: 60_000,
    // One less than there are processors would be one of two.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        extends: true,
        test: {
          name: "core",
          include: [CORE],
          exclude: [...configDefaults.exclude, ...LONG],
          ...BY_NODE,
          // The files of a worker share what they import: a quarter of the time would be compiling it anew.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: "machine",
          include: ["test/*.test.ts", "test/{host-sim,firmware,hal,rv,bench}/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...LONG, ...PROGRAMS, ...MOCKING],
          ...BY_NODE,
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: "programs", include: PROGRAMS, ...BY_NODE, isolate: false },
      },
      {
        extends: true,
        test: { name: "alone", include: MOCKING },
      },
      {
        extends: true,
        // In processes of their own too, for those that measure the heap.
        test: { name: "long", include: LONG, testTimeout: 180_000 },
      },
      // By `npm run test:long` too. What happens at a door, once more with the limits of the smallest board, where
      // those can matter.
      {
        extends: true,
        test: {
          name: "plain board",
          include: [
            "test/intercom/call-goes-over.test.ts",
            "test/intercom/door-stays-open.test.ts",
            "test/intercom/owner-opens-the-door.test.ts",
            "test/intercom/press-any-time.test.ts",
            "test/intercom/someone-calls-the-door.test.ts",
            "test/intercom/visitor-rings-a-house.test.ts",
          ],
          env: { BOARD: "generic_esp32" },
        },
      },
    ],
  },
});
