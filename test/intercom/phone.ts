/** A phone in the small world of test/ua/harness.ts that speaks by hand, so that each can be told what to say. */
import { header, Peer, sdpOf } from "../ua/harness.js";
import { DOOR } from "./house.js";

/** A phone that says to each INVITE what it is told to, and goes on with the rest of the call as a phone does. */
export class Phone extends Peer {
  /** The statuses that answer an INVITE, at once and one after another; empty: the phone is dead. */
  says: string[] = ["180 Ringing"];
  private ringing: string[] = [];

  /**
   * The Call-IDs that it answered and that were acknowledged, without those that were hung up since. A call that is not
   * acknowledged ends by itself: RFC 3261 §13.3.1.4.
   */
  readonly talking = new Set<string>();
  /** The INVITEs that it answered in any way. */
  private readonly spoken = new Set<string>();
  private readonly answered = new Set<string>();
  private readonly known = new Set<string>();

  override onMessage = (m: string): void => {
    const callId = header(m, "Call-ID");
    if (m.startsWith("INVITE")) {
      if (this.known.has(callId)) return;
      this.known.add(callId);
      this.ringing.push(m);
      for (const status of this.says) if (this.ringing.includes(m)) this.say(status, m);
    } else if (m.startsWith("CANCEL")) {
      this.respond(DOOR, m, "200 OK", "t");
      const invite = this.ringing.find((one) => header(one, "Call-ID") === callId);
      if (invite !== undefined) this.say("487 Request Terminated", invite);
    } else if (m.startsWith("ACK")) {
      if (this.answered.has(callId)) this.talking.add(callId);
    } else if (m.startsWith("BYE")) {
      this.answered.delete(callId);
      this.talking.delete(callId);
      this.respond(DOOR, m, "200 OK", "t");
    }
  };

  say(status: string, invite = this.ringing[this.ringing.length - 1]): void {
    if (status.startsWith("1")) this.spoken.add(invite);
    else this.ringing = this.ringing.filter((one) => one !== invite);
    if (status.startsWith("200")) this.answered.add(header(invite, "Call-ID"));
    const body = status.startsWith("200") || status.startsWith("183") ? sdpOf(this.address) : "";
    const more = [`Contact: <sip:x@${this.address}>`, ...(body === "" ? [] : ["Content-Type: application/sdp"])];
    this.respond(DOOR, invite, status, `t${this.address}`, more, body);
  }

  /**
   * Returns whether it rings and the caller knows it, so that the caller owes it a CANCEL when giving up. RFC 3261 §9.1
   */
  isKnownToRing(): boolean {
    return this.ringing.some((invite) => this.spoken.has(invite));
  }

  isRinging(): boolean {
    return this.ringing.length > 0;
  }
}
