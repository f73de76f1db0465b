/** The indoor phone: it rings, is answered, sends digits, opens the door. Further phones are shown in short. */
import { useEffect, useState } from "preact/hooks";
import type { PartyState, PhoneVerb } from "../protocol.js";
import { sound } from "./audio.js";
import { keep, kept, useKept, useLink, useTick } from "./hooks.js";
import { link } from "./link.js";
import { LevelMeter } from "./parts.js";
import { type Translate, useWords, wordOr } from "./words.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const CODE = /^[0-9]{4,8}$/;

export function isIn(state: PartyState): boolean {
  return state.call !== "" && state.call !== "ended";
}
const isRinging = (state: PartyState): boolean => state.call === "ringing" && state.direction === "in";
const isTalking = (state: PartyState): boolean => state.call === "confirmed" || state.call === "held";

async function tell(who: string, verb: PhoneVerb, value = ""): Promise<string> {
  const { ok, text } = await link.order({ do: "phone", who, verb, value });
  return ok ? "" : text;
}

export function Phone() {
  const t = useWords();
  useLink("house");
  const [problem, setProblem] = useState("");
  const [manner, setManner] = useKept("digits", "dtmf");
  const [bell, setBell] = useKept("bell", "on");
  const [typed, setTyped] = useState("");
  const [isAsking, setAsking] = useState(false);
  const { house } = link;
  const phone = house?.parties[1];
  const others = house?.parties.slice(2) ?? [];
  const rings = house?.parties.slice(1).some(isRinging) ?? false;
  useTick(500, phone !== undefined && isTalking(phone));
  useEffect(() => sound.ring(rings && bell === "on"), [rings, bell]);
  useEffect(() => {
    if (phone === undefined || !isIn(phone)) setTyped("");
  }, [phone?.call]);
  if (house === null) return <section class="card phone" aria-busy="true" />;
  if (phone === undefined)
    return (
      <section class="card phone">
        <h2>{t("phone.title")}</h2>
        <p class="quiet">{t("phone.none")}</p>
      </section>
    );
  const isGuestThere = phone.register === "registered" && (house.softphone?.phones.length ?? 0) > 0;
  const say = async (verb: PhoneVerb, value = ""): Promise<void> => setProblem(await tell(phone.name, verb, value));
  const digit = (key: string): void => {
    if (!isTalking(phone)) {
      setProblem(t("phone.nocall"));
      return;
    }
    setTyped((before) => (before + key).slice(-16));
    void say(manner as PhoneVerb, key);
    if (!house.hasCode) setAsking(true);
  };
  const open = (): void => {
    const code = kept("code");
    if (!house.hasCode || code === null) {
      setAsking(true);
      return;
    }
    if (!isTalking(phone)) {
      setProblem(t("phone.nocall"));
      return;
    }
    void say(manner as PhoneVerb, code);
  };
  return (
    <section class={"card phone" + (isRinging(phone) ? " rings" : "")}>
      <div class="card-head">
        <h2>{t("phone.title")}</h2>
        <span class={"chip " + (phone.register === "registered" ? "good" : "")}>
          {wordOr(t, "register." + phone.register, phone.register)}
        </span>
        <button type="button" class="small" onClick={() => setBell(bell === "on" ? "off" : "on")}>
          {t(bell === "on" ? "phone.silent" : "phone.bell")}
        </button>
      </div>
      <div class="screen" role="status" aria-live="polite">
        <span class="screen-state">{stateOf(t, phone)}</span>
        <span class="screen-digits">{typed === "" ? timeOf(phone) : typed}</span>
      </div>
      <div class="calls">
        {isRinging(phone) && (
          <>
            <button type="button" class="go" onClick={() => say("answer")}>
              {t("phone.answer")}
            </button>
            <button type="button" class="stop" onClick={() => say("hangup")}>
              {t("phone.reject")}
            </button>
          </>
        )}
        {!isIn(phone) && (
          <button type="button" class="go" onClick={() => say("call")}>
            {t("phone.call")}
          </button>
        )}
        {isIn(phone) && !isRinging(phone) && (
          <button type="button" class="stop" onClick={() => say("hangup")}>
            {t("phone.hangup")}
          </button>
        )}
        {isTalking(phone) && (
          <button type="button" onClick={() => say(phone.call === "held" ? "resume" : "hold")}>
            {t(phone.call === "held" ? "phone.resume" : "phone.hold")}
          </button>
        )}
        <button type="button" class="open" onClick={open}>
          {t("phone.open")}
        </button>
      </div>
      {isTalking(phone) && (others.length > 0 || isGuestThere) && (
        <div class="calls">
          {others
            .filter((other) => !isIn(other))
            .map((other) => (
              <button type="button" key={other.name} onClick={() => say("transfer", targetOf(other))}>
                {t("phone.transfer", { to: other.name })}
              </button>
            ))}
          {isGuestThere && (
            <button type="button" onClick={() => say("transfer", house.softphone?.user)}>
              {t("phone.transfer", { to: house.softphone?.user ?? "" })}
            </button>
          )}
        </div>
      )}
      {isAsking && <CodeForm hasCode={house.hasCode} onDone={() => setAsking(false)} />}
      {problem !== "" && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div class="keypad" role="group" aria-label={t("phone.keypad")}>
        {KEYS.map((key) => (
          <button type="button" key={key} aria-label={t("phone.digit", { digit: key })} onClick={() => digit(key)}>
            {key}
          </button>
        ))}
      </div>
      <label class="row">
        <span>{t("phone.digits.as")}</span>
        <select value={manner} onChange={(event) => setManner(event.currentTarget.value)}>
          <option value="dtmf">{t("phone.digits.rtp")}</option>
          <option value="info">{t("phone.digits.info")}</option>
          <option value="tones">{t("phone.digits.tones")}</option>
        </select>
      </label>
      <div class="meters">
        <LevelMeter label={t("door.microphone")} read={() => link.meters.phone.microphone} />
        <LevelMeter label={t("door.speaker")} read={() => link.meters.phone.speaker} />
      </div>
      {others.length > 0 && <Others parties={others} />}
    </section>
  );
}

/** @returns the target as the phone's console takes it: the user in the house's domain, or the address */
function targetOf({ address, name, register }: PartyState): string {
  return register === "registered" ? name : address;
}

function stateOf(t: Translate, state: PartyState): string {
  if (isRinging(state)) return t("phone.incoming");
  if (state.call === "confirmed")
    return t("phone.talking") + (state.privacy === "" ? "" : ", " + wordOr(t, "privacy." + state.privacy, ""));
  if (state.call === "held") return t("phone.held");
  if (isIn(state)) return t("phone.outgoing");
  if (state.call === "ended" && state.reason !== "") return t("phone.ended", { reason: state.reason });
  return t("phone.idle");
}

function timeOf(state: PartyState): string {
  if (state.sinceMs < 0) return "";
  const seconds = Math.max(0, Math.floor((link.now() - state.sinceMs) / 1000));
  return Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
}

/** Asks for the code once if the phone does not know it. A door without a code says how to set one. */
function CodeForm({ hasCode, onDone }: { hasCode: boolean; onDone: () => void }) {
  const t = useWords();
  const [code, setCode] = useState(hasCode ? "" : "2580");
  const [problem, setProblem] = useState("");
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!CODE.test(code)) {
      setProblem(t("phone.code.bad"));
      return;
    }
    if (!hasCode)
      for (const line of ["set relay1.code=" + code, "save"]) {
        const { ok, text } = await link.order({ do: "line", line });
        if (ok && !text.startsWith("error: ")) continue;
        setProblem(text.trim() || t("fail.nolink"));
        return;
      }
    keep("code", code);
    onDone();
  };
  return (
    <form class="ask" onSubmit={submit}>
      <label for="code">{t(hasCode ? "phone.code.unknown" : "phone.code.none")}</label>
      <div class="row">
        <input
          id="code"
          inputMode="numeric"
          autoComplete="off"
          maxLength={8}
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
        <button type="submit" class="go">
          {t(hasCode ? "phone.code.use" : "phone.code.set")}
        </button>
      </div>
      {problem !== "" && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

function Others({ parties }: { parties: readonly PartyState[] }) {
  const t = useWords();
  return (
    <ul class="others" aria-label={t("phone.others")}>
      {parties.map((state, index) => (
        <li key={state.name} class={isRinging(state) ? "rings" : ""}>
          <span>{t("phone.title.n", { n: index + 2 })}</span>
          <span class={"chip call " + state.call}>{wordOr(t, "call." + state.call, state.call)}</span>
          {isRinging(state) && (
            <button type="button" class="go" onClick={() => tell(state.name, "answer")}>
              {t("phone.answer")}
            </button>
          )}
          {isIn(state) && (
            <button type="button" class="stop" onClick={() => tell(state.name, "hangup")}>
              {t(isRinging(state) ? "phone.reject" : "phone.hangup")}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
