/**
 * Takes the place of src/links/mqtt.ts on a board whose manifest includes this folder: the program has no code for
 * MQTT. A setting that asks for it is told as an error at the start (src/links/links.ts).
 */
export function makeMqtt(): null {
  return null;
}
