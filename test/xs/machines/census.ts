/** Prints what each part of the program holds when it is made, as `name slots chunks`, for `npm run bench:xs`. */
import type { Device } from "../../../hal/device.js";
import { Timers } from "../../../src/core/timers.js";
import { Dialog } from "../../../src/dialog/dialog.js";
import { DESCRIPTION_BYTES, Negotiation, NegotiationSettings } from "../../../src/dialog/negotiation.js";
import { DOOR_LIMITS, stationTimers } from "../../../src/driver/limits.js";
import { Paging } from "../../../src/driver/paging.js";
import { EventQueue } from "../../../src/links/eventqueue.js";
import { Hook } from "../../../src/links/hook.js";
import { LocalNames } from "../../../src/links/localnames.js";
import { Mqtt } from "../../../src/links/mqtt.js";
import { type LinkParts, SCRATCH_BYTES, Scratch } from "../../../src/links/parts.js";
import { Responder } from "../../../src/links/responder.js";
import { Syslog } from "../../../src/links/syslog.js";
import { JITTER_LIMITS, JitterBuffer } from "../../../src/media/jitter.js";
import { MediaStream } from "../../../src/media/stream.js";
import { People } from "../../../src/people/people.js";
import { Settings } from "../../../src/settings/settings.js";
import { TransactionLayer } from "../../../src/transaction/layer.js";
import { Account } from "../../../src/ua/account.js";
import type { CallContext } from "../../../src/ua/call.js";
import { Credentials } from "../../../src/ua/credentials.js";
import { Redirects } from "../../../src/ua/redirects.js";
import { SecondAccount } from "../../../src/ua/secondaccount.js";
import { UserAgent } from "../../../src/ua/useragent.js";
import { Digest } from "../../../src/wire/digest.js";
import { MdnsWriter } from "../../../src/wire/mdns.js";
import { Message } from "../../../src/wire/message.js";
import { Uri } from "../../../src/wire/uri.js";
import { Writer } from "../../../src/wire/writer.js";
import { SeededRandom } from "../../random.js";
import { hostOf, inhabit } from "./host.js";
import { Flash, populate } from "./residents.js";

const host = hostOf();
// It is kept, so that the collection does not take it.
let kept: unknown;
const MEAN_OF = 4;

function take(name: string, make: () => unknown): void {
  kept = null;
  host.collect();
  const slots = host.slots();
  const chunks = host.chunks();
  kept = make();
  host.collect();
  host.print(name + " " + (host.slots() - slots) + " " + (host.chunks() - chunks));
}

/** Takes the mean of several, since small arrays share buffers of 512 octets (core/arrays.ts). */
function takeMean(name: string, make: () => unknown): void {
  const several: unknown[] = [];
  for (let i = 0; i < MEAN_OF; i++) several.push(null);
  kept = null;
  host.collect();
  const slots = host.slots();
  const chunks = host.chunks();
  for (let i = 0; i < MEAN_OF; i++) several[i] = make();
  kept = several;
  host.collect();
  const mean = (value: number) => " " + Math.ceil(value / MEAN_OF);
  host.print(name + mean(host.slots() - slots) + mean(host.chunks() - chunks));
}

const settings = {
  user: "door",
  authUser: "",
  password: "secret",
  realm: "",
  displayName: "",
  domain: "10.0.0.2",
  proxy: "",
  register: true,
  expiresS: 600,
  transport: 1,
  codecs: [0, 8],
  ringTimeMs: 60000,
  silenceTimeMs: 60000,
  sessionExpiresS: 1800,
  minSeS: 90,
  rtpPort: 16384,
};

function load(people: People): People {
  people.load();
  return people;
}

inhabit({
  start() {
    const random = new SeededRandom(1);
    const nobody = {} as never;
    const limits = DOOR_LIMITS;
    const timers = () => new Timers(stationTimers(limits));
    take("nothing", () => null);
    take("Timers", timers);
    take("Settings", () => new Settings());
    take("Message", () => new Message(limits.headerRows));
    take("Uri", () => new Uri());
    take("Digest", () => new Digest());
    take("Account", () => new Account(settings));
    take("Credentials", () => new Credentials(random));
    take("Dialog", () => new Dialog(limits.dialogBytes));
    take(
      "Negotiation",
      () => new Negotiation(new NegotiationSettings(new Uint8Array(DESCRIPTION_BYTES), new Writer()), random),
    );
    take("Redirects", () => new Redirects());
    take("JitterBuffer", () => new JitterBuffer(JITTER_LIMITS));
    const clock = timers();
    take("MediaStream", () => new MediaStream({ timers: clock, random }, nobody, nobody));
    const clock2 = timers();
    take("TransactionLayer", () => new TransactionLayer({ timers: clock2, random, network: nobody, limits }, nobody));
    const clock3 = timers();
    take(
      "UserAgent",
      () => new UserAgent(settings, { limits, timers: clock3, random, network: nobody, sound: nobody }, nobody),
    );
    const clock4 = timers();
    const layer = new TransactionLayer({ timers: clock4, random, network: nobody, limits }, nobody);
    const first = { layer, timers: clock4, random } as unknown as CallContext;
    take("SecondAccount", () => new SecondAccount(first, nobody, limits, nobody));
    const links = timers();
    const given = new Settings();
    for (const line of [
      "mqtt.server=10.0.0.3",
      "syslog.server=10.0.0.3",
      "syslog.transport=tcp",
      "hook.url=http://10.0.0.3/door",
      "hook.secret=secret",
    ])
      given.assign(line);
    const device = { relays: [], wifi: null, restart: null, random } as unknown as Device;
    const common = {
      device,
      station: nobody,
      settings: given,
      timers: links,
      events: nobody,
      orders: nobody,
      api: nobody,
    };
    const scratch = new Scratch(new Uint8Array(SCRATCH_BYTES));
    const queue = new EventQueue();
    const link: LinkParts = { ...common, scratch, queue, version: "0.1.0" };
    take("EventQueue", () => new EventQueue());
    take("Syslog", () => new Syslog(link));
    take("Hook", () => new Hook(link));
    take("Mqtt", () => new Mqtt(link));
    const ofNames = { now: () => 0, epochS: () => 0, createTimer: () => ({ at: () => {}, stop: () => {} }) };
    const quiet = { onName: () => {}, onTrouble: () => {}, onNoName: () => {}, send: () => {} };
    const hardware = { clock: ofNames, random, udp: nobody, resolver: nobody };
    const writer = new MdnsWriter();
    const services = [{ type: "_sip._udp", port: 5060, text: "" }];
    take("LocalNames", () => new LocalNames({ ...quiet, device: hardware, ip: 1 }));
    take("Responder", () => new Responder({ ...quiet, clock: ofNames, random, writer, name: "door", ip: 1, services }));
    take("Paging", () => new Paging(nobody, timers(), nobody));
    const empty = new Flash();
    const flash = new Flash();
    populate(flash, given, limits.people);
    takeMean("People(0)", () => load(new People(empty, given, random, limits.people)));
    takeMean("People(50)", () => load(new People(flash, given, random, limits.people)));
    kept = null;
    host.quit(kept === null ? 0 : 1);
  },
});
