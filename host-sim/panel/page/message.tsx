/**
 * Shows one row of the ladder as a whole: a sentence that explains it, and a message as the parser sees it, each line
 * explained on a click.
 */
import { useEffect, useState } from "preact/hooks";
import type { Item, RawLine } from "../protocol.js";
import { explainHeader } from "../words/index.js";
import { keyOf } from "./ladder.js";
import { link } from "./link.js";
import { Sentence, useWords } from "./words.js";

interface Props {
  item: Item;
  onClose(): void;
  onMove(by: number): void;
}

export function MessageView({ item, onClose, onMove }: Props) {
  const t = useWords();
  const [lines, setLines] = useState<RawLine[]>([]);
  const [problem, setProblem] = useState("");
  const [asked, ask] = useState(-1);
  useEffect(() => {
    if (item.kind !== "message") return;
    void link.order({ do: "raw", item: item.id }).then(({ raw }) => {
      if (raw === undefined) setProblem(t("message.gone"));
      else setLines(raw);
    });
  }, [item.id]);
  const title =
    item.kind === "message"
      ? item.text
      : item.kind === "state"
        ? item.event + " " + item.value
        : item.from + " ⇄ " + item.to;
  return (
    <div class="detail">
      <div class="card-head">
        <h3>{title}</h3>
        <button type="button" class="small" aria-label={t("message.previous")} onClick={() => onMove(-1)}>
          ↑
        </button>
        <button type="button" class="small" aria-label={t("message.next")} onClick={() => onMove(1)}>
          ↓
        </button>
        <button type="button" class="small" onClick={onClose}>
          {t("message.close")}
        </button>
      </div>
      <p class="explained">
        <Sentence of={keyOf(item)} />
      </p>
      {problem !== "" && <p class="problem">{problem}</p>}
      {lines.length > 0 && (
        <>
          <div class="raw">
            {lines.map((line, index) => (
              <div key={String(index)}>
                {line.parts.length === 0 && <br />}
                <button
                  type="button"
                  hidden={line.parts.length === 0}
                  class={"raw-line" + (asked === index ? " asked" : "")}
                  aria-expanded={asked === index}
                  onClick={() => ask(asked === index ? -1 : index)}
                >
                  {line.parts.map(([kind, text], at) => (
                    <span key={String(at)} class={kind === "" ? undefined : "span-" + kind}>
                      {text}
                    </span>
                  ))}
                </button>
                {asked === index && line.header !== "" && (
                  <p class="explained">
                    <Sentence of={explainHeader(line.header)} />
                  </p>
                )}
              </div>
            ))}
          </div>
          <p class="quiet">{t("message.hint")}</p>
        </>
      )}
    </div>
  );
}
