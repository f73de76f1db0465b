/**
 * Every setting there is, once: its key, what it may be, what it is when nobody set it, and a line of help. The checks,
 * the console's help and the table of the documents are made from this. Not here: the checks (check.ts), the values
 * (settings.ts).
 */
import { TONE_REGIONS } from "../media/tone.js";
import { REALM_MAX_BYTES, USERNAME_MAX_BYTES } from "../wire/auth.js";
import { URL_SCHEMES } from "./url.js";

/** Relays that a door may have. */
export const RELAYS_MOST = 2;
// Keys of relays, buttons and phones, in order: the first one is number 1.
export const RELAY_CODES = ["relay1.code", "relay2.code"] as const;
export const RELAY_MODES = ["relay1.mode", "relay2.mode"] as const;
export const RELAY_PULSES = ["relay1.pulse", "relay2.pulse"] as const;
export const RELAY_LEVELS = ["relay1.active", "relay2.active"] as const;
export const RELAY_FACTORS = ["relay1.factors", "relay2.factors"] as const;
export const RELAY_HOURS = ["relay1.hours", "relay2.hours"] as const;
export const RELAY_LOCKS = ["relay1.lock", "relay2.lock"] as const;
export const DAY_PLANS = ["button1.day", "button2.day", "button3.day", "button4.day"] as const;
export const NIGHT_PLANS = ["button1.night", "button2.night", "button3.night", "button4.night"] as const;
export const HOLD_PLANS = ["button1.hold", "button2.hold", "button3.hold", "button4.hold"] as const;
/** The keys of all plans. */
export const PLANS = [...DAY_PLANS, ...NIGHT_PLANS, ...HOLD_PLANS] as const;
export const SCHEDULE_NAMES = ["schedule1.name", "schedule2.name", "schedule3.name", "schedule4.name"] as const;
export const SCHEDULE_HOURS = ["schedule1.hours", "schedule2.hours", "schedule3.hours", "schedule4.hours"] as const;
export const PHONE_NAMES = [
  "phone1.name",
  "phone2.name",
  "phone3.name",
  "phone4.name",
  "phone5.name",
  "phone6.name",
  "phone7.name",
  "phone8.name",
] as const;
export const PHONE_PASSWORDS = [
  "phone1.password",
  "phone2.password",
  "phone3.password",
  "phone4.password",
  "phone5.password",
  "phone6.password",
  "phone7.password",
  "phone8.password",
] as const;

// Types of setting.
export const TYPE_TEXT = 0;
/** A text that is never shown. */
export const TYPE_SECRET = 1;
/** A whole number from `min` to `max`. */
export const TYPE_NUMBER = 2;
/** A number with decimals from `min` to `max`. */
export const TYPE_DECIMAL = 3;
/** One of `choices`. */
export const TYPE_CHOICE = 4;
/** `on` or `off`. */
export const TYPE_SWITCH = 5;
/** An IPv4 address. */
export const TYPE_ADDRESS = 6;
/** Several of `choices`, the preferred one first, with commas between. */
export const TYPE_LIST = 7;
/** Nothing, or codes of `min` to `max` digits, with commas between; never shown. */
export const TYPE_DIGITS = 8;

/** Nothing, or a host or address. */
export const TYPE_HOST = 9;
/** Nothing, or whom to call. */
export const TYPE_TARGET = 10;
/** Nothing, or a ring plan (ringplan.ts). */
export const TYPE_PLAN = 11;
/** A time zone (daytime.ts). */
export const TYPE_ZONE = 12;
/** Nothing, or a schedule of the week (daytime.ts). */
export const TYPE_HOURS = 13;
/** Nothing, or a user name that stands in an address as it is. */
export const TYPE_NAME = 14;

