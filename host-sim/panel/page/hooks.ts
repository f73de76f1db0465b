/** Ties parts of the page to what the link knows, to the width of the window, and to what this browser remembers. */
import { useEffect, useReducer, useState } from "preact/hooks";
import { link } from "./link.js";

/** Draws anew whenever one of these changes. */
export function useLink(...what: ("house" | "items" | "meters" | "stats" | "link" | "problem")[]): void {
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0);
  // The names are written at the call, and stay the same.
  useEffect(() => {
    const ends = what.map((one) => link.listen(one, () => redraw()));
    return () => {
      for (const end of ends) end();
    };
  }, []);
}

/** Draws anew every `ms`, while `isOn`. */
export function useTick(ms: number, isOn: boolean): void {
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0);
  useEffect(() => {
    if (!isOn) return;
    const timer = setInterval(() => redraw(), ms);
    return () => clearInterval(timer);
  }, [ms, isOn]);
}

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const update = (): void => setMatches(media.matches);
    media.addEventListener("change", update);
    return () => media.removeEventListener("change", update);
  }, [query]);
  return matches;
}

/** A choice that this browser remembers; without storage it holds for now. */
export function useKept(key: string, initial: string): [string, (value: string) => void] {
  const [value, setValue] = useState(() => kept(key) ?? initial);
  return [
    value,
    (next) => {
      setValue(next);
      keep(key, next);
    },
  ];
}

export function kept(key: string): string | null {
  try {
    return localStorage.getItem("portero." + key);
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem("portero." + key, value);
  } catch {
    // The choice holds for now if there is no storage.
  }
}
