/** Chooses the party whose microphone and loudspeaker the computer's are, and the voices of the other parties. */
import { useEffect, useState } from "preact/hooks";
import { type Laptop, SOUND_SIDES } from "../protocol.js";
import { sound } from "./audio.js";
import { useLink } from "./hooks.js";
import { link } from "./link.js";
import { type Translate, useWords } from "./words.js";

const CHOICES: readonly Laptop[] = ["nobody", ...SOUND_SIDES];

function labelOf(t: Translate, who: Laptop): string {
  if (who === "nobody" || who === "door" || who === "phone") return t(`sound.${who}`);
  return t("sound.nth", { n: who.slice(-1) });
}

export function SoundChoice() {
  const t = useWords();
  useLink("house");
  const [, redraw] = useState(0);
  useEffect(() => {
    sound.onChange = () => redraw((count) => count + 1);
  }, []);
  const { house } = link;
  if (house === null) return null;
  let said = t(sound.isTaken ? "sound.elsewhere" : "sound.off");
  if (sound.who !== "nobody") said = sound.why === null ? t("sound.live") : t("sound.nomic", { why: t(sound.why) });
  return (
    <section class="card sound">
      <fieldset>
        <legend>{t("sound.title")}</legend>
        <div class="choice">
          {CHOICES.filter((who) => who === "nobody" || house.parties.some(({ name }) => name === who)).map((who) => (
            <label key={who}>
              <input type="radio" name="laptop" checked={sound.who === who} onChange={() => void sound.use(who)} />
              <span>{labelOf(t, who)}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <p class="quiet" role="status">
        {said}
      </p>
    </section>
  );
}

/** Switches the recorded voices on or off, each side by itself. */
export function Voices() {
  const t = useWords();
  useLink("house");
  const { house } = link;
  if (house === null) return null;
  const hasPhone = house.parties.length > 1;
  return (
    <div class="voices">
      {(["door", "phone"] as const)
        .filter((who) => who !== "phone" || hasPhone)
        .map((who) => (
          <label key={who} class="check">
            <input
              type="checkbox"
              checked={house.voices[who]}
              onChange={(event) => link.order({ do: "voice", who, on: event.currentTarget.checked })}
            />
            <span>{t(`sound.voice.${who}`)}</span>
          </label>
        ))}
    </div>
  );
}