/** Nothing, or an IPv4 address that one device can have. */
export const TYPE_DEVICE_ADDRESS = 15;
/** Nothing, or the mask of an IPv4 network. */
export const TYPE_MASK = 16;
/** The user part of our own address: a text that is not too long as a URI writes it. */
export const TYPE_USER = 17;
/** Nothing, or the domain of our own address: a host or address, with a port if need be. */
export const TYPE_DOMAIN = 18;
/** Nothing, or a proxy: a host or address, with a port and the transport if need be. */
export const TYPE_PROXY = 19;
/** A text of at most `max` octets. */
export const TYPE_OCTETS = 20;
/** A text of at most `max` octets as it stands between quotes on the wire. */
export const TYPE_QUOTED = 21;
/** Nothing, or targets and numbers with an `x` for any digit, with commas between. */
export const TYPE_TARGETS = 22;
/** `off`, or a time of the day. */
export const TYPE_TIME = 23;
/** Nothing, or a URL whose scheme is one of `choices` (url.ts). */
export const TYPE_URL = 24;
/** The begin of MQTT topics. */
export const TYPE_TOPIC = 25;
/** Nothing, or SHA-256 in hexadecimal digits, several with commas between. */
export const TYPE_PIN = 26;

/** Nothing, or one label of a host's name. */
export const TYPE_LABEL = 27;
/** Nothing, or a multicast address with a port. */
export const TYPE_GROUP = 28;

export interface Setting {
  key: string;
  type: number;
  /** The first value, as a person would write it. */
  initial: string;
  min: number;
  max: number;
  choices: readonly string[];
  /** Numbers: only multiples of it are allowed; without it, all. */
  step?: number;
  /** Numbers: the least one beside 0; without it, `min`. */
  leastBeside0?: number;
  unit: string;
  help: string;
}

/** A setting as the compiler knows it: its key, and what `Settings.get` returns for it. */
interface Typed<K extends string, V> extends Setting {
  key: K;
  /** Exists for the compiler alone; no object has it. */
  value?: V;
}

const NO_CHOICES: readonly string[] = [];
const TEXT_MOST = 128;
const PROXIES_TEXT_MOST = 3 * TEXT_MOST;
/** Digits of a SHA-256, and pins there may be. */
export const PIN_DIGITS = 64;
export const PINS_MOST = 3;
const PINS_TEXT_MOST = PINS_MOST * (PIN_DIGITS + 1) - 1;
const PLAN_MOST = 400;
const HOURS_MOST = 200;
const URL_MOST = 200;

/** The bounds of a text's length, characters; 0 for the longest: what its type allows. */
interface TextBounds {
  min?: number;
  max?: number;
}

interface NumberBounds {
  min: number;
  max: number;
  step?: number;
  leastBeside0?: number;
  unit?: string;
  /** TYPE_* if it is another than TYPE_NUMBER. */
  type?: number;
}

function text<K extends string>(
  key: K,
  type: number,
  initial: string,
  help: string,
  bounds: TextBounds = {},
): Typed<K, string> {
  const { min = 0, max = 0 } = bounds;
  return { key, type, initial, min, max, choices: NO_CHOICES, unit: "", help };
}

function number<K extends string>(key: K, initial: number, help: string, bounds: NumberBounds): Typed<K, number> {
  const { unit = "", type = TYPE_NUMBER } = bounds;
  return { ...bounds, key, type, initial: "" + initial, choices: NO_CHOICES, unit, help };
}

function onOff<K extends string>(key: K, initial: "on" | "off", help: string): Typed<K, boolean> {
  return { key, type: TYPE_SWITCH, initial, min: 0, max: 0, choices: ON_OFF, unit: "", help };
}

function choice<K extends string, const C extends readonly string[]>(
  key: K,
  initial: C[number],
  choices: C,
  help: string,
): Typed<K, C[number]> {
  return { key, type: TYPE_CHOICE, initial, min: 0, max: 0, choices, unit: "", help };
}

