/** The door's serial console in a terminal. */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { useEffect, useRef } from "preact/hooks";
import { link } from "./link.js";
import { useWords } from "./words.js";

/** The one terminal lives as long as the page: what was printed while another part was open is not lost. */
const terminal = new Terminal({
  fontFamily: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
  fontSize: 13,
  cursorBlink: true,
  scrollback: 5000,
  screenReaderMode: true,
  convertEol: false,
  theme: { background: "#0e1a1f", foreground: "#d7e3e0", cursor: "#2dd4a7", selectionBackground: "#2b4a4f" },
});
const fit = new FitAddon();
terminal.loadAddon(fit);
terminal.onData((text) => link.keys(text, Math.max(20, terminal.cols)));
// A program's output ends its lines with LF only.
link.onConsole = (text) => terminal.write(text.replace(/\r?\n/g, "\r\n"));
link.onConsole(link.printed);

export function Console() {
  const t = useWords();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    if (terminal.element === undefined) {
      terminal.open(element);
      link.keys("\r", 80);
    } else element.append(terminal.element);
    fit.fit();
    terminal.focus();
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <section class="console-part">
      <h2>{t("console.title")}</h2>
      <p class="quiet">{t("console.hint")}</p>
      <div ref={place} class="terminal" />
    </section>
  );
}
