/**
 * Our Path (RFC 3327) with the flow to a phone in it (RFC 5626 §5.1). It goes to the registrar elsewhere with which the
 * phone registers through us, and into a store that other servers read. Who sends a request along it reaches the phone
 * by its flow, as long as that is there.
 * Not here: the token (routetoken.ts), and what comes along such a Path (routing.ts, admission.ts).
 */
import { octets } from "../core/bytes.js";
import type { Flow } from "../transaction/flow.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { TRANSPORT_TCP, TRANSPORT_UDP } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import { type RouteTokens, TokenText, writeTokenPlace } from "./routetoken.js";

const OPEN = octets("<sip:");
const CLOSE = octets(";lr;ob>");

export class FlowPath {
  private readonly layer: TransactionLayer;
  private readonly routeTokens: RouteTokens;
  private readonly token = new TokenText();

  constructor(layer: TransactionLayer, routeTokens: RouteTokens) {
    this.layer = layer;
    this.routeTokens = routeTokens;
  }

  /** Writes the value. @param node the process that has the connection of the flow @param transport to come by to us */
  writeValue(w: Writer, flow: Flow, node: number, transport: number): void {
    const { layer, token } = this;
    this.routeTokens.writeFlowToken(flow, node, token);
    w.put(OPEN);
    writeTokenPlace(w, token, layer, transport);
    w.put(CLOSE);
  }

  /** @returns the transport by which other servers come to us: UDP if we have it */
  get transport(): number {
    return this.layer.udpPort > 0 ? TRANSPORT_UDP : TRANSPORT_TCP;
  }
}