/** Makes a setting that is empty or a URL. @param schemes that it may have */
function url<K extends string>(key: K, schemes: readonly string[], help: string): Typed<K, string> {
  return { key, type: TYPE_URL, initial: "", min: 0, max: URL_MOST, choices: schemes, unit: "", help };
}

/** Makes a setting that is some of the choices, with commas between. */
function list<K extends string>(key: K, initial: string, choices: readonly string[], help: string): Typed<K, string> {
  return { key, type: TYPE_LIST, initial, min: 0, max: 0, choices, unit: "", help };
}

const ON_OFF = ["on", "off"];
const MODES_OF_RELAY = ["pulse", "held"] as const;
const LEVELS = ["board", "high", "low"] as const;
const LEVELS_OF_RELAY = ["board", "high", "low", "unknown"] as const;
const LOCKS = ["fail-secure", "fail-safe"] as const;
const FACTORS = ["any", "both"] as const;
const CODE_LENGTHS = ["4", "5", "6", "7", "8", "any"] as const;
const PRESSES = ["call", "cancel", "hangup", "answer"];

/** The settings with the types of their values. `SCHEMA` is the same list without those. */
const SETTINGS = [
  text("sip.user", TYPE_USER, "door", "user part of the door's SIP address", { max: TEXT_MOST }),
  text("sip.authUser", TYPE_QUOTED, "", "user name for the password, when it is another than sip.user", {
    max: USERNAME_MAX_BYTES,
  }),
  text("sip.password", TYPE_SECRET, "", "password at the SIP server", { max: TEXT_MOST }),
  text("sip.realm", TYPE_QUOTED, "", "the one realm the password is for; empty: whatever the server names", {
    max: REALM_MAX_BYTES,
  }),
  text("sip.name", TYPE_TEXT, "", "name shown to who is called", { max: 64 }),
  text("sip.domain", TYPE_DOMAIN, "", "domain or address of the SIP server; empty: no server", { max: TEXT_MOST }),
  text(
    "sip.proxy",
    TYPE_PROXY,
    "",
    "outbound proxy; up to 3 with commas between, the next one while those before it do not answer; empty: none",
    { max: PROXIES_TEXT_MOST },
  ),
  onOff("sip.register", "on", "register at sip.domain"),
  number("sip.expires", 600, "how long a registration is to last", { min: 10, max: 86400, unit: "s" }),
  choice(
    "sip.probe",
    "auto",
    ["auto", "off", "10", "30", "60", "120", "300"],
    "seconds between questions to the server whether it still has the door; auto: 28 with a second server, 30 at a private address, else off",
  ),
  onOff(
    "sip.outbound",
    "off",
    "keep the way by which the door registered open, so that the server reaches it behind any router (RFC 5626)",
  ),
  number("sip.port", 5060, "local SIP port, UDP and TCP", { min: 1, max: 65535 }),
  choice(
    "sip.trust",
    "off",
    ["off", "server"],
    "server: its P-Asserted-Identity says who calls; for a server that admits no strangers, or asserts truly",
  ),
  choice("sip.transport", "udp", ["udp", "tcp", "tls"], "transport for addresses that name none"),
  text(
    "tls.ca",
    TYPE_TEXT,
    "",
    "file with the authorities that sign servers (PEM), in the simulator; empty: those that were pasted (ca), else the usual ones",
    {
      max: 200,
    },
  ),
  text("tls.pin", TYPE_PIN, "", "SHA-256 of a server's public key, which is believed whatever its certificate says", {
    max: PINS_TEXT_MOST,
  }),
  number("sip.sessionExpires", 1800, "session interval to ask for, 0: none", {
    min: 0,
    // RFC 4028 §4
    leastBeside0: 90,
    max: 86400,
    unit: "s",
  }),
  number("sip.minSE", 90, "shortest session interval taken; no shorter one is asked for", {
    min: 90,
    max: 86400,
    unit: "s",
  }),
  text("account2.domain", TYPE_DOMAIN, "", "domain or address of a second server; empty: no second account", {
    max: TEXT_MOST,
  }),
  text("account2.user", TYPE_USER, "door", "user part of the door's address there", { max: TEXT_MOST }),
  text("account2.authUser", TYPE_QUOTED, "", "user name for the password there, when it is another", {
    max: USERNAME_MAX_BYTES,
  }),
  text("account2.password", TYPE_SECRET, "", "password at the second server", { max: TEXT_MOST }),
  text("account2.realm", TYPE_QUOTED, "", "the one realm that password is for; empty: whatever the server names", {
    max: REALM_MAX_BYTES,
  }),
  text("account2.name", TYPE_TEXT, "", "name shown to who is called by the second account", { max: 64 }),
  text("account2.proxy", TYPE_PROXY, "", "outbound proxies of the second account, as sip.proxy; empty: none", {
    max: PROXIES_TEXT_MOST,
  }),
  choice("account2.transport", "udp", ["udp", "tcp", "tls"], "transport of the second account, as sip.transport"),
  choice("account2.trust", "off", ["off", "server"], "whether the second server says who calls, as sip.trust"),
  text("wifi.ssid", TYPE_OCTETS, "", "name of the Wi-Fi network; of a board", { max: 32 }),
  text("wifi.password", TYPE_SECRET, "", "its password; empty: an open network", { max: 63 }),
  onOff("wifi.powerSave", "off", "the radio sleeps between beacons: for a battery; sound comes late then"),
  text("wifi.ip", TYPE_DEVICE_ADDRESS, "", "fixed address of a board, wired ones too; empty: by DHCP"),
  text("wifi.mask", TYPE_MASK, "", "mask of the network, with wifi.ip"),
  text("wifi.gateway", TYPE_DEVICE_ADDRESS, "", "the way out of the network, with wifi.ip; empty: none"),
  text("wifi.dns", TYPE_DEVICE_ADDRESS, "", "name server; empty: by DHCP, with wifi.ip none"),
  text("time.server", TYPE_HOST, "", "server for the time of day; empty: the board's, none: nobody is asked", {
    max: 100,
  }),
  text("net.address", TYPE_ADDRESS, "127.0.0.1", "own address to bind"),
  text("net.name", TYPE_LABEL, "", "the door's name in its network by mDNS: NAME.local; empty: none", { max: 40 }),
  choice(
    "net.nat",
    "auto",
    ["auto", "off"],
    "auto: those outside are told the address at which the server or net.stun sees the door",
  ),
  text("net.stun", TYPE_DOMAIN, "", "STUN server that says how the door is seen from outside; empty: none", {
    max: TEXT_MOST,
  }),
  text(
    "net.publicAddress",
    TYPE_DEVICE_ADDRESS,
    "",
    "address at which a router forwards sip.port and rtp.port to the door; empty: none",
  ),
  // The port behind it is that of RTCP. RFC 3550 §11
  number("rtp.port", 16384, "first local RTP port", { min: 1024, max: 65520, step: 2 }),
  number("rtp.timeout", 30, "hang up when nothing comes for so long, 0: never", { min: 0, max: 3600, unit: "s" }),
  choice(
    "rtp.source",
    "auto",
    ["auto", "strict"],
    "whose sound is heard: another address too while the agreed one is silent, or never",
  ),
  text("call.target", TYPE_TARGET, "", "what a button without a plan calls: a SIP URI, an address or a number", {
    max: TEXT_MOST,
  }),
  text("call.fallback", TYPE_TARGET, "", "what is called when the targets' server does not answer; a direct address", {
    max: TEXT_MOST,
  }),
  choice("call.account", "1", ["1", "2"], "account by which targets without @1 or @2 at their end are called"),
  text("button1.day", TYPE_PLAN, "", "what button 1 calls", { max: PLAN_MOST }),
  text("button1.night", TYPE_PLAN, "", "what button 1 calls outside of time.day; empty: as by day", { max: PLAN_MOST }),
  text("button1.hold", TYPE_PLAN, "", "what button 1 calls when it is held for 2 s; empty: as a press", {
    max: PLAN_MOST,
  }),
  text("button2.day", TYPE_PLAN, "", "what button 2 calls", { max: PLAN_MOST }),
  text("button2.night", TYPE_PLAN, "", "what button 2 calls outside of time.day; empty: as by day", { max: PLAN_MOST }),
  text("button2.hold", TYPE_PLAN, "", "what button 2 calls when it is held for 2 s; empty: as a press", {
    max: PLAN_MOST,
  }),
  text("button3.day", TYPE_PLAN, "", "what button 3 calls", { max: PLAN_MOST }),
  text("button3.night", TYPE_PLAN, "", "what button 3 calls outside of time.day; empty: as by day", { max: PLAN_MOST }),
  text("button3.hold", TYPE_PLAN, "", "what button 3 calls when it is held for 2 s; empty: as a press", {
    max: PLAN_MOST,
  }),
  text("button4.day", TYPE_PLAN, "", "what button 4 calls", { max: PLAN_MOST }),
  text("button4.night", TYPE_PLAN, "", "what button 4 calls outside of time.day; empty: as by day", { max: PLAN_MOST }),
  text("button4.hold", TYPE_PLAN, "", "what button 4 calls when it is held for 2 s; empty: as a press", {
    max: PLAN_MOST,
  }),
  list("button.press", "call,cancel,hangup,answer", PRESSES, "what a press may do"),
  number("call.ringTime", 60, "give up when nobody answers for so long, 0: after an hour", {
    min: 0,
    max: 600,
    unit: "s",
  }),
  onOff("call.autoAnswer", "off", "answer known callers at once; with call.allow any everybody: an open microphone"),
  choice(
    "call.allow",
    "known",
    ["known", "any"],
    "who may ring: the server, the targets' addresses and known callers, or anybody",
  ),
  text(
    "call.password",
    TYPE_SECRET,
    "",
    "who gives it (digest, any user name) is a known caller; empty: nobody by a password",
    { max: 64 },
  ),
  onOff(
    "call.knownByAddress",
    "off",
    "who calls straight from a target's address is known; over UDP an address can be forged",
  ),
  onOff("call.answerOnRequest", "on", "answer at once when a known caller asks for it (Answer-Mode, answer-after)"),
  onOff(
    "call.earlyAnswer",
    "off",
    "the 180 to a call that comes holds the answer to its offer, reliably where the caller can (100rel)",
  ),
  choice("call.doNotDisturb", "off", ["off", "busy", "away"], "refuse calls that come, with 486 (busy) or 480 (away)"),
  text(
    "call.quiet",
    TYPE_HOURS,
    "",
    "when a press of a button rings nobody; holding it does, where button1.hold is set",
    {
      max: HOURS_MOST,
    },
  ),
  onOff("call.join", "off", "a known caller who calls while the door talks joins that call"),
  choice(
    "call.refer",
    "targets",
    ["off", "targets", "any"],
    "where the phone in the call may move it (REFER): nowhere, to whom the settings name, or to whatever it names",
  ),
  text(
    "call.referTo",
    TYPE_TARGETS,
    "",
    "whom calls may be moved to beside those that the door calls; an x is any digit: 2xx",
    { max: TEXT_MOST },
  ),
  number("call.talkTime", 0, "end a call after so long, with a warning 10 s before, 0: never", {
    min: 0,
    max: 36000,
    unit: "s",
  }),
  onOff("call.hangUpOnOpen", "off", "end the call 2 s after the door was opened in it"),
  choice(
    "media.encryption",
    "offer",
    ["off", "offer", "require"],
    "encryption of the sound (SRTP): never, where the other side can do it, or no call without it",
  ),
  onOff(
    "media.encryptionClear",
    "off",
    "tell the keys of the sound over signalling that others on the network can read",
  ),
  list("audio.codecs", "PCMU,PCMA", ["PCMU", "PCMA"], "codecs, the preferred one first"),
  number("audio.volume", 0, "loudness of the speaker, as far as the codec goes", { min: -60, max: 12, unit: "dB" }),
  text(
    "page.address",
    TYPE_GROUP,
    "",
    "multicast address and port whose sound (RTP, PCMU or PCMA) is played; empty: none",
  ),
  number("page.volume", 0, "loudness of the speaker for such sound", { min: -60, max: 12, unit: "dB" }),
  number("audio.gain", 30, "gain of the microphone, as far as the codec goes", { min: 0, max: 30, unit: "dB" }),
  choice(
    "audio.echo",
    "cancel",
    ["cancel", "switch", "off"],
    "what is done about the loudspeaker in the microphone: taken out, one side heard at a time, or nothing",
  ),
  choice(
    "audio.noise",
    "keep",
    ["keep", "lower"],
    "the noise of the place: kept, or lowered by up to 10 dB where nobody speaks; needs audio.echo",
  ),
  text(
    "audio.selftest",
    TYPE_TIME,
    "off",
    "when loudspeaker and microphone are tested by tones each day, by time.zone: HH:MM, or off",
  ),
  choice(
    "audio.input",
    "line1",
    ["line1", "line2"],
    "pair of inputs the microphone is at, of a codec with two (ES8388)",
  ),
  choice(
    "amplifier.active",
    "board",
    LEVELS,
    "level that switches the amplifier on; board: as the board's description says",
  ),
  choice("led.active", "board", LEVELS, "level that lights the LED; board: as the board's description says"),
  choice(
    "dtmf.inband",
    "auto",
    ["auto", "on", "off"],
    "hear digits as tones in the sound: where the other side has no telephone-events, always, never",
  ),
  onOff("call.showDigits", "off", "events show which digits were heard, door codes too"),
  choice("tone.region", "europe", TONE_REGIONS, "whose ringing, busy and error tones the visitor hears"),
  number("tone.volume", 25, "how loud tones are, of full scale, 0: none", { min: 0, max: 100, unit: "%" }),
  text("relay1.code", TYPE_DIGITS, "", "door codes that switch relay 1 on; empty: no code does", { min: 4, max: 8 }),
  choice(
    "relay1.factors",
    "any",
    FACTORS,
    "what opens relay 1 at the door's reader and keypad: a card or a code, or both, the card first",
  ),
  choice(
    "relay1.mode",
    "pulse",
    MODES_OF_RELAY,
    "relay 1 is on for its pulse, or until the same code, the exit button or close comes",
  ),
  number("relay1.pulse", 3, "how long relay 1 is on", { min: 0.5, max: 60, unit: "s", type: TYPE_DECIMAL }),
  text("relay1.hours", TYPE_HOURS, "", "when relay 1 is on by itself, as for a shop; empty: never", {
    max: HOURS_MOST,
  }),
  choice(
    "relay1.active",
    "board",
    LEVELS_OF_RELAY,
    "level that gives relay 1 current; board: as the board's description says; unknown: its pin is driven only while it is on",
  ),
  choice(
    "relay1.lock",
    "fail-secure",
    LOCKS,
    "the lock at relay 1 opens by current (fail-secure), or holds the door shut by it (fail-safe)",
  ),
  text("relay2.code", TYPE_DIGITS, "", "door codes that switch relay 2 on; empty: no code does", { min: 4, max: 8 }),
  choice(
    "relay2.factors",
    "any",
    FACTORS,
    "what opens relay 2 at the door's reader and keypad: a card or a code, or both, the card first",
  ),
  choice(
    "relay2.mode",
    "pulse",
    MODES_OF_RELAY,
    "relay 2 is on for its pulse, or until the same code, the exit button or close comes",
  ),
  number("relay2.pulse", 3, "how long relay 2 is on", { min: 0.5, max: 60, unit: "s", type: TYPE_DECIMAL }),
  text("relay2.hours", TYPE_HOURS, "", "when relay 2 is on by itself, as for a shop; empty: never", {
    max: HOURS_MOST,
  }),
  choice(
    "relay2.active",
    "board",
    LEVELS_OF_RELAY,
    "level that gives relay 2 current; board: as the board's description says; unknown: its pin is driven only while it is on",
  ),
  choice(
    "relay2.lock",
    "fail-secure",
    LOCKS,
    "the lock at relay 2 opens by current (fail-secure), or holds the door shut by it (fail-safe)",
  ),
  choice("code.length", "6", CODE_LENGTHS, "digits of a new code of a person; any: 4 to 8, with # behind shorter ones"),
  onOff("keypad.dial", "on", "1 to 4 and # at the door's keypad press that button, 0 and # the first one"),
  number("door.exit", 1, "relay that the button inside switches on, 0: none", { min: 0, max: 2 }),
  choice(
    "door.message",
    "off",
    ["off", "code", "on"],
    "a known caller's MESSAGE `open` opens: never, with a code, without one",
  ),
  choice("door.sensor", "off", ["off", "closed", "open"], "what the door's contact is while the door is shut"),
  number("door.leftOpen", 60, "alarm when the door stays open for so long, 0: never", { min: 0, max: 3600, unit: "s" }),
  choice("door.tamper", "off", ["off", "closed", "open"], "what the housing's contact is while the housing is shut"),
  list(
    "alarm.on",
    "forced,tamper",
    ["forced", "left-open", "tamper"],
    "what switches the alarm output on: a door that is forced or left open, a housing that is opened",
  ),
  number("alarm.time", 60, "how long the alarm output is on, 0: never", { min: 0, max: 600, unit: "s" }),
  onOff("server.enabled", "off", "the door is the SIP server of up to 8 phones"),
  choice(
    "server.mode",
    "proxy",
    ["proxy", "redirect"],
    "calls between phones pass the server, or it tells each phone where the other is (302)",
  ),
  text("server.domain", TYPE_HOST, "", "domain of the phones; empty: the door's address", { max: 100 }),
  ...phones(),
  text("console.password", TYPE_SECRET, "", "password of the console; empty: none", { max: 64 }),
  number("console.idle", 600, "a login without a line for so long is over, 0: never", {
    min: 0,
    max: 86400,
    unit: "s",
  }),
  text(
    "syslog.server",
    TYPE_DOMAIN,
    "",
    "syslog server that is told the events, at port 514 unless another is given; empty: none",
    { max: TEXT_MOST },
  ),
  choice("syslog.transport", "udp", ["udp", "tcp"], "how lines reach the syslog server"),
  choice(
    "syslog.level",
    "info",
    ["error", "warning", "notice", "info", "debug"],
    "the least urgent events that the syslog server is told",
  ),
  url("hook.url", URL_SCHEMES, "where events are posted to as JSON (webhook); empty: nowhere"),
  text("hook.secret", TYPE_SECRET, "", "key of the webhook's signature (HMAC-SHA-256); empty: no signature", {
    max: 64,
  }),
  onOff("mqtt.enabled", "off", "tell states and events to an MQTT broker, where Home Assistant finds the door"),
  text("mqtt.server", TYPE_DOMAIN, "", "the broker, at port 1883 (TLS: 8883) unless another is given", {
    max: TEXT_MOST,
  }),
  onOff("mqtt.tls", "off", "the broker is reached by TLS"),
  text("mqtt.user", TYPE_TEXT, "", "the door's user name at the broker; empty: none", { max: 64 }),
  text("mqtt.password", TYPE_SECRET, "", "its password", { max: 64 }),
  text("mqtt.prefix", TYPE_TOPIC, "portero", "begin of the door's topics, another one for each door", { max: 32 }),
  onOff("mqtt.open", "off", "whoever may write to the door's topics at the broker opens it"),
  text("api.token", TYPE_SECRET, "", "token of the HTTP API, on a board with PSRAM; empty: there is no API", {
    min: 16,
    max: 64,
  }),
  number("api.port", 8180, "port of the HTTP API", { min: 1, max: 65535 }),
  url("camera.url", URL_SCHEMES, "still picture of a camera beside the door, told with a ring; empty: none"),
  text("time.zone", TYPE_ZONE, "UTC0", "time zone of the door", { max: 64 }),
  text("time.day", TYPE_HOURS, "", "when it is day for the buttons' plans; empty: always", { max: HOURS_MOST }),
  ...schedules(),
];

