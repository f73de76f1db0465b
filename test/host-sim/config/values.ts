/** Values that the schema of the settings accepts, of any type, as fast-check draws them. */
import fc from "fast-check";
import { check } from "../../../src/settings/check.js";
import {
  SCHEMA,
  type Setting,
  TYPE_ADDRESS,
  TYPE_CHOICE,
  TYPE_DECIMAL,
  TYPE_DEVICE_ADDRESS,
  TYPE_DIGITS,
  TYPE_GROUP,
  TYPE_HOST,
  TYPE_HOURS,
  TYPE_LABEL,
  TYPE_LIST,
  TYPE_MASK,
  TYPE_NAME,
  TYPE_NUMBER,
  TYPE_PIN,
  TYPE_PLAN,
  TYPE_SWITCH,
  TYPE_TARGET,
  TYPE_TIME,
  TYPE_TOPIC,
  TYPE_URL,
  TYPE_ZONE,
} from "../../../src/settings/schema.js";
import { Settings } from "../../../src/settings/settings.js";

const address = fc.ipV4();
const digit = fc.constantFrom(..."0123456789");
const text = fc.oneof(
  fc.string({ maxLength: 24 }),
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom("", "=x", "set sip.name x", "# none", "a --json", '"T\u00fcr" \\ 2', "{}", "true", "  in between  x"),
);

function candidates(setting: Setting): fc.Arbitrary<string> {
  const { type, min, max, choices } = setting;
  switch (type) {
    case TYPE_NUMBER:
      return fc.integer({ min, max }).map(String);
    case TYPE_DECIMAL:
      return fc.integer({ min: min * 1000, max: max * 1000 }).map((value) => String(value / 1000));
    case TYPE_CHOICE:
    case TYPE_SWITCH:
      return fc.constantFrom(...choices);
    case TYPE_LIST:
      return fc.shuffledSubarray([...choices], { minLength: 1 }).map((some) => some.join(","));
    case TYPE_DIGITS:
      return fc
        .array(fc.string({ unit: digit, minLength: min, maxLength: max }), { maxLength: 3 })
        .map((codes) => codes.join(","));
    case TYPE_ADDRESS:
      return address;
    case TYPE_DEVICE_ADDRESS:
      return fc.oneof(address, fc.constant(""));
    case TYPE_MASK:
      return fc.constantFrom("", "255.255.255.0", "255.0.0.0");
    case TYPE_NAME:
      return fc.stringMatching(/^[A-Za-z0-9_.+-]{0,20}$/);
    case TYPE_PIN:
      return fc.constantFrom("", "0123456789abcdef".repeat(4));
    case TYPE_URL:
      return fc.constantFrom("", `${choices[0]}://192.0.2.7:8123/a?b=c`);
    case TYPE_TOPIC:
      return fc.constantFrom("portero", "house/door-1");
    case TYPE_LABEL:
      return fc.constantFrom("", "door", "House-2");
    case TYPE_GROUP:
      return fc.constantFrom("", "239.255.0.1:5004", "224.0.1.75:65534");
    case TYPE_HOST:
      return fc.oneof(fc.domain(), address, fc.constantFrom("", "example.org:5070", "192.0.2.7:5060"));
    case TYPE_TARGET:
      return fc.oneof(text, fc.constantFrom("", "200", "sip:a@192.0.2.7;transport=tcp", "sip:bob@example.org"));
    case TYPE_PLAN:
      return fc.constantFrom("", "200,201 20s > sip:guard@192.0.2.7 15s", "group:house", "sip:a@b > 7");
    case TYPE_ZONE:
      return fc.constantFrom("UTC0", "Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3");
    case TYPE_HOURS:
      return fc.constantFrom("", "07:00-22:00", "mon-fri 07:00-12:00 13:00-22:00, sat 09:00-13:00");
    case TYPE_TIME:
      return fc.constantFrom("off", "03:30", "00:00", "23:59");
    default:
      return min > 0 ? fc.oneof(text, fc.string({ minLength: min, maxLength: max })) : text;
  }
}

/** A value in the form in which it is kept. A type without values of its own would make the filter search for ever. */
export function accepted(setting: Setting): fc.Arbitrary<string> {
  const values = candidates(setting).map((value) => check(setting, value));
  const some = fc.sample(values, { seed: 1, numRuns: 100 });
  if (some.filter((value) => value !== null && value !== "").length < 10)
    throw new Error(`${setting.key}: draw values that its type takes`);
  return values.filter((value) => value !== null);
}

const FIXED: Record<string, string>[] = [
  { "wifi.ip": "", "wifi.mask": "", "wifi.gateway": "", "wifi.dns": "", "net.address": "127.0.0.1" },
  {
    "wifi.ip": "192.168.1.20",
    "wifi.mask": "255.255.255.0",
    "wifi.gateway": "192.168.1.1",
    "wifi.dns": "9.9.9.9",
    "net.address": "0.0.0.0",
  },
];

/** Values of all keys, which can be saved together. */
export const allSettings: fc.Arbitrary<Settings> = fc
  .tuple(fc.tuple(...SCHEMA.map(accepted)), fc.constantFrom(...FIXED))
  .map(([values, network]) => {
    const settings = new Settings();
    for (const [i, { key }] of SCHEMA.entries()) settings.set(key, values[i]);
    for (const [key, value] of Object.entries(network)) settings.set(key, value);
    return settings;
  })
  .filter((settings) => Buffer.byteLength(settings.save()) <= 3900);
