/**
 * Shows the door station and the door beside it. Buttons are held as long as a finger is on them; the light shines when
 * the door's does.
 */
import { useMemo, useState } from "preact/hooks";
import { type ButtonName, CARD_MOST, type RelayState } from "../protocol.js";
import { useLink, useTick } from "./hooks.js";
import { link } from "./link.js";
import { holding, LevelMeter } from "./parts.js";
import { useWords, wordOr } from "./words.js";

const LIGHT: Record<string, string> = {
  ready: "#2dd4a7",
  unregistered: "#f5a524",
  ringing: "#4aa8ff",
  "in-call": "#2dd4a7",
  open: "#7ee787",
  fault: "#ff5d5d",
};

export function Door() {
  const t = useWords();
  useLink("house");
  const [problem, setProblem] = useState("");
  const { house } = link;
  const relays = house?.relays ?? [];
  const isReleased = relays.some(({ isOn }) => isOn);
  useTick(100, isReleased);
  if (house === null) return <section class="card door" aria-busy="true" />;
  const door = house.parties[0];
  const leaf = house.isOpen ? "door.leaf.open" : "door.leaf.shut";
  const status = t("door.status", {
    led: wordOr(t, "led." + house.led, house.led),
    lock: t(isReleased ? "door.released" : "door.locked"),
    leaf: t(leaf),
    call: wordOr(t, "call." + door.call, door.call),
  });
  const move = (): void => {
    if (!house.isOpen && !isReleased) {
      setProblem(t("door.islocked"));
      return;
    }
    setProblem("");
    void link.order({ do: "door", open: !house.isOpen });
  };
  return (
    <section class="card door">
      <div class="card-head">
        <h2>{t("door.title")}</h2>
        <span class={"chip " + (door.register === "registered" ? "good" : door.register === "" ? "" : "warn")}>
          {wordOr(t, "register." + door.register, door.register)}
        </span>
        {door.register2 !== "" && (
          <span class={"chip " + (door.register2 === "registered" ? "good" : "warn")}>
            {"2: " + wordOr(t, "register." + door.register2, door.register2)}
          </span>
        )}
        <span class={"chip call " + door.call}>{wordOr(t, "call." + door.call, door.call)}</span>
      </div>
      <div class="scene">
        <div class="plate">
          <div class="plate-top">
            <span
              class={"light" + (house.isLit ? " lit" : "")}
              style={{ "--light": LIGHT[house.led] ?? "#5b6770" }}
              title={wordOr(t, "led." + house.led, house.led)}
            />
            <span class="light-name">{wordOr(t, "led." + house.led, house.led)}</span>
          </div>
          <Grille />
          <div class={"buttons of" + house.buttons.length}>
            {house.buttons.map((name, index) => (
              <BellButton
                key={name}
                name={name as ButtonName}
                label={index === 0 ? t("door.button") : t("door.button.n", { n: index + 1 })}
                hint={t("door.button.hint")}
                isFirst={index === 0}
              />
            ))}
          </div>
          {house.hasReader && <Reader />}
        </div>
        <Leaf isOpen={house.isOpen} isReleased={isReleased} />
        <button type="button" class="pull" onClick={move}>
          {t(house.isOpen ? "door.push" : "door.pull")}
        </button>
      </div>
      <div class="locks">
        {relays.map((relay, index) => (
          <Lock key={String(index)} relay={relay} name={t("relay.n", { n: index + 1 })} />
        ))}
        {house.hasExit && <ExitButton label={t("door.exit")} />}
      </div>
      {problem !== "" && !isReleased && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div class="meters">
        <LevelMeter label={t("door.microphone")} read={() => link.meters.door.microphone} />
        <LevelMeter label={t("door.speaker")} read={() => link.meters.door.speaker} />
      </div>
      <p class="unseen" role="status" aria-live="polite">
        {status}
      </p>
    </section>
  );
}

function pressing(name: ButtonName) {
  return holding(
    () => void link.order({ do: "press", button: name }),
    () => void link.order({ do: "release", button: name }),
  );
}

interface BellProps {
  name: ButtonName;
  label: string;
  hint: string;
  isFirst: boolean;
}

function BellButton({ name, label, hint, isFirst }: BellProps) {
  const hold = useMemo(() => pressing(name), [name]);
  return (
    <button type="button" class={"bell" + (isFirst ? " first" : "")} aria-label={label} title={hint} {...hold}>
      <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
        <path
          d="M6 17h12l-1.6-2.4V10a4.4 4.4 0 0 0-8.8 0v4.6zM10 19a2 2 0 0 0 4 0"
          fill="none"
          stroke="currentColor"
          stroke-width="1.7"
          stroke-linecap="round"
          stroke-linejoin="round"
        />
      </svg>
      {!isFirst && <span class="bell-name">{name.slice(-1)}</span>}
    </button>
  );
}

function ExitButton({ label }: { label: string }) {
  const hold = useMemo(() => pressing("exit"), []);
  return (
    <button type="button" class="exit" {...hold}>
      {label}
    </button>
  );
}

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const CARD = /^\d{1,11}$/;

/** The keypad and the reader of cards beside the buttons. */
function Reader() {
  const t = useWords();
  const [card, setCard] = useState("12345678");
  const [problem, setProblem] = useState("");
  const hold = async (event: Event): Promise<void> => {
    event.preventDefault();
    const number = Number(card);
    if (!CARD.test(card) || number > CARD_MOST) {
      setProblem(t("door.card.bad"));
      return;
    }
    const { ok, text } = await link.order({ do: "card", number });
    setProblem(ok ? "" : text || t("fail.nolink"));
  };
  return (
    <div class="reader" role="group" aria-label={t("door.keypad")} title={t("door.keypad.hint")}>
      <div class="reader-keys">
        {KEYS.map((key) => (
          <button
            type="button"
            key={key}
            aria-label={t("door.key", { key })}
            onClick={async () => {
              const { ok, text } = await link.order({ do: "key", key });
              setProblem(ok ? "" : text || t("fail.nolink"));
            }}
          >
            {key}
          </button>
        ))}
      </div>
      <form onSubmit={hold}>
        <input
          aria-label={t("door.card")}
          inputMode="numeric"
          autoComplete="off"
          maxLength={11}
          value={card}
          onInput={(event) => setCard(event.currentTarget.value)}
        />
        <button type="submit" class="swipe" aria-label={t("door.card.hold")} title={t("door.card.hold")}>
          <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
            <path
              d="M4 7h11v10H4zM4 10h11M18 9a4 4 0 0 1 0 6M20.5 7a7 7 0 0 1 0 10"
              fill="none"
              stroke="currentColor"
              stroke-width="1.6"
              stroke-linecap="round"
            />
          </svg>
        </button>
      </form>
      {problem !== "" && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

/** The holes before the loudspeaker. */
function Grille() {
  const holes = [];
  for (let y = 0; y < 5; y++)
    for (let x = 0; x < 9; x++) holes.push(<circle key={x + "," + y} cx={x * 8 + 4} cy={y * 8 + 4} r={1.7} />);
  return (
    <svg class="grille" viewBox="0 0 72 40" aria-hidden="true">
      {holes}
    </svg>
  );
}

/** The door itself, its bolt drawn back while a relay is on. */
function Leaf({ isOpen, isReleased }: { isOpen: boolean; isReleased: boolean }) {
  return (
    <svg
      class={"leaf" + (isOpen ? " open" : "") + (isReleased ? " released" : "")}
      viewBox="0 0 150 250"
      aria-hidden="true"
    >
      <rect class="frame" x="3" y="3" width="144" height="244" rx="3" />
      <rect class="beyond" x="12" y="12" width="126" height="235" />
      <path class="floor" d="M12 247 42 200h66l30 47z" />
      <circle class="lamp" cx="75" cy="70" r="26" />
      <g class="swing">
        <rect class="wood" x="12" y="12" width="126" height="235" />
        <rect class="panel" x="30" y="30" width="90" height="76" rx="3" />
        <rect class="panel" x="30" y="122" width="90" height="106" rx="3" />
        <rect class="handle-plate" x="17" y="124" width="9" height="34" rx="4" />
        <path class="handle" d="M21 134h20" />
      </g>
      <rect class="strike" x="2" y="128" width="10" height="26" rx="2" />
      <rect class="bolt" x="5" y="135" width="15" height="12" rx="2" />
    </svg>
  );
}

function Lock({ relay, name }: { relay: RelayState; name: string }) {
  const t = useWords();
  const leftMs = relay.untilMs < 0 ? -1 : Math.max(0, relay.untilMs - link.now());
  const word = t(relay.isOn ? "door.released" : "door.locked");
  return (
    <div class={"lock" + (relay.isOn ? " on" : "")}>
      <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
        <path
          d={relay.isOn ? "M6 11h12v9H6zM9 11V8a3 3 0 0 1 5.6-1.5" : "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3"}
          fill="none"
          stroke="currentColor"
          stroke-width="1.8"
          stroke-linejoin="round"
        />
      </svg>
      <span>{name}</span>
      <span class="unseen">{word}</span>
      {relay.isOn && leftMs >= 0 && <span class="left">{t("door.seconds", { s: (leftMs / 1000).toFixed(1) })}</span>}
    </div>
  );
}
