/** The page as a whole: its head, and which parts are seen at which width. Not here: what the parts are. */
// These are styles of parts that are fetched later, because a script that is fetched brings no styles.
import "@xterm/xterm/css/xterm.css";
import "uplot/dist/uPlot.min.css";
import "./panel.css";
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { sound } from "./audio.js";
import { Door } from "./door.js";
import { keep, kept, useKept, useLink, useMedia } from "./hooks.js";
import { Ladder } from "./ladder.js";
import { Lazy } from "./lazy.js";
import { link } from "./link.js";
import { Network } from "./network.js";
import { Phone } from "./phone.js";
import { Setup } from "./setup.js";
import { SoundChoice } from "./soundchoice.js";
import { TimeControl } from "./time.js";
import { type Book, BookContext, ENGLISH, firstLanguage, type Language, loadBook, useWords } from "./words.js";

const TABS = ["house", "ladder", "network", "console", "settings", "inside", "setup"] as const;
type Tab = (typeof TABS)[number];

function App() {
  const [book, setBook] = useState<Book>(ENGLISH);
  useLink("link");
  useEffect(() => {
    void loadBook((kept("language") as Language | null) ?? firstLanguage()).then(setBook);
  }, []);
  useEffect(() => {
    document.documentElement.lang = book.language === "zh" ? "zh-CN" : "en";
  }, [book]);
  const choose = (language: Language): void => {
    keep("language", language);
    void loadBook(language).then(setBook);
  };
  return (
    <BookContext.Provider value={book}>
      <Head language={book.language} onLanguage={choose} />
      <Gone />
      <Views />
    </BookContext.Provider>
  );
}

function Head({ language, onLanguage }: { language: Language; onLanguage: (language: Language) => void }) {
  const t = useWords();
  const [theme, setTheme] = useKept("theme", "auto");
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  return (
    <header class="head">
      <img src="/icon.svg" alt="" width="28" height="28" />
      <h1>Portero</h1>
      <span class="tagline">{t("app.tagline")}</span>
      <TimeControl />
      <label class="pick">
        <span class="unseen">{t("app.theme")}</span>
        <select value={theme} onChange={(event) => setTheme(event.currentTarget.value)}>
          <option value="auto">{t("theme.auto")}</option>
          <option value="light">{t("theme.light")}</option>
          <option value="dark">{t("theme.dark")}</option>
        </select>
      </label>
      <label class="pick">
        <span class="unseen">{t("app.language")}</span>
        <select value={language} onChange={(event) => onLanguage(event.currentTarget.value as Language)}>
          <option value="en">English</option>
          <option value="zh">中文</option>
        </select>
      </label>
    </header>
  );
}

/** Shows every failure, and above all that of the simulator. */
function Gone() {
  const t = useWords();
  useLink("link", "problem");
  if (link.isOpen && link.problem === "") return null;
  const text = link.isOpen ? link.problem : t(link.wasOpen ? "app.gone" : "app.connecting");
  return (
    <p class={"banner" + (link.wasOpen ? " bad" : "")} role={link.wasOpen ? "alert" : "status"}>
      {text}
    </p>
  );
}

function Views() {
  const t = useWords();
  const isWide = useMedia("(min-width: 1240px)");
  const isMiddle = useMedia("(min-width: 760px)");
  const [chosen, choose] = useKept("tab", "");
  const tabs = TABS.filter((tab) => !(tab === "house" && isMiddle) && !(tab === "ladder" && isWide));
  const first: Tab = isMiddle ? (isWide ? "network" : "ladder") : "house";
  const tab = tabs.find((one) => one === chosen) ?? first;
  const onKey = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    choose(next);
    document.getElementById("tab-" + next)?.focus();
  };
  const house = (
    <div class="house">
      <Door />
      <SoundChoice />
      <Phone />
    </div>
  );
  return (
    <main class={isWide ? "wide" : isMiddle ? "middle" : "narrow"}>
      {isMiddle && house}
      {isWide && <Ladder />}
      <section class="tools">
        <div class="tabs" role="tablist" aria-label={t("app.views")} onKeyDown={onKey}>
          {tabs.map((one) => (
            <button
              key={one}
              type="button"
              role="tab"
              id={"tab-" + one}
              aria-selected={one === tab}
              aria-controls="view"
              tabIndex={one === tab ? 0 : -1}
              onClick={() => choose(one)}
            >
              <Sign of={one} />
              <span>{t(`tab.${one}`)}</span>
            </button>
          ))}
        </div>
        <div class={"view view-" + tab} role="tabpanel" id="view" tabIndex={0} aria-labelledby={"tab-" + tab}>
          {tab === "house" && house}
          {tab === "ladder" && <Ladder />}
          {tab === "network" && <Network />}
          {tab === "console" && <Lazy load={() => import("./console.js").then(({ Console }) => Console)} />}
          {tab === "settings" && <Lazy load={() => import("./settings.js").then(({ Settings }) => Settings)} />}
          {tab === "inside" && <Lazy load={() => import("./inside.js").then(({ Inside }) => Inside)} />}
          {tab === "setup" && <Setup />}
        </div>
      </section>
    </main>
  );
}

const SIGNS: Record<Tab, string> = {
  house: "M4 11 12 4l8 7v9h-5v-6H9v6H4z",
  ladder: "M6 3v18M18 3v18M6 8h9m0 0-3-2m3 2-3 2M18 15H9m0 0 3-2m-3 2 3 2",
  network: "M3 9a13 13 0 0 1 18 0M6 13a8.5 8.5 0 0 1 12 0M9 16.5a4.5 4.5 0 0 1 6 0M12 20h.01",
  console: "M4 5h16v14H4zM8 9l3 3-3 3m5 0h4",
  settings: "M4 7h10m4 0h2M4 17h2m4 0h10M16 5v4M8 15v4",
  inside: "M4 19V5m0 14h16M8 16v-5m4 5V8m4 8v-3",
  setup: "M12 3v18M3 12h18M6 6l12 12M18 6 6 18",
};

function Sign({ of }: { of: Tab }) {
  return (
    <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
      <path
        d={SIGNS[of]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.8"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

link.listen("house", () => {
  if (link.house !== null) sound.follow(link.house.talkers);
});
link.listen("link", () => {
  if (!link.isOpen) sound.lost();
});
// These are for people who inspect the page with the browser's own tools, and for tests.
Object.assign(window, { portero: { link, sound } });
link.start();
render(<App />, document.getElementById("app") as HTMLElement);
