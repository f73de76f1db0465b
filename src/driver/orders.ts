/**
 * Carries out the orders that the house's systems give to the door: a broker's commands and the requests of the HTTP
 * API. Not here: who may give them (links/mqtt.ts, links/api.ts).
 */
import type { Console } from "../console/console.js";
import type { Door } from "../intercom/door.js";
import type { LinkOrders } from "../links/parts.js";

const BUSY = "there is a call";
const NO_CALL = "there is no call";

export interface OrdersUser {
  readonly door: Door;
  readonly console: Console;
  isBusy(): boolean;
  isInCall(): boolean;
  /** Takes volume and gain from the settings. */
  setLevels(): void;
  /** Starts the machine again, if it can. */
  restart(): void;
}

export class HouseOrders implements LinkOrders {
  private readonly user: OrdersUser;

  constructor(user: OrdersUser) {
    this.user = user;
  }

  open(relay: number, by: string): string {
    return this.user.door.open(by, relay);
  }

  close(relay: number): void {
    this.user.door.close(relay);
  }

  callPlan(button: number): string {
    return this.user.door.callPlan(button);
  }

  call(target: string): string {
    return this.user.isBusy() ? BUSY : this.user.door.call(target);
  }

  hangUp(by: string): string {
    const { door } = this.user;
    if (!this.user.isInCall() && !door.isRinging) return NO_CALL;
    door.hangUp(by);
    return "";
  }

  restart(): void {
    this.user.restart();
  }

  set(key: string, value: string): string {
    const problem = this.user.door.settings.set(key, value);
    this.user.setLevels();
    return problem;
  }

  report(what: "status" | "log" | "people"): string {
    return this.user.console.report(what);
  }
}
