/**
 * A door whose program was built without its links to the house's systems: a setting that asks for one is told as an
 * error at the start, and the door works. Not here: that the manifests leave the code out (manifests.test.ts).
 */
import { expect, it, vi } from "vitest";
import { ROOMY_LIMITS } from "../../src/driver/limits.js";
import { Broker } from "../links/broker.js";
import { HOUSE, Home } from "../links/home.js";

vi.mock("../../src/links/syslog.js", async () => await import("../../hal/without/syslog/syslog.js"));
vi.mock("../../src/links/hook.js", async () => await import("../../hal/without/hook/hook.js"));
vi.mock("../../src/links/mqtt.js", async () => await import("../../hal/without/mqtt/mqtt.js"));
vi.mock("../../src/links/api.js", async () => await import("../../hal/without/api/api.js"));

it("tells each link that it lacks, and rings, talks and opens", async () => {
  const links = [`syslog.server=${HOUSE}`, `hook.url=http://${HOUSE}/`, "mqtt.enabled=on", `mqtt.server=${HOUSE}`];
  const home = new Home([...links, "api.token=0123456789abcdef"]);
  home.limits = ROOMY_LIMITS;
  const broker = await Broker.open(home);
  await home.start();
  const told = home.events.filter(({ name }) => name === "error").map(({ value }) => value);
  const lack = ": this board's program was built without it";
  expect(told).toEqual(["syslog.server" + lack, "hook.url" + lack, "mqtt.enabled" + lack, "api.token" + lack]);
  home.door.line("press");
  await home.run(3000);
  expect(home.door.isInCall()).toBe(true);
  home.door.line("open");
  expect(home.relays[0].value).toBe(1);
  expect(broker.greeted).toBe(0);
  for (const name of ["syslog", "hook", "mqtt", "api"])
    expect(home.door.line("status")).not.toContain("\n" + name + " ");
  home.door.close();
});
