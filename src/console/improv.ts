/**
 * Improv Wi-Fi Serial: a browser hands the device its Wi-Fi on the console's line, in frames between which the console's own
 * octets go on to the console. Format: https://www.improv-wifi.com/serial
 * Not here: joining a network and keeping its name, the console, hostnames and names of the device (commands 5 and 6).
 */
import { text, utf8Length } from "../core/bytes.js";
import { putUtf8 } from "../core/octets.js";
import { printable } from "../core/printable.js";

/** "IMPROV" and the version. */
const HEADER = Uint8Array.of(0x49, 0x4d, 0x50, 0x52, 0x4f, 0x56, 1);
// Where things stand in a frame.
const TYPE = 7;
const LENGTH = 8;
const DATA = 9;
/** Header, type, length, 255 octets, checksum, and the line ends around it. */
const FRAME_BYTES = 268;
/** A frame that stops for so long is over: the line is the console's again. */
const PAUSE_MS = 1000;
const LF = 10;

const TYPE_STATE = 1;
const TYPE_ERROR = 2;
const TYPE_COMMAND = 3;
const TYPE_RESULT = 4;

/** Waits for a Wi-Fi. */
export const IMPROV_READY = 2;
/** Joins one. */
export const IMPROV_JOINING = 3;
export const IMPROV_JOINED = 4;

const ERROR_NONE = 0;
const ERROR_FORM = 1;
const ERROR_COMMAND = 2;
const ERROR_JOIN = 3;
const ERROR_UNKNOWN = 0xff;

const COMMAND_WIFI = 1;
const COMMAND_STATE = 2;
const COMMAND_INFO = 3;
const COMMAND_SCAN = 4;

/** IEEE 802.11: an SSID has 1 to 32 octets; a passphrase up to 63, or 64 digits of the key. */
const SSID_MOST = 32;
const PASSWORD_MOST = 64;

/** What the device says of itself. */
export interface ImprovIdentity {
  firmware: string;
  version: string;
  /** The chip or board. */
  hardware: string;
  name: string;
}

export interface ImprovUser {
  /** Octets that are no frame, for the console; lent for the call. */
  onConsole(bytes: Uint8Array, start: number, end: number): void;
  /** To be written to the line as they are; lent for the call. */
  onFrame(bytes: Uint8Array, start: number, end: number): void;
  /** Keep them and join; then `joined` or `failed`. @param password "" for an open network @returns false when that cannot be done */
  onWifi(ssid: string, password: string): boolean;
  /** Look for networks: `network` for each, then `scanned`. @returns false when the radio cannot, or nobody may ask */
  onScan(): boolean;
  /** Whether the console is locked: then nobody is told where the device is found. Without it: never. */
  isLocked?(): boolean;
}

export class Improv {
  /** IMPROV_* */
  state = IMPROV_READY;
  private readonly user: ImprovUser;
  private readonly identity: ImprovIdentity;
  /** The frame that comes, then the one that answers. */
  private readonly frame = new Uint8Array(FRAME_BYTES);
  private count = 0;
  private lastMs = 0;
  private wasFrame = false;
  private error = ERROR_NONE;
  /** Where a browser finds the device. */
  private url = "";
  /** The end of the answer that is being written. */
  private end = 0;

  constructor(user: ImprovUser, identity: ImprovIdentity) {
    this.user = user;
    this.identity = identity;
  }

  /** Octets of the line in `bytes[start, end)`; they stay the caller's. */
  receive(bytes: Uint8Array, start: number, end: number, nowMs: number): void {
    if (this.count > 0 && nowMs - this.lastMs > PAUSE_MS) this.release();
    this.lastMs = nowMs;
    let from = start;
    for (let i = start; i < end; i++) {
      const octet = bytes[i];
      // Browsers end a frame as a line: for the console that is none.
      const isLineEnd = this.wasFrame && octet === LF;
      this.wasFrame = false;
      if (isLineEnd) {
        from = i + 1;
        continue;
      }
      if (this.count >= HEADER.length) {
        this.take(octet);
        from = i + 1;
        continue;
      }
      if (octet !== HEADER[this.count]) this.release();
      if (octet !== HEADER[this.count]) continue;
      // What may be a frame waits for the octet that decides.
      if (this.count === 0 && from < i) this.user.onConsole(bytes, from, i);
      this.count += 1;
      from = i + 1;
    }
    if (from < end) this.user.onConsole(bytes, from, end);
  }

  /** There is an address. @param url where the device is found, "" when it cannot be said */
  joined(url: string): void {
    const wasJoining = this.state === IMPROV_JOINING;
    this.state = IMPROV_JOINED;
    this.url = url;
    if (!wasJoining) return;
    this.sendState();
    this.sendUrl(COMMAND_WIFI);
  }

  /** The network is gone, or could not be joined. */
  failed(): void {
    const wasJoining = this.state === IMPROV_JOINING;
    this.state = IMPROV_READY;
    this.url = "";
    if (!wasJoining) return;
    this.sendError(ERROR_JOIN);
    this.sendState();
  }

  /** A network that was found. @param rssiDbm how strong it is */
  network(ssid: string, rssiDbm: number, isSecured: boolean): void {
    this.begin(TYPE_RESULT, COMMAND_SCAN);
    this.putString(ssid);
    this.putString("" + rssiDbm);
    this.putString(isSecured ? "YES" : "NO");
    this.sendResult();
  }

