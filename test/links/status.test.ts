/** Tests what `status` says of the links: the server, whether it takes messages, what waits, and what failed last. */
import { describe, expect, it } from "vitest";
import { ROOMY_LIMITS } from "../../src/driver/limits.js";
import { Broker } from "./broker.js";
import { HOUSE, Home, Listener } from "./home.js";

const ALL = [
  `syslog.server=${HOUSE}`,
  "syslog.transport=tcp",
  `hook.url=http://${HOUSE}:8123/door`,
  "mqtt.enabled=on",
  `mqtt.server=${HOUSE}`,
  "api.token=0123456789abcdef",
];

/** @returns the lines of `status` about the links, by name */
function linesOf(home: Home): Record<string, string> {
  const lines = home.door.line("status").split("\n");
  return Object.fromEntries(lines.map((line) => [line.split(" ")[0], line.slice(line.indexOf(" ") + 1)]));
}

describe("status", () => {
  it("has a line for each link, and none for those that the settings do not name", async () => {
    const home = new Home(ALL);
    home.limits = ROOMY_LIMITS;
    const broker = await Broker.open(home);
    await Listener.open(home, 514);
    const hook = await Listener.open(home, 8123, (connection, text) => {
      const answer = Buffer.from("HTTP/1.1 200 OK\r\n\r\n");
      if (text.includes("\r\n\r\n")) connection.write(answer, 0, answer.length);
    });
    await home.start();
    await home.run(3000);
    expect(hook.connections.length).toBeGreaterThan(0);
    expect(linesOf(home)).toMatchObject({
      syslog: `${HOUSE}:514, connected`,
      hook: `${HOUSE}:8123, idle`,
      mqtt: `${HOUSE}:1883, connected`,
      api: "port 8180",
    });
    broker.publish("portero/hangup/set", "press");
    broker.publish("portero/hangup/set", "x".repeat(300));
    await home.run(100);
    expect(linesOf(home).mqtt).toBe(`${HOUSE}:1883, connected; commands refused 1, skipped 1`);

    const plain = await new Home([]).start();
    for (const name of ["syslog", "hook", "mqtt", "api"]) expect(linesOf(plain)).not.toHaveProperty(name);
  });

  it("says what failed, when the next try is, and how many messages wait and were dropped", async () => {
    const home = new Home(ALL.slice(0, 5));
    const broker = await Broker.open(home);
    broker.code = 4;
    await home.start();
    for (let i = 0; i < 60; i++) home.tell("phone", "registered", { name: "lamp" + i });
    await home.run(1000);
    const { syslog, hook, mqtt } = linesOf(home);
    expect(syslog).toMatch(/^10\.0\.0\.3:514, lost, next try in \d+ s, \d+ wait, \d+ dropped: the connection ended$/);
    expect(hook).toMatch(/^10\.0\.0\.3:8123, lost, next try in \d+ s, \d+ wait, \d+ dropped: the connection failed$/);
    expect(mqtt).toMatch(/^10\.0\.0\.3:1883, lost, next try in \d+ s: wrong user or password$/);
    broker.code = 0;
    await home.run(10_000);
    expect(linesOf(home).mqtt).toBe(`${HOUSE}:1883, connected, last error: wrong user or password`);
    const json = JSON.parse(home.door.line("status --json"));
    expect(json.mqtt).toBe(linesOf(home).mqtt);
  });
});
