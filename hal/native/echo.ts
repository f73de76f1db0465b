/**
 * The echo canceller by C: the exports of src/media/echo.ts, for a manifest that names this file in its place. On XS
 * only. Not here: the arithmetic (echo.h).
 */
/** Of src/media/echostate.ts. */
interface EchoState {
  readonly words: Int32Array;
}

declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

/** A new call: everything of the one before is forgotten. */
export function echoBegin(state: EchoState): void {
  begin(state.words.buffer);
}

/** As its twin. @throws RangeError beyond the samples */
export function echoRun(
  state: EchoState,
  microphone: Int16Array,
  start: number,
  reference: Int16Array,
  from: number,
  count: number,
  options: number,
): void {
  if (start < 0 || from < 0 || count < 0 || start + count > microphone.length || from + count > reference.length)
    throw new RangeError("beyond the buffer");
  run(
    state.words.buffer,
    microphone.buffer,
    microphone.byteOffset + 2 * start,
    reference.buffer,
    reference.byteOffset + 2 * from,
    count,
    options,
  );
}

function begin(this: unknown, state: ArrayBufferLike): void {
  native("xs_echo_begin").call(this, state);
}

function run(
  this: unknown,
  state: ArrayBufferLike,
  microphone: ArrayBufferLike,
  start: number,
  reference: ArrayBufferLike,
  from: number,
  count: number,
  options: number,
): void {
  native("xs_echo_run").call(this, state, microphone, start, reference, from, count, options);
}
