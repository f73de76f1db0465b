/** Tests that a name that is not found is told once, however often it is looked up. */
import { expect, it } from "vitest";
import { made, PHONE } from "./made.js";

it("A name that is not found is told once, and again only after it was found", async () => {
  const { clock, errors, names } = await made("sip.domain=a.example", "sip.proxy=b.example,c.example");
  const told = () => errors.filter((line) => line.startsWith("no such name")).sort();
  const twice = ["no such name: b.example", "no such name: c.example"];
  await clock.runUntil(clock.now() + 600_000);
  expect(told()).toEqual(twice);
  names.set("b.example", PHONE);
  await clock.runUntil(clock.now() + 120_000);
  names.delete("b.example");
  await clock.runUntil(clock.now() + 300_000);
  // What was found before is used on, which is something else to tell.
  expect(told()).toEqual([twice[0], "no such name: b.example; its last address 10.0.0.2 is used on", twice[1]]);
});
