/**
 * Chooses the kind of house, which is made anew when another is wanted, and shows how a SIP phone of one's own gets
 * into it.
 */
import { useEffect, useState } from "preact/hooks";
import { type Mode, ROOMS } from "../protocol.js";
import { useLink } from "./hooks.js";
import { link } from "./link.js";
import { Voices } from "./soundchoice.js";
import { useWords } from "./words.js";

export function Setup() {
  const t = useWords();
  useLink("house");
  const { house } = link;
  const [wanted, setWanted] = useState<Mode | null>(null);
  const [isMaking, setMaking] = useState(false);
  const [problem, setProblem] = useState("");
  if (house === null) return null;
  const mode = wanted ?? house.mode;
  const apply = async (event: Event): Promise<void> => {
    event.preventDefault();
    setMaking(true);
    const { ok, text } = await link.order({ do: "mode", mode });
    setMaking(false);
    setWanted(null);
    setProblem(ok ? "" : text || t("fail.nolink"));
  };
  return (
    <section>
      <h2>{t("setup.title")}</h2>
      <form onSubmit={apply} class="setup">
        <fieldset>
          <legend>{t("setup.server")}</legend>
          {(["proxy", "redirect", "none"] as const).map((server) => (
            <label key={server} class="check">
              <input
                type="radio"
                name="server"
                checked={mode.server === server}
                onChange={() => setWanted({ ...mode, server })}
              />
              <span>{t(`setup.server.${server}`)}</span>
            </label>
          ))}
        </fieldset>
        <fieldset>
          <legend>{t("setup.time")}</legend>
          {([false, true] as const).map((isVirtual) => (
            <label key={String(isVirtual)} class="check">
              <input
                type="radio"
                name="time"
                checked={mode.isVirtual === isVirtual}
                onChange={() => setWanted({ ...mode, isVirtual })}
              />
              <span>{t(isVirtual ? "setup.time.virtual" : "setup.time.real")}</span>
            </label>
          ))}
        </fieldset>
        <fieldset>
          <legend>{t("setup.room")}</legend>
          {ROOMS.map((room) => (
            <label key={room} class="check">
              <input
                type="radio"
                name="room"
                checked={mode.room === room}
                onChange={() => setWanted({ ...mode, room })}
              />
              <span>{t(`setup.room.${room}`)}</span>
            </label>
          ))}
        </fieldset>
        <label class="row">
          <span>{t("setup.phones")}</span>
          <select
            value={String(mode.phones)}
            onChange={(event) => setWanted({ ...mode, phones: Number(event.currentTarget.value) })}
          >
            {[0, 1, 2, 3, 4].map((phones) => (
              <option key={phones} value={String(phones)}>
                {phones}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" class="go" disabled={isMaking || wanted === null}>
          {t(isMaking ? "setup.applying" : "setup.apply")}
        </button>
        {problem !== "" && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
      </form>
      <h3>{t("setup.voices")}</h3>
      <Voices />
      <h3>{t("setup.softphone")}</h3>
      <Softphone />
    </section>
  );
}

/** Helps with a phone of one's own: it calls the door by its address, or registers and is called then. */
function Softphone() {
  const t = useWords();
  const { house } = link;
  const [problem, setProblem] = useState("");
  if (house === null) return null;
  if (house.time.isVirtual) return <p class="quiet">{t("setup.softphone.virtual")}</p>;
  const { softphone } = house;
  const [, user = "", host = "", port = ""] = /^sip:([^@]*)@([^:]*):(\d+)$/.exec(house.parties[0].address) ?? [];
  const ring = async (isRung: boolean): Promise<void> => {
    const names = house.parties.slice(1).map(({ name }) => name);
    if (isRung && softphone !== null) names.push(softphone.user);
    for (const line of ["set button1.day=" + names.join(","), "save"]) {
      const { ok, text } = await link.order({ do: "line", line });
      if (ok && !text.startsWith("error: ")) continue;
      setProblem(text.trim() || t("fail.nolink"));
      return;
    }
    setProblem("");
  };
  return (
    <>
      <p class="quiet">{t("setup.softphone.how")}</p>
      <Way
        uri={house.parties[0].address}
        figures={[
          ["user", user],
          ["server", host],
          ["port", port],
          ["transport", "UDP, TCP"],
        ]}
      />
      {softphone !== null && (
        <>
          <p class="quiet">{t("setup.softphone.register")}</p>
          <Way
            uri={"sip:" + softphone.user + "@" + house.serverAt}
            figures={[
              ["user", softphone.user],
              ["password", softphone.password],
              ["server", house.serverAt],
              ["transport", "UDP, TCP"],
            ]}
          />
          <p role="status">
            {softphone.phones.length === 0
              ? t("setup.softphone.none")
              : t("setup.softphone.there", { at: softphone.phones.map(({ at }) => at).join(", ") })}
          </p>
          <label class="check">
            <input type="checkbox" checked={softphone.isRung} onChange={(event) => ring(event.currentTarget.checked)} />
            <span>{t("setup.softphone.ring")}</span>
          </label>
          {problem !== "" && (
            <p class="problem" role="alert">
              {problem}
            </p>
          )}
        </>
      )}
      {host.startsWith("127.") && <p class="quiet">{t("setup.softphone.here")}</p>}
    </>
  );
}

interface WayProps {
  uri: string;
  figures: readonly (readonly ["user" | "password" | "server" | "port" | "transport", string])[];
}

/** Shows an address to scan, and the settings that a phone needs for it. */
function Way({ uri, figures }: WayProps) {
  const t = useWords();
  const [code, setCode] = useState("");
  useEffect(() => {
    void import("uqr").then(({ encode }) => {
      const { data, size } = encode(uri, { border: 2 });
      let path = "";
      for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) if (data[y][x]) path += `M${x} ${y}h1v1h-1z`;
      setCode(size + " " + path);
    });
  }, [uri]);
  const size = code.split(" ", 1)[0];
  return (
    <div class="softphone">
      {code !== "" && (
        <svg class="qr" viewBox={"0 0 " + size + " " + size} role="img" aria-label={uri}>
          <rect width="100%" height="100%" fill="#fff" />
          <path d={code.slice(size.length + 1)} fill="#000" />
        </svg>
      )}
      <div>
        <p>
          <code>{uri}</code>
        </p>
        <dl class="figures">
          {figures.map(([name, value]) => (
            <div key={name}>
              <dt>{t(`setup.softphone.${name}`)}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </div>
    </div>
  );
}
