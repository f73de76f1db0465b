/**
 * The flows of one address that phones keep (RFC 5626), while a request is sent to its bindings. A phone may have
 * several flows, each with a binding: the youngest one that is there gets the request (§5.3, §6). The binding of a flow
 * that is gone is removed, so that the next caller is told at once; also if another server says so by 430.
 * Not here: whether a flow is gone (targets.ts), and the Path to the flows of other servers (flowpath.ts).
 */
import { hash, Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import { Bindings, type LocationStore, type LocationUser } from "./location.js";
import { copyBinding } from "./memory.js";

/** Instances that are told apart in one request; those behind that are called by each of their flows. */
const INSTANCES_MOST = 16;

export class KeptFlows implements LocationUser {
  private readonly store: LocationStore;
  private readonly random: RandomSource;
  private readonly counters: { flowsLost: number };
  /** Hashes of the instances that the request was sent to. */
  private readonly called: number[] = [];
  /** Hashes of the flows that are gone. */
  private readonly lost: number[] = [];
  private readonly rest = new Bindings();
  private readonly instance = new Span();

  constructor(store: LocationStore, random: RandomSource, counters: { flowsLost: number }) {
    this.store = store;
    this.random = random;
    this.counters = counters;
  }

  /** Forgets the flows of the request before. */
  begin(): void {
    this.called.length = this.lost.length = 0;
  }

  /** Whether the request was sent to the phone that `list` stands at, by another flow of it. */
  isCalled(list: Bindings): boolean {
    return list.flowId.size() > 0 && this.called.indexOf(this.instanceOf(list)) >= 0;
  }

  noteCalled(list: Bindings): void {
    if (list.flowId.size() > 0 && this.called.length < INSTANCES_MOST) this.called.push(this.instanceOf(list));
  }

  noteLost(list: Bindings): void {
    this.lost.push(flowOf(list));
  }

  /**
   * Notes the flow of `binding`, as `bindingOf` has it, as gone, and steps `list` to another flow of that phone with
   * the same q. A phone that registered anew has another binding.
   * @returns 1 when there is one, 0 when there is none, -1 when the binding is not in `list`
   */
  findOther(list: Bindings, binding: number): number {
    let more = list.first();
    while (more && bindingOf(list) !== binding) more = list.next();
    if (!more) return -1;
    this.noteLost(list);
    const { q } = list;
    const lost = flowOf(list);
    const instance = this.instanceOf(list);
    for (more = list.first(); more; more = list.next())
      if (list.q === q && list.flowId.size() > 0 && flowOf(list) !== lost && this.instanceOf(list) === instance)
        return 1;
    return 0;
  }

  /** Removes the bindings of the lost flows from the record of `aor`, which `list` has open. */
  removeLost(aor: Span, list: Bindings): void {
    const { lost, rest, random } = this;
    if (lost.length === 0) return;
    this.counters.flowsLost += lost.length;
    // This happens once for a flow, so its octets are not kept.
    rest.startRecord(new Uint8Array(list.end - list.start), list.version, random.uint32());
    for (let more = list.first(); more; more = list.next()) {
      if (list.flowId.size() > 0 && lost.indexOf(flowOf(list)) >= 0) continue;
      copyBinding(list, rest);
      rest.addBinding();
    }
    // A phone that registered meanwhile wins: then the record has another version, and stays.
    this.store.replaceBindings(aor, rest, this, 0);
  }

  onBindings(_token: number, _result: number, _list: Bindings): void {}

  onUpdated(_token: number, _result: number): void {}

  private instanceOf(list: Bindings): number {
    const { instance } = this;
    const { bytes, start, end } = list.flowId;
    instance.set(bytes, start, end);
    while (instance.start < end && bytes[instance.start] !== 0x20) instance.start += 1;
    return hash(bytes, instance.start, end);
  }
}

/** @returns a number for the flow at which `list` stands and the Path to it; 0 when it has none of both */
export function bindingOf(list: Bindings): number {
  const { flowId, path } = list;
  if (flowId.size() === 0 || path.size() === 0) return 0;
  return Math.imul(hash(path.bytes, path.start, path.end), 31) ^ flowOf(list);
}

function flowOf(list: Bindings): number {
  return hash(list.flowId.bytes, list.flowId.start, list.flowId.end);
}
