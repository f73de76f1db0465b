/**
 * Puts bindings into a store as fast as it takes them, and prints each confirmed one, until it is killed. Usage:
 * putter.ts FOLDER ROUND
 */
import { FileLocation } from "../../../host-sim/server/file-store.js";
import { octets, Span } from "../../../src/core/bytes.js";
import { Timers } from "../../../src/core/timers.js";
import { Bindings, DayClock, LOCATION_OK } from "../../../src/server/location.js";
import { MemoryLocation } from "../../../src/server/memory.js";

const [folder, round] = process.argv.slice(2);
const clock = new DayClock(new Timers(1));
const memory = new MemoryLocation(clock, { chunks: 512, recordBytes: 4096 });
const nothing = (): void => {};
const store = new FileLocation(folder, memory, clock, { before: nothing, after: nothing, onState: nothing });
let count = Number(round) * 1_000_000;

function spanOf(value: string): Span {
  const span = new Span();
  span.set(octets(value), 0, octets(value).length);
  return span;
}

function put(user: number): void {
  const aor = "user" + user + "@x";
  const contact = "sip:phone" + ++count + "@b";
  const onBindings = (_token: number, _result: number, old: Bindings): void => {
    const list = new Bindings();
    list.startRecord(new Uint8Array(512), old.version);
    list.expiresS = 1000;
    const uri = spanOf(contact);
    list.contact.set(uri.bytes, uri.start, uri.end);
    list.addBinding();
    const onUpdated = (_: number, result: number): void => {
      if (result === LOCATION_OK) process.stdout.write(aor + " " + contact + "\n");
      put(user);
    };
    store.replaceBindings(spanOf(aor), list, { onBindings: nothing, onUpdated }, 0);
  };
  store.findBindings(spanOf(aor), { onBindings, onUpdated: nothing }, 0);
}

for (let user = 0; user < 10; user++) put(user);
