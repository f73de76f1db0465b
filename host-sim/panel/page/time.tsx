/** Shows the house's time; virtual time can be stopped, stepped, slowed and hurried. */
import { useState } from "preact/hooks";
import { type Order, SPEEDS } from "../protocol.js";
import { useLink, useTick } from "./hooks.js";
import { link } from "./link.js";
import { useWords } from "./words.js";

export function TimeControl() {
  const t = useWords();
  useLink("house", "link");
  useTick(100, link.isOpen);
  const [problem, setProblem] = useState("");
  const { house } = link;
  if (house === null) return null;
  const { isVirtual, isPaused, speed } = house.time;
  const order = async (wanted: Order): Promise<void> => setProblem((await link.order(wanted)).text);
  const shown = <span class="clock">{t("time.now", { t: (link.now() / 1000).toFixed(1) })}</span>;
  if (!isVirtual) return <div class="time">{shown}</div>;
  return (
    <fieldset class="time">
      <legend class="unseen">{t("time.title")}</legend>
      {shown}
      <button type="button" onClick={() => order({ do: "pause", on: !isPaused })}>
        {t(isPaused ? "time.resume" : "time.pause")}
      </button>
      <button type="button" onClick={() => order({ do: "step" })}>
        {t("time.step")}
      </button>
      <label class="pick">
        <span class="unseen">{t("time.speed")}</span>
        <select
          value={String(speed)}
          onChange={(event) => order({ do: "speed", value: Number(event.currentTarget.value) })}
        >
          {SPEEDS.map((one) => (
            <option key={one} value={String(one)}>
              {"× " + one}
            </option>
          ))}
        </select>
      </label>
      {problem !== "" && <span role="alert">{problem}</span>}
    </fieldset>
  );
}
