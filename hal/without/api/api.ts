/**
 * Takes the place of src/links/api.ts on a board whose manifest includes this folder: the program has no code for
 * the HTTP API. A setting that asks for it is told as an error at the start (src/links/links.ts).
 */
export function makeApi(): null {
  return null;
}
