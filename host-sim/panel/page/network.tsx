/** Sets the faults of the network: single faults, presets, and the session as a command that repeats it. */
import { useState } from "preact/hooks";
import { useLink } from "./hooks.js";
import { link } from "./link.js";
import { useWords } from "./words.js";

/** The columns are name, most, step, unit. */
const SLIDERS = [
  ["loss", 50, 1, "%"],
  ["delay", 500, 10, "ms"],
  ["jitter", 200, 5, "ms"],
  ["duplicate", 20, 1, "%"],
  ["reorder", 20, 1, "%"],
  ["corrupt", 10, 0.5, "%"],
] as const;
const BANDWIDTHS = ["0", "32", "64", "96", "128", "256", "1000"];

const PRESETS = {
  perfect: {},
  good: { loss: "0.5", delay: "3", jitter: "4" },
  far: { loss: "4", delay: "12", jitter: "35", reorder: "1" },
  oven: { loss: "18", delay: "8", jitter: "60", duplicate: "1", reorder: "3" },
  lte: { loss: "1", delay: "45", jitter: "20", bandwidth: "256" },
} as const;

export function Network() {
  const t = useWords();
  useLink("house");
  const [problem, setProblem] = useState("");
  const [copied, setCopied] = useState("");
  const { house } = link;
  if (house === null) return null;
  const fault = async (name: string, value: string): Promise<void> => {
    const { ok, text } = await link.order({ do: "fault", name, value });
    setProblem(ok ? "" : text || t("fail.nolink"));
  };
  const preset = async (values: Readonly<Record<string, string>>): Promise<void> => {
    await fault("clear", "all");
    for (const [name, value] of Object.entries(values)) await fault(name, value);
  };
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(house.command);
      setCopied(t("network.copied"));
    } catch {
      setCopied(t("network.nocopy"));
    }
  };
  const isDown = house.faults.partition === "on";
  return (
    <section>
      <h2>{t("network.title")}</h2>
      <div class="presets" role="group" aria-label={t("network.presets")}>
        {(Object.keys(PRESETS) as (keyof typeof PRESETS)[]).map((name) => (
          <button
            type="button"
            key={name}
            aria-pressed={isPreset(house.faults, PRESETS[name])}
            onClick={() => preset(PRESETS[name])}
          >
            {t(`preset.${name}`)}
          </button>
        ))}
      </div>
      <div class="sliders">
        {SLIDERS.map(([name, most, step, unit]) => (
          <label key={name} class="slider">
            <span>{t(`fault.${name}`)}</span>
            <input
              type="range"
              min={0}
              max={most}
              step={step}
              value={house.faults[name]}
              aria-valuetext={house.faults[name] + " " + unit}
              onChange={(event) => fault(name, event.currentTarget.value)}
            />
            <output>{house.faults[name] + " " + unit}</output>
          </label>
        ))}
        <label class="slider">
          <span>{t("fault.bandwidth")}</span>
          <select value={house.faults.bandwidth} onChange={(event) => fault("bandwidth", event.currentTarget.value)}>
            {BANDWIDTHS.map((rate) => (
              <option key={rate} value={rate}>
                {rate === "0" ? t("fault.unlimited") : rate + " kbit/s"}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="switches">
        <label class="check">
          <input type="checkbox" checked={isDown} onChange={() => fault("partition", isDown ? "off" : "on")} />
          <span>{t("fault.wifi")}</span>
        </label>
        {house.serverAt !== "" && (
          <label class="check">
            <input
              type="checkbox"
              checked={house.faults.server === "down"}
              onChange={(event) => fault("server", event.currentTarget.checked ? "down" : "up")}
            />
            <span>{t("fault.server")}</span>
          </label>
        )}
        <button type="button" onClick={() => preset({})}>
          {t("fault.clear")}
        </button>
      </div>
      {problem !== "" && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <h3>{t("network.command")}</h3>
      <p class="quiet">
        {t("network.seed")}: {house.seed < 0 ? t("network.noseed") : house.seed}
      </p>
      <pre class="command" role="region" aria-label={t("network.command")}>
        {house.command}
      </pre>
      {house.isCommandCut && <p class="quiet">{t("network.cut")}</p>}
      <div class="row">
        <button type="button" onClick={copy}>
          {t("network.copy")}
        </button>
        <span class="quiet" role="status">
          {copied}
        </span>
      </div>
    </section>
  );
}

function isPreset(faults: Readonly<Record<string, string>>, preset: Readonly<Record<string, string>>): boolean {
  return ["loss", "delay", "jitter", "duplicate", "reorder", "corrupt", "bandwidth"].every(
    (name) => Number(faults[name]) === Number(preset[name] ?? 0),
  );
}
