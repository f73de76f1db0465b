/**
 * Call flows of each kind that RFC 3665 has: every message is read, and the dialogs are followed at both ends. A
 * request in a dialog is written as the RFC writes it (Request-URI, Route, tags, CSeq), and a received one is found to
 * belong to the dialog, in its order. They are the project's own (test/fixtures/flows); the RFC's may lie beside the
 * repository.
 */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { Timers } from "../../src/core/timers.js";
import { DIALOG_DRAFT, Dialog } from "../../src/dialog/dialog.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { NO_USER } from "../../src/transaction/client.js";
import { Flow } from "../../src/transaction/flow.js";
import { TransactionLayer } from "../../src/transaction/layer.js";
import type { ServerTransaction } from "../../src/transaction/server.js";
import { ValueList } from "../../src/wire/list.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import { HEADER_VIA, METHOD_ACK, METHOD_CANCEL, METHOD_INVITE, TRANSPORT_UDP } from "../../src/wire/names.js";
import { SeededRandom } from "../random.js";
import { Agent, header, headers, World } from "../ua/harness.js";
import { flowMessages, SOURCES } from "../wire/corpus.js";

interface Step {
  file: string;
  m: Message;
  raw: string;
  vias: number;
}

const groups = new Map<string, Step[]>();
for (const { file, bytes } of flowMessages().sort((a, b) => (a.file < b.file ? -1 : 1))) {
  const m = new Message(64);
  const result = m.parse(bytes, 0, bytes.length, false);
  const list = new ValueList();
  let vias = 0;
  if (result === PARSE_OK) for (list.beginField(m, HEADER_VIA); list.next(); ) vias += 1;
  const name = file.slice(0, file.lastIndexOf("_F"));
  groups.set(name, [...(groups.get(name) ?? []), { file, m, raw: text(bytes), vias: result === PARSE_OK ? vias : -1 }]);
}

const tagOf = (m: Message) => text(m.bytes, m.toTagStart, m.toTagEnd);
const fromTagOf = (m: Message) => text(m.bytes, m.fromTagStart, m.fromTagEnd);
const flat = (values: string[]) => values.join(",").replace(/\s*,\s*/g, ",");
/** Folded lines as one. */
const unfold = (raw: string) => raw.replace(/\r\n[ \t]+/g, " ");

const layer = new TransactionLayer(
  {
    timers: new Timers(64),
    random: new SeededRandom(1),
    network: { sendDatagram: () => true, sendStream: () => -1, closeStream: () => {}, resolve: () => {} },
    limits: DOOR_LIMITS,
  },
  { onRequest: () => {}, onAck: () => {}, onCancel: () => {}, onAckTimeout: () => {} },
);

/** @returns the head of the dialog's next request */
function written(dialog: Dialog, method: number): string {
  const t = layer.client(NO_USER)!;
  const w = dialog.beginRequest(t, method, TRANSPORT_UDP);
  expect(w.ok).toBe(true);
  const out = text(w.bytes, 0, w.at);
  t.discard();
  return `${out}\r\n`;
}

/** As much of a transaction as a dialog reads of it: our tag, and a way by UDP. */
function tagIn(buffer: Uint8Array, start: number, end: number): ServerTransaction {
  return { buffer, startOf: () => start, endOf: () => end, source: new Flow() } as unknown as ServerTransaction;
}

/** The dialog of the caller: its INVITE as it was sent, and the 2xx as it came. */
function callerOf(invite: Message, ok: Message): Dialog {
  // The draft from the view of a callee whose To field is the INVITE's From field.
  const from = { toStart: { value: invite.fromStart }, toEnd: { value: invite.fromTagStart - ";tag=".length } };
  const tag = tagIn(invite.bytes, invite.fromTagStart, invite.fromTagEnd);
  const draft = new Dialog(1024);
  expect(draft.fromRequest(Object.create(invite, from), tag)).toBe(true);
  expect(draft.setTarget(invite.bytes, invite.uriStart, invite.uriEnd)).toBe(true);
  draft.isUac = true;
  draft.localCseq = invite.cseq;
  draft.state = DIALOG_DRAFT;
  const dialog = new Dialog(1024);
  expect(dialog.fromResponse(draft, ok)).toBe(true);
  return dialog;
}

/** The dialog of the callee: the INVITE as it came, and the tag that its 2xx has. */
function calleeOf(invite: Message, ok: Message): Dialog {
  const tag = tagIn(ok.bytes, ok.toTagStart, ok.toTagEnd);
  const dialog = new Dialog(1024);
  expect(dialog.fromRequest(invite, tag)).toBe(true);
  return dialog;
}

/**
 * Of the copies of one message on its way, returns the one with the fewest or the most Vias: as it left the client, or
 * as it reached the server.
 */
function copy(steps: Step[], far: boolean, has: (m: Message) => boolean): Step | undefined {
  const all = steps.filter(({ m }) => has(m)).sort((a, b) => a.vias - b.vias);
  return far ? all.at(-1) : all[0];
}

