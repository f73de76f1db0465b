/**
 * The console's command about authorities (`ca`), and the certificates that are pasted there: from the line with BEGIN
 * to that with END no line is a command. Not here: how they are kept (settings/authorities.ts).
 */
import type { Store } from "../../hal/device.js";
import { base64Value } from "../core/base64.js";
import { CivilDate, DAY_S } from "../core/calendar.js";
import { Authorities, certificateOf } from "../settings/authorities.js";
import type { Seat } from "./passwordlock.js";
import { ERROR_ARGUMENT, ERROR_STORE, ERROR_VALUE, type Reply } from "./reply.js";

const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";
/** PEM has lines of 64 letters, and 76 are seen too; a shorter one is the last. RFC 7468 §2 */
const WIDE = 64;
const WIDEST = 76;
/** What `Seat.paste` begins with: a certificate comes, its last line came, or the rest is thrown away. */
const COMES = "+";
const COMPLETE = "=";
const REFUSED = "-";
const LETTERS_MOST = 4000;
const NONE = "none: paste the certificate of an authority, from its line BEGIN to its line END\n";
const UNENDED = "the certificate does not go on like that, and is thrown away: paste it again, whole";

/** @returns whether a line belongs to a certificate that is pasted at that place */
export function isPasted(line: string, seat: Seat): boolean {
  return seat.paste !== "" || line === BEGIN || line === END;
}

export class AuthorityCommands {
  private readonly authorities: Authorities;

  constructor(store: Store) {
    this.authorities = new Authorities(store);
  }

  /** @param word "" or `clear` */
  run(reply: Reply, word: string): Reply {
    if (word === "clear") return store(reply, this.authorities.clear());
    if (word !== "")
      return reply.fail(ERROR_ARGUMENT, "ca, or ca clear; a certificate is pasted as it is, with BEGIN and END");
    const all = this.authorities.all();
    let text = "";
    for (let i = 0; i < all.length; i++) {
      const certificate = certificateOf(all[i]);
      text += certificate === null ? "damaged: ca clear\n" : "until " + dayText(certificate.untilS) + "\n";
    }
    return reply.tell(text === "" ? NONE : text);
  }

  /** Takes a line of a certificate. @returns null: nothing is to be said yet */
  paste(reply: Reply, line: string, seat: Seat): Reply | null {
    if (line === BEGIN) {
      seat.paste = COMES;
      return null;
    }
    const state = seat.paste.charAt(0);
    // What follows a certificate that was thrown away may end with its END.
    if (seat.paste === "") return null;
    if (line === END) {
      const letters = seat.paste.slice(1);
      seat.paste = "";
      return state === REFUSED ? null : this.add(reply, letters);
    }
    const isLast = line.length < WIDE;
    if (state === REFUSED) {
      if (isLast) seat.paste = "";
      return null;
    }
    const isGood = state === COMES && line.length <= WIDEST && isBase64(line);
    if (!isGood || seat.paste.length + line.length > LETTERS_MOST) {
      seat.paste = isLast || !isBase64(line) ? "" : REFUSED;
      return reply.fail(ERROR_VALUE, UNENDED);
    }
    seat.paste = (isLast ? COMPLETE : COMES) + seat.paste.slice(1) + line;
    return null;
  }

  private add(reply: Reply, letters: string): Reply {
    if (certificateOf(letters) === null) return reply.fail(ERROR_VALUE, "this is no certificate (X.509 in PEM)");
    return store(reply, this.authorities.add(letters));
  }
}

function store(reply: Reply, problem: string): Reply {
  return problem === "" ? reply : reply.fail(ERROR_STORE, problem);
}

function isBase64(line: string): boolean {
  for (let i = 0; i < line.length; i++) {
    const letter = line.charCodeAt(i);
    // "=" stands at the end only, but that is not seen before the end.
    if (base64Value(letter) < 0 && letter !== 0x3d) return false;
  }
  return line !== "";
}

/** @returns such as "2036-11-30" */
function dayText(s: number): string {
  const date = new CivilDate();
  date.set(Math.floor(s / DAY_S));
  const two = (value: number): string => (value < 10 ? "0" : "") + value;
  return date.year + "-" + two(date.month) + "-" + two(date.day);
}
