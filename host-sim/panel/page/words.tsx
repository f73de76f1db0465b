/** The words of the page in the language that was chosen; Chinese is fetched when it is. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { en, enExplain } from "../words/en.js";
import type { Explanations, WordKey, Words } from "../words/index.js";
import { type ExplainKey, RFC } from "../words/rfc.js";

export type Language = "en" | "zh";
export interface Book {
  language: Language;
  words: Words;
  sentences: Explanations;
}
export const ENGLISH: Book = { language: "en", words: en, sentences: enExplain };

export async function loadBook(language: Language): Promise<Book> {
  if (language === "en") return ENGLISH;
  const { zh, zhExplain } = await import("../words/zh.js");
  return { language, words: zh, sentences: zhExplain };
}

export function firstLanguage(): Language {
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const BookContext = createContext<Book>(ENGLISH);

export type Translate = (key: WordKey, values?: Record<string, string | number>) => string;

export function useWords(): Translate {
  const { words } = useContext(BookContext);
  return (key, values) => {
    const text = words[key];
    if (values === undefined) return text;
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
  };
}

/** @returns the word for a key that is put together; an unknown word is shown as it is */
export function wordOr(t: Translate, key: string, otherwise: string): string {
  return key in ENGLISH.words ? t(key as WordKey) : otherwise;
}

/** Shows one sentence, and the place where it is defined. */
export function Sentence({ of }: { of: ExplainKey }) {
  const { sentences } = useContext(BookContext);
  return (
    <span class="sentence">
      {sentences[of]} {RFC[of] !== "" && <span class="rfc">{RFC[of]}</span>}
    </span>
  );
}
