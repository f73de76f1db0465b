/**
 * Reports the effects of timers on transactions to an observer: a message is sent once more, or a transaction ends
 * because nothing came in its time. A device has no observer. Not here: the timers (client.ts, server.ts).
 */

// The letters of timers in RFC 3261 §17, as ASCII codes.
/** An INVITE is sent once more (A), or given up (B). */
export const TIMER_A = 0x41;
export const TIMER_B = 0x42;
/** Any other request is sent once more (E), or given up (F). */
export const TIMER_E = 0x45;
export const TIMER_F = 0x46;
/** The final response to an INVITE is sent once more (G), or its ACK never came (H). */
export const TIMER_G = 0x47;
export const TIMER_H = 0x48;
/** A 2xx to an INVITE is sent once more by a timer without a letter. RFC 3261 §13.3.1.4 */
export const TIMER_2XX = 0;

export interface TimerWatcher {
  /** A message leaves once more when this returns. @param timer TIMER_* @param method of the request, METHOD_* */
  onRepeat(timer: number, method: number): void;
  /** Nothing came in time, and the transaction ends. @param timer TIMER_* @param method METHOD_* */
  onGivenUp(timer: number, method: number): void;
}
