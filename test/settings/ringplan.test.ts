import { describe, expect, it } from "vitest";
import { readPlan } from "../../src/settings/ringplan.js";
import { Settings } from "../../src/settings/settings.js";

describe("a plan as a person writes it", () => {
  it("has targets that ring together and groups that ring one after another, each with its time", () => {
    const plan = readPlan("200, 201 20s > sip:guard@10.0.0.9;transport=tcp 8s>+49 30 123");
    expect(plan.error).toBe("");
    expect(plan.targets).toEqual(["200", "201", "sip:guard@10.0.0.9;transport=tcp", "+49 30 123"]);
    expect(plan.groups).toEqual([0, 0, 1, 2]);
    expect(plan.timesMs).toEqual([20000, 8000, 10000]);
  });

  it.each([
    ["a@x", [30000]],
    ["a@x > b@x", [15000, 15000]],
    ["a@x 20s > b@x", [20000, 10000]],
    ["a@x > b@x > c@x > d@x", [10000, 10000, 10000, 10000]],
  ])("%s without times rings for 30 s in all, no group for less than 10: %j", (text, times) => {
    expect(readPlan(text).timesMs).toEqual(times);
  });

  it.each([
    ["a@x,", "target"],
    ["> a@x", "target"],
    ["20s", "target"],
    ["a@x 4s", "5s to 600s"],
    ["a@x 601s", "5s to 600s"],
    ["a@x b@x", "targets"],
    ["1@x,2@x,3@x,4@x,5@x,6@x,7@x,8@x,9@x", "up to 8"],
    ["sips:", "targets"],
    ["sip:a@[::", "targets"],
  ])("%s is refused whole, with what is allowed", (text, allowed) => {
    const settings = new Settings();
    settings.set("button1.day", "a@x");
    const error = settings.set("button1.day", text);
    expect(error).toMatch(/^button1\.day: '/);
    expect(error).toContain(allowed);
    expect(settings.text("button1.day")).toBe("a@x");
  });
});