  /** All networks were told. */
  scanned(): void {
    this.begin(TYPE_RESULT, COMMAND_SCAN);
    this.sendResult();
  }

  /** What looked like a frame's begin is the console's; the rest of a frame that never came is dropped. */
  private release(): void {
    const count = this.count;
    this.count = 0;
    if (count > 0 && count < HEADER.length) this.user.onConsole(HEADER, 0, count);
  }

  private take(octet: number): void {
    const { frame } = this;
    frame[this.count++] = octet;
    if (this.count <= LENGTH || this.count < DATA + frame[LENGTH] + 1) return;
    let sum = 0;
    for (let i = 0; i < HEADER.length; i++) sum += HEADER[i];
    for (let i = HEADER.length; i < this.count - 1; i++) sum += frame[i];
    const type = frame[TYPE];
    const isWhole = (sum & 0xff) === octet;
    this.count = 0;
    this.wasFrame = true;
    if (!isWhole) this.sendError(ERROR_FORM);
    // Devices send the other types: they are an echo of our own.
    else if (type === TYPE_COMMAND) this.run(DATA, DATA + frame[LENGTH]);
  }

  private run(start: number, end: number): void {
    const { frame } = this;
    if (end - start < 2 || start + 2 + frame[start + 1] !== end) {
      this.sendError(ERROR_FORM);
      return;
    }
    const command = frame[start];
    if (command === COMMAND_WIFI) {
      this.wifi(start + 2, end);
      return;
    }
    if (command !== COMMAND_STATE && command !== COMMAND_INFO && command !== COMMAND_SCAN) {
      this.sendError(ERROR_COMMAND);
      return;
    }
    this.forgive();
    if (command === COMMAND_STATE) {
      this.sendState();
      if (this.state === IMPROV_JOINED) this.sendUrl(COMMAND_STATE, this.user.isLocked?.() === true);
    } else if (command === COMMAND_INFO) {
      this.begin(TYPE_RESULT, COMMAND_INFO);
      this.putString(this.identity.firmware);
      this.putString(this.identity.version);
      this.putString(this.identity.hardware);
      this.putString(this.identity.name);
      this.sendResult();
    } else if (!this.user.onScan()) this.scanned();
  }

  /** Two texts, each behind its length. */
  private wifi(start: number, end: number): void {
    const { frame } = this;
    const ssidEnd = start < end ? start + 1 + frame[start] : end;
    const passwordEnd = ssidEnd < end ? ssidEnd + 1 + frame[ssidEnd] : -1;
    const isWhole = passwordEnd === end;
    const ssid = isWhole ? text(frame, start + 1, ssidEnd) : "";
    const password = isWhole ? text(frame, ssidEnd + 1, passwordEnd) : "";
    const isGood = ssid !== "" && ssidEnd - start - 1 <= SSID_MOST && passwordEnd - ssidEnd - 1 <= PASSWORD_MOST;
    // A control character would be a line of its own where settings are kept.
    if (!isGood || printable(ssid) !== ssid || printable(password) !== password) {
      this.sendError(ERROR_FORM);
      return;
    }
    this.forgive();
    const before = this.state;
    this.state = IMPROV_JOINING;
    this.sendState();
    if (this.user.onWifi(ssid, password)) return;
    this.state = before;
    this.sendError(ERROR_UNKNOWN);
    this.sendState();
  }

  // ---- answers ----

  private sendState(): void {
    this.begin(TYPE_STATE, this.state);
    this.send();
  }

  private sendError(error: number): void {
    this.error = error;
    this.begin(TYPE_ERROR, error);
    this.send();
  }

  /** A command that is understood takes back the error before it. */
  private forgive(): void {
    if (this.error !== ERROR_NONE) this.sendError(ERROR_NONE);
  }

  private sendUrl(command: number, isHidden = false): void {
    this.begin(TYPE_RESULT, command);
    if (this.url !== "" && !isHidden) this.putString(this.url);
    this.sendResult();
  }

  /** Begins a frame, whose first octet of data is `first`. One octet further on than those that come: an LF goes before. */
  private begin(type: number, first: number): void {
    const { frame } = this;
    frame[0] = LF;
    for (let i = 0; i < HEADER.length; i++) frame[i + 1] = HEADER[i];
    frame[TYPE + 1] = type;
    frame[DATA + 1] = first;
    // The length of a result's texts comes behind its command.
    this.end = DATA + (type === TYPE_RESULT ? 3 : 2);
  }

  /** A text behind its length; one that has no room is told as empty. */
  private putString(value: string): void {
    const { frame } = this;
    const length = utf8Length(value);
    const hasRoom = this.end + 1 + length <= DATA + 1 + 255;
    frame[this.end] = hasRoom ? length : 0;
    this.end = hasRoom ? putUtf8(frame, this.end + 1, value) : this.end + 1;
  }

  private sendResult(): void {
    this.frame[DATA + 2] = this.end - DATA - 3;
    this.send();
  }

  /** Browsers look for a frame where a line begins, and take what stands before the next line end for part of it. */
  private send(): void {
    const { frame } = this;
    frame[LENGTH + 1] = this.end - DATA - 1;
    let sum = 0;
    for (let i = 1; i < this.end; i++) sum += frame[i];
    frame[this.end] = sum & 0xff;
    frame[this.end + 1] = LF;
    this.user.onFrame(frame, 0, this.end + 2);
  }
}
