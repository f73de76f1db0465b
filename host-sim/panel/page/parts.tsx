/** Small things that several parts of the page have. */
import { useEffect, useRef } from "preact/hooks";
import { link } from "./link.js";

const SILENT_DB = -60;

/** A level meter: it draws itself, ten times a second. */
export function LevelMeter({ label, read }: { label: string; read: () => number }) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(
    () =>
      link.listen("meters", () => {
        const share = Math.max(0, Math.min(1, (read() - SILENT_DB) / -SILENT_DB));
        bar.current?.style.setProperty("--level", share.toFixed(3));
        bar.current?.setAttribute("aria-valuenow", String(Math.round(share * 100)));
      }),
    [],
  );
  return (
    <div class="meter">
      <span class="meter-name">{label}</span>
      <div
        ref={bar}
        class="meter-bar"
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={0}
      />
    </div>
  );
}

/**
 * Handlers for a button that is held by mouse, finger or key; a click that comes alone, as from a screen reader, is a
 * short push.
 */
export function holding(press: () => void, release: () => void) {
  let isHeld = false;
  const down = (): void => {
    if (isHeld) return;
    isHeld = true;
    press();
  };
  const up = (): void => {
    if (!isHeld) return;
    isHeld = false;
    release();
  };
  return {
    onPointerDown: (event: PointerEvent): void => {
      if (event.button !== 0) return;
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      down();
    },
    onPointerUp: up,
    onPointerCancel: up,
    onKeyDown: (event: KeyboardEvent): void => {
      if ((event.key !== " " && event.key !== "Enter") || event.repeat) return;
      event.preventDefault();
      down();
    },
    onKeyUp: (event: KeyboardEvent): void => {
      if (event.key === " " || event.key === "Enter") up();
    },
    onClick: (event: MouseEvent): void => {
      // A pointer's own click has been a push already.
      if (event.detail !== 0) return;
      down();
      up();
    },
    onBlur: up,
    // A finger that rests for long opens no menu.
    onContextMenu: (event: Event): void => event.preventDefault(),
  };
}
