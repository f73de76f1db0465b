/**
 * The server as the user of the transaction layer. A REGISTER for a domain of ours goes to the registrar, all other
 * requests to the proxy or redirect server behind it. Under too much load new requests are refused before that. Without
 * a proxy or redirect server it answers OPTIONS, and refuses other methods.
 */

import { octets } from "../core/bytes.js";
import { Flow } from "../transaction/flow.js";
import {
  hasNeedlessBody,
  inspect,
  methodBits,
  type Rules,
  reasonOfRefusal,
  writeRefusal,
} from "../transaction/inspection.js";
import type { TransactionLayer, TransactionUser } from "../transaction/layer.js";
import type { ServerTransaction } from "../transaction/server.js";
import { EMPTY_BODY, SUPPORTED_PATH } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { HEADER_REQUIRE, METHOD_OPTIONS, METHOD_REGISTER } from "../wire/names.js";
import { Uri } from "../wire/uri.js";
import type { Overload, OverloadJudge } from "./overload.js";
import type { Registrar } from "./registrar.js";

/** For a registrar alone. */
const RULES: Rules = {
  methods: methodBits([METHOD_REGISTER, METHOD_OPTIONS]),
  allow: octets("Allow: REGISTER, OPTIONS\r\n"),
  requires: HEADER_REQUIRE,
  options: [octets("path")],
  isForwarding: false,
};

export class Server implements TransactionUser {
  /** `registrar` and `layer` are set once, when there is a layer to make them with. */
  registrar: Registrar | null = null;
  layer: TransactionLayer | null = null;
  /** The proxy or redirect server; null: there is the registrar alone. */
  next: TransactionUser | null = null;
  /** Refuses new requests while there are too many; null: all are taken. */
  overload: Overload | null = null;
  /** Reads whose a request is; null when nothing can. */
  judge: OverloadJudge | null = null;
  private readonly source = new Flow();
  private readonly uri = new Uri();

  onRequest(t: ServerTransaction, m: Message): void {
    const { registrar, layer } = this;
    if (registrar === null || layer === null) return;
    const { overload, source } = this;
    if (overload === null) {
      this.dispatch(registrar, layer, t, m);
      return;
    }
    const { nowMs } = layer.timers;
    source.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    if (!overload.admit(m, this.judge, source.ip, nowMs)) {
      t.drop();
      overload.refuseRequest(layer, m, source);
      return;
    }
    const before = overload.accepted();
    this.dispatch(registrar, layer, t, m);
    if (overload.accepted() === before) return;
    overload.noteKnown(source.ip, nowMs);
    layer.transport.noteKnown(source.connection);
  }

  private dispatch(registrar: Registrar, layer: TransactionLayer, t: ServerTransaction, m: Message): void {
    if (m.method === METHOD_REGISTER && (this.next === null || registrar.isFor(m))) registrar.onRegister(t, m);
    else if (this.next !== null) this.next.onRequest(t, m);
    else this.answerAlone(layer, t, m);
  }

  /** Answers what a registrar alone is asked besides REGISTER: OPTIONS. RFC 3261 §8.2, §11.2 */
  private answerAlone(layer: TransactionLayer, t: ServerTransaction, m: Message): void {
    const isReadable = this.uri.parse(m.bytes, m.uriStart, m.uriEnd);
    const problem = inspect(RULES, m, isReadable ? this.uri : null, t.source, layer.isMerged(t, m));
    const status = problem !== 0 ? problem : hasNeedlessBody(m) ? 415 : 200;
    const w = t.respond(status, reasonOfRefusal(status));
    writeRefusal(w, RULES, m, status);
    if (status === 200) {
      w.put(RULES.allow);
      w.put(SUPPORTED_PATH);
    }
    w.put(EMPTY_BODY);
    t.sendResponse();
  }

  isInDialog(m: Message): boolean {
    return this.next?.isInDialog?.(m) === true;
  }

  onAck(m: Message, source: Flow): void {
    if (this.next !== null) this.next.onAck(m, source);
  }

  onCancel(t: ServerTransaction, m: Message): void {
    if (this.next !== null) this.next.onCancel(t, m);
  }

  onAckTimeout(t: ServerTransaction): void {
    if (this.next !== null) this.next.onAckTimeout(t);
  }
}
