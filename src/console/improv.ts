/**
 * Improv Wi-Fi Serial: a browser hands the device its Wi-Fi on the console's line, in frames between which the
 * console's own octets go on to the console. Format: https://www.improv-wifi.com/serial
 * Not here: joining a network and keeping its name, the console, hostnames and names of the device (commands 5 and 6).
 */
import { text, utf8Length } from "../core/bytes.js";
import { putUtf8 } from "../core/octets.js";
import { printable } from "../core/printable.js";

/** "IMPROV" and the version. */
const HEADER = Uint8Array.of(0x49, 0x4d, 0x50, 0x52, 0x4f, 0x56, 1);
// Offsets in a frame.
const TYPE = 7;
const LENGTH = 8;
const DATA = 9;
/** Octets of the longest frame: header, type, length, 255 octets, checksum, and the line ends around it. */
const FRAME_BYTES = 268;
/** A frame that pauses for so long is given up, and the line belongs to the console again. */
const PAUSE_MS = 1000;
const LF = 10;

const TYPE_STATE = 1;
const TYPE_ERROR = 2;
const TYPE_COMMAND = 3;
const TYPE_RESULT = 4;

/** The device waits for a Wi-Fi. */
export const IMPROV_READY = 2;
/** The device joins a Wi-Fi. */
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

/** How the device describes itself. */
export interface ImprovIdentity {
  firmware: string;
  version: string;
  /** The chip or board. */
  hardware: string;
  name: string;
}

export interface ImprovUser {
  /** Octets that belong to no frame, for the console. They are lent for the call. */
  onConsole(bytes: Uint8Array, start: number, end: number): void;
  /** Octets to write to the line as they are. They are lent for the call. */
  onFrame(bytes: Uint8Array, start: number, end: number): void;
  /**
   * Keeps the network's name and password and joins it; `joined` or `failed` follows.
   * @param password "" for an open network @returns false when that cannot be done
   */
  onWifi(ssid: string, password: string): boolean;
  /**
   * Looks for networks: `network` follows for each, then `scanned`.
   * @returns false when the radio cannot, or the console is locked
   */
  onScan(): boolean;
  /** Whether the console is locked; then the device's address is not told. A user without this is never locked. */
  isLocked?(): boolean;
}

export class Improv {
  /** IMPROV_* */
  state = IMPROV_READY;
  private readonly user: ImprovUser;
  private readonly identity: ImprovIdentity;
  /** Holds the frame that comes, then the one that answers it. */
  private readonly frame = new Uint8Array(FRAME_BYTES);
  private count = 0;
  private lastMs = 0;
  private wasFrame = false;
  private error = ERROR_NONE;
  /** The URL at which a browser finds the device. */
  private url = "";
  /** The end of the answer that is being written. */
  private end = 0;

  constructor(user: ImprovUser, identity: ImprovIdentity) {
    this.user = user;
    this.identity = identity;
  }

  /** Takes octets of the line, `bytes[start, end)`; they stay the caller's. */
  receive(bytes: Uint8Array, start: number, end: number, nowMs: number): void {
    if (this.count > 0 && nowMs - this.lastMs > PAUSE_MS) this.release();
    this.lastMs = nowMs;
    let from = start;
    for (let i = start; i < end; i++) {
      const octet = bytes[i];
      // Browsers end a frame with a line end, which is no empty line for the console.
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
      // Octets that may begin a frame wait for the octet that decides.
      if (this.count === 0 && from < i) this.user.onConsole(bytes, from, i);
      this.count += 1;
      from = i + 1;
    }
    if (from < end) this.user.onConsole(bytes, from, end);
  }

  /** The device has an address. @param url where it is found, "" when it may not be told */
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

  /** A network was found. @param rssiDbm its signal strength */
  network(ssid: string, rssiDbm: number, isSecured: boolean): void {
    this.begin(TYPE_RESULT, COMMAND_SCAN);
    this.putString(ssid);
    this.putString("" + rssiDbm);
    this.putString(isSecured ? "YES" : "NO");
    this.sendResult();
  }

  /** The search for networks is over. */
  scanned(): void {
    this.begin(TYPE_RESULT, COMMAND_SCAN);
    this.sendResult();
  }

  /** Gives the console what only looked like the beginning of a frame, and drops a frame whose rest did not come. */
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
    // Only devices send the other types, so such a frame is an echo of our own.
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

  /** Reads the network's name and its password, each behind its length. */
  private wifi(start: number, end: number): void {
    const { frame } = this;
    const ssidEnd = start < end ? start + 1 + frame[start] : end;
    const passwordEnd = ssidEnd < end ? ssidEnd + 1 + frame[ssidEnd] : -1;
    const isWhole = passwordEnd === end;
    const ssid = isWhole ? text(frame, start + 1, ssidEnd) : "";
    const password = isWhole ? text(frame, ssidEnd + 1, passwordEnd) : "";
    const isGood = ssid !== "" && ssidEnd - start - 1 <= SSID_MOST && passwordEnd - ssidEnd - 1 <= PASSWORD_MOST;
    // A control character could begin a new line where settings are kept.
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

  /** A command that is understood clears the error before it. */
  private forgive(): void {
    if (this.error !== ERROR_NONE) this.sendError(ERROR_NONE);
  }

  private sendUrl(command: number, isHidden = false): void {
    this.begin(TYPE_RESULT, command);
    if (this.url !== "" && !isHidden) this.putString(this.url);
    this.sendResult();
  }

  /**
   * Begins a frame with `first` as its first octet of data. It stands one octet further on than a frame that comes,
   * since an LF goes before it.
   */
  private begin(type: number, first: number): void {
    const { frame } = this;
    frame[0] = LF;
    for (let i = 0; i < HEADER.length; i++) frame[i + 1] = HEADER[i];
    frame[TYPE + 1] = type;
    frame[DATA + 1] = first;
    // In a result the length of its texts follows the command.
    this.end = DATA + (type === TYPE_RESULT ? 3 : 2);
  }

  /** Writes a text behind its length; a text that does not fit is written as empty. */
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

  /**
   * Ends a frame with a line end: browsers look for a frame at the beginning of a line, and take all before the next
   * line end for part of it.
   */
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