/** A name and hours for each schedule. */
function schedules(): Typed<(typeof SCHEDULE_NAMES)[number] | (typeof SCHEDULE_HOURS)[number], string>[] {
  const out: ReturnType<typeof schedules> = [];
  for (let i = 0; i < SCHEDULE_NAMES.length; i++) {
    const name = "name of schedule " + (i + 1) + ": @NAME stands for its hours";
    out.push(text(SCHEDULE_NAMES[i], TYPE_NAME, "", name, { max: 16 }));
    out.push(text(SCHEDULE_HOURS[i], TYPE_HOURS, "", "the hours of schedule " + (i + 1), { max: HOURS_MOST }));
  }
  return out;
}

/** A name and a password for each phone of the house. */
function phones(): Typed<(typeof PHONE_NAMES)[number] | (typeof PHONE_PASSWORDS)[number], string>[] {
  const out: ReturnType<typeof phones> = [];
  for (let i = 0; i < PHONE_NAMES.length; i++) {
    out.push(
      text(PHONE_NAMES[i], TYPE_NAME, "", "user name of phone " + (i + 1) + " at the door's server", { max: 32 }),
    );
    out.push(text(PHONE_PASSWORDS[i], TYPE_SECRET, "", "its password", { max: 64 }));
  }
  return out;
}

