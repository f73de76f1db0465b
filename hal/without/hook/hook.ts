/**
 * Takes the place of src/links/hook.ts on a board whose manifest includes this folder: the program has no code for
 * the webhook. A setting that asks for it is told as an error at the start (src/links/links.ts).
 */
export function makeHook(): null {
  return null;
}
