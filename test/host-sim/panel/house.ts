/** A house behind the panel's interface, in virtual time that stands still unless it is told to go on. */
import { NO_SPEAKER, SamplesInput } from "../../../host-sim/io/audio.js";
import { MemoryStore } from "../../../host-sim/io/store.js";
import type { Item, Mode, Order } from "../../../host-sim/panel/protocol.js";
import { PanelWorld } from "../../../host-sim/panel/world.js";
import { boardOf } from "../../../host-sim/world/boards.js";
import type { SimEvent } from "../../../host-sim/world/events.js";
import { Ladder } from "../../../host-sim/world/ladder.js";

export const VIRTUAL: Mode = { server: "proxy", phones: 1, isVirtual: true, room: "none" };

export class TestHouse {
  readonly events: SimEvent[] = [];
  readonly world: PanelWorld;

  constructor(mode: Mode = VIRTUAL, set: Record<string, string> = {}, boardName = "") {
    const board = boardOf(boardName);
    if (board === null) throw new Error(boardName);
    this.world = new PanelWorld(
      {
        board,
        ofFile: [],
        ofLine: Object.entries(set).map(([key, value]) => ({ key, value })),
        seed: 1,
        store: new MemoryStore(),
        isKept: false,
        microphone: new SamplesInput(),
        speaker: NO_SPEAKER,
        ladder: new Ladder(() => {}),
      },
      mode,
      false,
      (event) => this.events.push(event),
    );
  }

  async start(): Promise<this> {
    await this.world.start();
    if (this.world.state().time.isVirtual) await this.order({ do: "pause", on: true });
    return this;
  }

  /** @throws Error if the house refuses */
  async order(order: Order): Promise<void> {
    const problem = await this.world.order(order);
    if (problem !== "") throw new Error(problem);
  }

  async pass(seconds: number): Promise<void> {
    const { virtual } = this.world.house;
    if (virtual === null) throw new Error("real time");
    await virtual.runUntil(virtual.now() + seconds * 1000);
  }

  async press(ms = 100): Promise<void> {
    await this.order({ do: "press", button: "button1" });
    await this.pass(ms / 1000);
    await this.order({ do: "release", button: "button1" });
    await this.pass(0.2);
  }

  async phone(
    verb: "answer" | "hangup" | "call" | "dtmf" | "info" | "tones" | "hold" | "resume",
    value = "",
  ): Promise<void> {
    await this.order({ do: "phone", who: "phone", verb, value });
    await this.pass(0.3);
  }

  /** @returns the rows of the page's ladder */
  rows(): string[] {
    return this.world.journal.items.map(rowOf);
  }
}

export function rowOf(item: Item): string {
  if (item.kind === "state") return item.who + ": " + item.event + " " + item.value;
  if (item.kind === "band") return item.from + " = " + item.to;
  return item.from + " > " + item.to + ": " + item.text;
}