const isOk = (m: Message) => !m.isRequest && m.status >= 200 && m.status < 300 && m.cseqMethod === METHOD_INVITE;

describe("a flow of RFC 3665", () => {
  it("all 16 of them are there, and every message is read", () => {
    expect(groups.size).toBe(16 * SOURCES.length);
    for (const steps of groups.values()) for (const { file, vias } of steps) expect(vias, file).toBeGreaterThan(0);
  });

  const answered = [...groups].filter(([, steps]) => steps.some(({ m }) => isOk(m)));

  it.each(answered)("%s: its dialog is followed at both ends", (_, steps) => {
    const first = steps.find(({ m }) => isOk(m))!.m;
    const cseq = first.cseq;
    const isInvite = (m: Message) => m.isRequest && m.method === METHOD_INVITE && m.cseq === cseq && tagOf(m) === "";
    const isFirst = (m: Message) => isOk(m) && m.cseq === cseq && fromTagOf(m) === fromTagOf(first);
    const caller = callerOf(copy(steps, false, isInvite)!.m, copy(steps, false, isFirst)!.m);
    const callee = calleeOf(copy(steps, true, isInvite)!.m, copy(steps, true, isFirst)!.m);
    const begin = steps.findIndex(({ m }) => m === copy(steps, false, isFirst)!.m);
    let sent = 0;
    let came = 0;
    for (const { m, raw, vias, file } of steps.slice(begin)) {
      const isTheirs = m.isRequest && (tagOf(m) === tagOf(first) || fromTagOf(m) === tagOf(first));
      if (!isTheirs || m.method === METHOD_CANCEL) continue;
      const byCaller = fromTagOf(m) === fromTagOf(first);
      const [sender, receiver] = byCaller ? [caller, callee] : [callee, caller];
      const far = copy(steps, true, (other) => other.isRequest && other.method === m.method && other.cseq === m.cseq);
      if (vias === 1) {
        sent += 1;
        const line = unfold(raw);
        // An ACK has the CSeq number of its INVITE, every other request the next one. Each end chooses its first
        // number.
        if (sender.localCseq === 0) sender.localCseq = m.cseq - 1;
        const ours = written(sender, m.method);
        if (m.method === METHOD_ACK) sender.localCseq -= 1;
        else expect(header(ours, "CSeq"), file).toBe(header(line, "CSeq"));
        // RFC 3665 leaves the transport of the Contact out of its Request-URIs.
        expect(ours.split(" ")[1].replace(";transport=tcp", ""), file).toBe(line.split(" ")[1]);
        expect(flat(headers(ours, "Route")), file).toBe(flat(headers(line, "Route")));
        expect(header(ours, "Call-ID"), file).toBe(header(line, "Call-ID"));
        expect(header(ours, "From"), file).toBe(header(line, "From"));
        expect(header(ours, "To"), file).toBe(header(line, "To"));
      }
      if (m !== far?.m) continue;
      came += 1;
      expect(receiver.hasRequest(m), file).toBe(true);
      expect(sender.hasRequest(m), file).toBe(false);
      if (m.method === METHOD_ACK) continue;
      expect(receiver.acceptCseq(m.cseq), file).toBe(true);
      expect(receiver.acceptCseq(m.cseq), file).toBe(false);
      if (m.method !== METHOD_INVITE) continue;
      receiver.refreshTarget(m);
      const ok = steps.find((step) => isOk(step.m) && step.m.cseq === m.cseq && fromTagOf(step.m) === fromTagOf(m))!;
      sender.refreshTarget(ok.m);
    }
    // There is at least the ACK; all but one flow end with a BYE.
    expect(sent).toBeGreaterThanOrEqual(1);
    expect(came).toBeGreaterThanOrEqual(1);
  });

  const invited = [...groups].filter(([, steps]) => steps.some(({ m }) => m.isRequest && m.method === METHOD_INVITE));

  it.each(invited)("%s: its INVITE rings at a user agent of ours, and its CANCEL ends that", (_, steps) => {
    const world = new World();
    const a = new Agent(world, "10.0.0.1");
    const invite = copy(steps, true, (m) => m.isRequest && m.method === METHOD_INVITE && tagOf(m) === "")!;
    const cancel = steps.find(
      ({ m }) => m.method === METHOD_CANCEL && header(text(m.bytes), "Via") === header(invite.raw, "Via"),
    );
    const give = (raw: string) => {
      const bytes = octets(raw);
      a.ua.layer.receiveDatagram(ipv4("10.0.0.2"), 5060, bytes, 0, bytes.length);
      world.run(10);
    };
    give(invite.raw);
    expect(a.diary, invite.file).toEqual(["call incoming"]);
    if (cancel === undefined) return;
    give(cancel.raw);
    expect(a.diary, cancel.file).toEqual(["call incoming", "call ended cause cancelled status 487"]);
  });

  it("there is one with a CANCEL", () => {
    expect(invited.filter(([, steps]) => steps.some(({ m }) => m.method === METHOD_CANCEL)).length).toBeGreaterThan(0);
  });
});
