/**
 * Shows the door's settings as a form, made from the schema of a settings file; each change goes through the door's
 * console, which checks it.
 */
import { useEffect, useMemo, useState } from "preact/hooks";
import { useLink } from "./hooks.js";
import { link } from "./link.js";
import { useWords } from "./words.js";

interface Property {
  description?: string;
  default?: string | number;
  enum?: (string | number | boolean)[];
  anyOf?: { type: string; minimum?: number; maximum?: number }[];
  writeOnly?: boolean;
  type?: string;
}
type Values = Record<string, string>;

/** The keys of the schema that are not settings. */
const OTHERS = new Set(["$schema", "version", "leftOut", "secrets"]);

export function Settings() {
  const t = useWords();
  useLink("link");
  const [schema, setSchema] = useState<Record<string, Property>>({});
  const [values, setValues] = useState<Values>({});
  const [unsaved, setUnsaved] = useState<Values>({});
  const [problems, setProblems] = useState<Values>({});
  const [said, setSaid] = useState("");
  const [search, setSearch] = useState("");

  const read = async (): Promise<void> => {
    const all = await ask("get --json");
    if (all === null) {
      setSaid(t("settings.locked"));
      return;
    }
    setValues(all);
    setUnsaved((await ask("diff --json")) ?? {});
  };
  useEffect(() => {
    void fetch("/door.schema.json")
      .then((response) => response.json())
      .then((json: { properties: Record<string, Property> }) => setSchema(json.properties))
      .catch(() => setSaid(t("fail.nolink")));
  }, []);
  useEffect(() => {
    if (link.isOpen) void read();
  }, [link.isOpen]);

  const change = async (key: string, value: string): Promise<void> => {
    const { text } = await link.order({ do: "line", line: "set " + key + "=" + value });
    const isWrong = text.startsWith("error: ");
    setProblems((before) => ({ ...before, [key]: isWrong ? text.slice(7).trim() : "" }));
    setSaid("");
    if (!isWrong) await read();
  };
  const order = async (line: string, done: string): Promise<void> => {
    const { ok, text } = await link.order({ do: "line", line });
    setSaid(!ok ? t("fail.nolink") : text.startsWith("error: ") ? text.trim() : done);
    setProblems({});
    await read();
  };

  const needle = search.trim().toLowerCase();
  const groups = useMemo(() => {
    const found = new Map<string, [string, Property][]>();
    for (const [key, property] of Object.entries(schema)) {
      if (OTHERS.has(key) || !(key + " " + (property.description ?? "")).toLowerCase().includes(needle)) continue;
      const group = key.split(".")[0];
      found.set(group, [...(found.get(group) ?? []), [key, property]]);
    }
    return [...found];
  }, [schema, needle]);
  const changed = Object.keys(unsaved).length;
  return (
    <section class="settings-part">
      <h2>{t("settings.title")}</h2>
      <div class="settings-head">
        <input
          type="search"
          aria-label={t("settings.search")}
          placeholder={t("settings.search")}
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
        <button type="button" class="go" disabled={changed === 0} onClick={() => order("save", t("settings.saved"))}>
          {t("settings.save")}
        </button>
        <button type="button" disabled={changed === 0} onClick={() => order("revert", t("settings.reverted"))}>
          {t("settings.revert")}
        </button>
      </div>
      <p class="quiet" role="status">
        {said || t("settings.changed", { n: changed })}
      </p>
      {groups.length === 0 && needle !== "" && <p class="quiet">{t("settings.none")}</p>}
      {groups.map(([group, entries]) => (
        <details key={group} class="group" open={needle !== "" || group === "sip" || group === "relay1"}>
          <summary>
            {group} <small>{entries.length}</small>
          </summary>
          {entries.map(([key, property]) => (
            <Field
              key={key}
              name={key}
              property={property}
              value={unsaved[key] ?? values[key] ?? ""}
              isUnsaved={key in unsaved}
              problem={problems[key] ?? ""}
              onChange={(value) => change(key, value)}
            />
          ))}
        </details>
      ))}
    </section>
  );
}

interface FieldProps {
  name: string;
  property: Property;
  value: string;
  isUnsaved: boolean;
  problem: string;
  onChange(value: string): void;
}

function Field({ name, property, value, isUnsaved, problem, onChange }: FieldProps) {
  const t = useWords();
  const choices = property.enum?.filter((one) => typeof one === "string") as string[] | undefined;
  const first = String(property.default ?? "");
  return (
    <div class={"field" + (isUnsaved ? " unsaved" : "") + (problem !== "" ? " wrong" : "")}>
      <label for={"set-" + name}>
        <code>{name}</code>
        {isUnsaved && <span class="chip warn">{t("settings.unsaved")}</span>}
      </label>
      {choices !== undefined ? (
        <select id={"set-" + name} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={"set-" + name}
          type={(property.writeOnly === true ? "password" : "text") as "text"}
          autoComplete="off"
          spellcheck={false}
          placeholder={property.writeOnly === true ? t("settings.secret") : first}
          value={property.writeOnly === true ? "" : value}
          aria-describedby={"help-" + name}
          aria-invalid={problem !== ""}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      )}
      <p class="quiet" id={"help-" + name}>
        {property.description}
        {first !== "" && " · " + t("settings.default", { value: first })}
      </p>
      {problem !== "" && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

/** @returns the console's answer, by name; null when it refuses */
async function ask(line: string): Promise<Values | null> {
  const { ok, text } = await link.order({ do: "line", line });
  if (!ok) return null;
  try {
    const { ok: isDone, ...values } = JSON.parse(text) as Values & { ok: unknown };
    return isDone === true ? values : null;
  } catch {
    return null;
  }
}