export const SCHEMA: readonly Setting[] = SETTINGS;

/** What each key's value is. */
export type SettingValues = { [S in (typeof SETTINGS)[number] as S["key"]]: NonNullable<S["value"]> };
export type SettingKey = keyof SettingValues;

/** Returns whether a change holds only from the next start on: sockets are opened and pools are made once. */
export function needsRestart(setting: Setting): boolean {
  return (
    setting.key === "net.address" ||
    setting.key === "net.name" ||
    setting.key === "page.address" ||
    setting.key === "sip.port" ||
    setting.key === "rtp.port" ||
    setting.key === "server.enabled" ||
    setting.key === "server.mode" ||
    setting.key === "time.server" ||
    setting.key.slice(0, 5) === "wifi." ||
    setting.key.slice(0, 5) === "hook." ||
    setting.key.slice(0, 5) === "mqtt." ||
    setting.key.slice(0, 4) === "api." ||
    setting.key.slice(0, 7) === "syslog."
  );
}

/** Returns whether the value is never shown. */
export function isSecret(setting: Setting): boolean {
  return setting.type === TYPE_SECRET || setting.type === TYPE_DIGITS;
}

/** @returns the setting of that key, or null */
export function findSetting(key: string): Setting | null {
  const at = settingIndex(key);
  return at < 0 ? null : SCHEMA[at];
}

/**
 * The index of each key. Settings are read at every event, and a search through all of them was a tenth of a call's
 * cost (`npm run bench:xs`).
 */
const INDEXES = new Map<string, number>();
for (let i = 0; i < SCHEMA.length; i++) INDEXES.set(SCHEMA[i].key, i);

/** @returns the index in SCHEMA, or -1 */
export function settingIndex(key: string): number {
  return INDEXES.get(key) ?? -1;
}
