/** What kind of house it is, made anew when another is wanted; and how a SIP phone of one's own gets into it. */
import { useEffect, useState } from "preact/hooks";
import type { Mode } from "../protocol.js";
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

function Softphone() {
  const t = useWords();
  const { house } = link;
  const [code, setCode] = useState("");
  const address = house?.parties[0].address ?? "";
  useEffect(() => {
    void import("uqr").then(({ encode }) => {
      const { data, size } = encode(address, { border: 2 });
      let path = "";
      for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) if (data[y][x]) path += `M${x} ${y}h1v1h-1z`;
      setCode(size + " " + path);
    });
  }, [address]);
  if (house === null) return null;
  if (house.time.isVirtual) return <p class="quiet">{t("setup.softphone.virtual")}</p>;
  const [, user = "", host = "", port = ""] = /^sip:([^@]*)@([^:]*):(\d+)$/.exec(address) ?? [];
  const size = code.split(" ", 1)[0];
  return (
    <div class="softphone">
      {code !== "" && (
        <svg class="qr" viewBox={"0 0 " + size + " " + size} role="img" aria-label={address}>
          <rect width="100%" height="100%" fill="#fff" />
          <path d={code.slice(size.length + 1)} fill="#000" />
        </svg>
      )}
      <div>
        <p class="quiet">{t("setup.softphone.how")}</p>
        <p>
          <code>{address}</code>
        </p>
        <dl class="figures">
          <div>
            <dt>{t("setup.softphone.user")}</dt>
            <dd>{user}</dd>
          </div>
          <div>
            <dt>{t("setup.softphone.server")}</dt>
            <dd>{host}</dd>
          </div>
          <div>
            <dt>{t("setup.softphone.port")}</dt>
            <dd>{port}</dd>
          </div>
          <div>
            <dt>{t("setup.softphone.transport")}</dt>
            <dd>UDP, TCP</dd>
          </div>
          <div>
            <dt>{t("setup.softphone.board")}</dt>
            <dd>{house.board}</dd>
          </div>
        </dl>
      </div>
    </div>
  );
}
