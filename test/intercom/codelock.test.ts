import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Timers } from "../../src/core/timers.js";
import { CodeLock } from "../../src/intercom/codelock.js";
import { Record } from "../../src/settings/record.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Makes a store in which a firmware before this one has kept its lock. */
function oldStore(kept: string): MemoryStore {
  const store = new MemoryStore();
  new Record(store, "lock").write(kept);
  return store;
}

describe("A lock that a newer firmware kept in a form of its own", () => {
  it("gives way: guesses count over a power cut all the same", () => {
    const store = new MemoryStore();
    store.write("lock.a", "portero 3 8 x\n");
    store.write("lock.b", "portero 3 9 x\n");
    const board = new Board(["2580"], store);
    for (let i = 0; i < 5; i++) board.wrong();
    expect(board.left()).toBeGreaterThan(200);
    board.restart();
    expect(board.left()).toBeGreaterThan(200);
  });
});

/** A lock on a board that can lose its power. */
class Board {
  timers = new Timers(1);
  lock: CodeLock;
  readonly store: MemoryStore;
  readonly codes: string[];

  constructor(codes = ["2580"], store = new MemoryStore()) {
    this.store = store;
    this.codes = codes;
    this.lock = this.start();
  }

  private start(): CodeLock {
    this.timers = new Timers(1);
    const lock = new CodeLock(this.store, this.timers);
    lock.watch(this.codes);
    return lock;
  }

  /** The board's clock begins at 0 again. */
  restart(): void {
    this.lock = this.start();
  }

  wait(ms: number): void {
    const end = this.timers.nowMs + ms;
    while (this.timers.next() <= end) this.timers.poll(this.timers.next());
    this.timers.poll(end);
  }

  wrong(code = 0): void {
    this.lock.onWrong(code);
    this.lock.keep();
  }

  /** @returns s until that code is heard again */
  left(code = 0): number {
    return this.lock.remainingMs(code) / 1000;
  }

  /** Guesses whenever a code is heard. @returns how often it guessed */
  guess(ms: number, code = 0): number {
    const end = this.timers.nowMs + ms;
    let guesses = 0;
    while (this.timers.nowMs < end) {
      const left = this.lock.remainingMs(code);
      if (left > 0) this.wait(Math.min(left, end - this.timers.nowMs));
      else {
        this.wrong(code);
        guesses += 1;
      }
    }
    return guesses;
  }
}

describe("the lock on a code", () => {
  it("locks for 300 s at the fifth wrong entry in a row, and not before", () => {
    const board = new Board();
    const left: number[] = [];
    for (let i = 0; i < 5; i++) {
      board.wrong();
      left.push(board.left());
    }
    expect(left).toEqual([0, 0, 0, 0, 300]);
    board.wait(299_999);
    expect(board.left()).toBeGreaterThan(0);
    board.wait(1);
    expect(board.left()).toBe(0);
  });

  it("locks for twice as long each further time, up to an hour", () => {
    const board = new Board();
    const locks: number[] = [];
    for (let i = 0; i < 6; i++) {
      for (let j = 0; j < 5; j++) board.wrong();
      locks.push(board.left());
      board.wait(locks[i] * 1000);
    }
    expect(locks).toEqual([300, 600, 1200, 2400, 3600, 3600]);
  });

  it("forgets what was wrong at the right code, of that code alone", () => {
    const board = new Board(["2580", "4711"]);
    for (let i = 0; i < 4; i++) for (const code of [0, 1]) board.wrong(code);
    board.lock.onRight(1);
    for (const code of [0, 1]) board.wrong(code);
    expect([board.left(0), board.left(1)]).toEqual([300, 0]);
  });

  it("begins with 300 s again after the right code, and says that it was kept", () => {
    const board = new Board();
    expect(board.lock.isKept).toBe(true);
    for (let i = 0; i < 5; i++) board.wrong();
    board.wait(300_000);
    board.lock.onRight(0);
    for (let i = 0; i < 5; i++) board.wrong();
    expect(board.left()).toBe(300);
    expect(board.lock.isKept).toBe(true);
  });

  it("is as new for whoever mistyped now and then, a day later", () => {
    const board = new Board();
    for (let day = 0; day < 30; day++) {
      for (let i = 0; i < 4; i++) board.wrong();
      expect(board.left()).toBe(0);
      board.wait(DAY_MS);
    }
  });

  it("keeps the counts of a code over changes of others, and begins anew with a new code", () => {
    const board = new Board(["2580"]);
    for (let i = 0; i < 5; i++) board.wrong();
    board.lock.watch(["4711", "2580"]);
    expect([board.left(0), board.left(1)]).toEqual([0, 300]);
    board.lock.keep();
    board.codes.splice(0, 1, "4711", "2580");
    board.restart();
    expect([board.left(0), board.left(1)]).toEqual([0, 300]);
  });
});

describe("a power cut", () => {
  it("does not shorten a lock, and brings none back that has run out", () => {
    const board = new Board();
    for (let i = 0; i < 5; i++) board.wrong();
    board.wait(100_000);
    board.restart();
    expect(board.left()).toBeGreaterThanOrEqual(200);
    expect(board.left()).toBeLessThanOrEqual(300);
    board.wait(board.left() * 1000);
    board.restart();
    expect(board.left()).toBe(0);
    board.wait(DAY_MS);
    board.restart();
    expect(board.left()).toBe(0);
    // The count before it is not kept either.
    for (let i = 0; i < 4; i++) board.wrong();
    expect(board.left()).toBe(0);
  });

  it("in each minute of a lock leaves it between what was left and what there was when it was last kept", () => {
    for (let cutMs = 0; cutMs < HOUR_MS; cutMs += 7 * MINUTE_MS) {
      const board = new Board();
      for (let lock = 0; lock < 5; lock++) {
        board.wait(board.left() * 1000);
        for (let i = 0; i < 5; i++) board.wrong();
      }
      expect(board.left()).toBe(3600);
      board.wait(cutMs);
      const left = board.left();
      board.restart();
      expect(board.left()).toBeGreaterThanOrEqual(left);
      expect(board.left()).toBeLessThanOrEqual(left + 240);
    }
  });

  it("every quarter of an hour still lets a lock run out, though no clock runs meanwhile", () => {
    const board = new Board();
    for (let lock = 0; lock < 12; lock++) {
      for (let i = 0; i < 5; i++) board.wrong();
      board.wait(board.left() * 1000);
    }
    for (let i = 0; i < 5; i++) board.wrong();
    let cuts = 0;
    while (board.left() > 0 && cuts < 200) {
      board.wait(15 * MINUTE_MS);
      board.restart();
      cuts += 1;
    }
    expect(cuts).toBeLessThan(20);
  });

  it("takes nothing away that the form before this one had kept", () => {
    const record = new Board(["2580", "4711"], oldStore("3 2 locked"));
    expect([record.left(0), record.left(1)]).toEqual([600, 600]);
    record.wait(600_000);
    record.wrong(1);
    record.wrong(1);
    expect([record.left(0), record.left(1)]).toEqual([0, 1200]);
    // The last of 13 guesses is forgotten after five hours.
    expect(record.timers.next()).toBeLessThan(Infinity);
    record.wait(17 * 1_440_000);
    expect(record.timers.next()).toBe(Infinity);
    const open = new Board(["2580"], oldStore("4 0 open"));
    expect(open.left()).toBe(0);
    open.wrong();
    expect(open.left()).toBe(300);
  });

  it("fits into its part of the flash with as many codes as there can be, guessed at for days", () => {
    const board = new Board(Array.from({ length: 16 }, (_, i) => String(10_000_000 + 5_554_321 * i)));
    for (let round = 0; round < 40; round++) {
      for (let code = 0; code < 16; code++) while (board.left(code) === 0) board.wrong(code);
      board.wait(board.left() * 1000);
    }
    const kept = new Record(board.store, "lock").read() ?? "";
    expect(kept.split(" ")).toHaveLength(17);
    board.lock.expect();
    expect((new Record(board.store, "lock").read() ?? "").length).toBeLessThanOrEqual(330);
    board.restart();
    for (let code = 0; code < 16; code++) expect(board.left(code)).toBeGreaterThan(0);
  });

  it.each(["garbage", "2 x", "2 zz:9:9:9:9:9", "2 zz:-1:NaN:1e9:Infinity", "1 2", ""])(
    "with %j in the store leaves a door that can be opened",
    (kept) => {
      const board = new Board(["2580"], oldStore(kept));
      expect(board.left()).toBe(0);
      for (let i = 0; i < 5; i++) board.wrong();
      expect(board.left()).toBe(300);
    },
  );
});

describe("what was kept", () => {
  /** 2580 as it stands in a record. */
  const TAG = "42sec";

  it("in the form of now is understood, today and later: four wrong ones, a lock, an entry that was cut off", () => {
    const board = new Board(["2580"], oldStore(`2 ${TAG}:4:0:24:0`));
    expect(board.left()).toBe(0);
    board.wrong();
    expect(board.left()).toBe(300);
    expect(new Board(["2580"], oldStore(`2 ${TAG}:0:3:90:77`)).left()).toBe(77);
    expect(new Board(["2580"], oldStore(`2 ${TAG}:4:0:24:0 ?`)).left()).toBe(300);
    expect(new Board(["4711"], oldStore(`2 ${TAG}:0:3:90:77`)).left()).toBe(0);
  });

  it("says nothing of codes that nobody guessed at, nor of those whose guesses have faded", () => {
    const board = new Board(["2580", "4711", "86420975"]);
    board.wrong(0);
    board.wait(240_000);
    board.wrong(1);
    expect((new Record(board.store, "lock").read() ?? "").split(" ")).toHaveLength(3);
    board.wait(5 * 240_000);
    expect((new Record(board.store, "lock").read() ?? "").split(" ")).toHaveLength(2);
  });

  it.each(["4:5:0:3600", "5:5:-6:3600", "9:9:NaN:9", "x:x:x:x", ":::", ""])(
    "without any guess that counts (%j) holds nobody off",
    (said) => {
      const board = new Board(["2580"], oldStore(`2 ${TAG}:${said}`));
      expect(board.left()).toBe(0);
      for (let i = 0; i < 4; i++) board.wrong();
      expect(board.left()).toBe(0);
      board.wrong();
      expect(board.left()).toBe(300);
    },
  );

  it.each([
    "-1:-5:6:-9",
    "-100:0:6:0",
    "NaN:x:6:x",
    "99:99:1e9:1e9",
    "Infinity:Infinity:Infinity:Infinity",
    "0.5:0:0.5:0",
  ])("that is no number (%j) gives no guess more, and holds nobody off for longer than two hours", (said) => {
    const board = new Board(["2580"], oldStore(`2 ${TAG}:${said}`));
    board.wait(2 * HOUR_MS);
    expect(board.left()).toBe(0);
    for (let i = 0; i < 5; i++) board.wrong();
    expect(board.left()).toBeGreaterThanOrEqual(300);
  });

  it("nowhere, because there is no store, is no harm: the lock holds while the power is on", () => {
    const timers = new Timers(1);
    const lock = new CodeLock(null, timers);
    lock.watch(["2580"]);
    lock.expect();
    for (let i = 0; i < 5; i++) {
      lock.onWrong(0);
      lock.keep();
    }
    expect(lock.remainingMs(0)).toBe(300_000);
    expect(lock.isKept).toBe(true);
  });
});

describe("guesses in one go", () => {
  /** Makes wrong entries with the right one in between, so that no five in a row lock. */
  function spend(board: Board, count: number, code = 0): void {
    for (let i = 0; i < count; i++) {
      board.wrong(code);
      board.lock.onRight(code);
    }
  }

  it("are 55, and then one in 24 minutes from the first of them on, whatever was right in between", () => {
    const board = new Board();
    spend(board, 54);
    expect(board.left()).toBe(0);
    board.wait(100_000);
    spend(board, 1);
    expect(board.left()).toBe(1340);
    board.wait(1_339_999);
    expect(board.left()).toBeGreaterThan(0);
    board.wait(1);
    expect(board.left()).toBe(0);
    spend(board, 1);
    expect(board.left()).toBe(1440);
    board.restart();
    expect(board.left()).toBe(1440);
    board.wait(1_440_000);
    expect(board.left()).toBe(0);
  });

  it("are counted by code: another one is heard meanwhile", () => {
    const board = new Board(["2580", "4711"]);
    spend(board, 55, 1);
    expect([board.left(0), board.left(1)]).toEqual([0, 1440]);
    board.restart();
    expect([board.left(0), board.left(1)]).toEqual([0, 1440]);
  });

  it("are forgotten when there are none left, and then nothing is written any more", () => {
    const board = new Board(["2580", "4711"]);
    let writes = 0;
    const write = board.store.write.bind(board.store);
    board.store.write = (key, text) => {
      writes += 1;
      write(key, text);
    };
    for (let i = 0; i < 4; i++) board.wrong();
    board.wait(24 * 240_000 - 1);
    expect(board.timers.next()).toBe(24 * 240_000);
    // Four wrong entries in a row are still known.
    const other = new Board(["2580", "4711"], board.store);
    other.wrong();
    expect(other.left()).toBe(300);
    board.lock.keep();
    board.wait(1);
    expect(board.timers.next()).toBe(Infinity);
    const before = writes;
    board.wait(DAY_MS);
    expect(writes).toBe(before);
    board.restart();
    expect(board.timers.next()).toBe(Infinity);
    for (let i = 0; i < 4; i++) board.wrong();
    expect(board.left()).toBe(0);
  });

  it("are known to a lock whose codes change while the store fails", () => {
    const board = new Board(["2580"]);
    for (let i = 0; i < 5; i++) board.wrong();
    board.store.write = () => {
      throw new Error("flash is full");
    };
    board.wait(300_000);
    for (let i = 0; i < 5; i++) board.wrong();
    expect(board.lock.isKept).toBe(false);
    board.lock.watch(["4711", "2580"]);
    expect(board.left(1)).toBe(600);
  });

  it("fade for codes that are added while others have guesses", () => {
    const board = new Board(["2580"]);
    board.wrong();
    board.lock.watch(["2580", "4711"]);
    board.wait(300_000);
    board.wrong(1);
    board.wait(6 * 240_000 - 300_000);
    expect(board.timers.next()).toBe(7 * 240_000);
  });
});

describe("an entry that goes on after it was compared", () => {
  it("counts as wrong when the power is cut in it, once, at all codes that were heard", () => {
    const board = new Board(["2580", "471147", "86420975"]);
    for (let i = 0; i < 4; i++) board.wrong(0);
    for (let i = 0; i < 5; i++) board.wrong(2);
    board.lock.expect();
    board.lock.expect();
    board.restart();
    board.restart();
    expect([board.left(0), board.left(1), board.left(2)]).toEqual([300, 0, 300]);
    // An entry that was not heard is no guess.
    board.wait(300_000);
    for (let i = 0; i < 4; i++) board.wrong(2);
    expect(board.left(2)).toBe(0);
    for (let i = 0; i < 3; i++) board.wrong(1);
    expect(board.left(1)).toBe(0);
    board.restart();
    expect(board.left(1)).toBe(0);
    board.wrong(1);
    expect(board.left(1)).toBe(300);
  });

  it("counts no more once it was right or wrong, and is kept once", () => {
    const board = new Board(["2580", "471147"]);
    let writes = 0;
    const write = board.store.write.bind(board.store);
    board.store.write = (key, text) => {
      writes += 1;
      write(key, text);
    };
    board.lock.expect();
    board.lock.expect();
    expect(writes).toBe(1);
    board.lock.onRight(1);
    expect(writes).toBe(2);
    board.lock.onRight(1);
    expect(writes).toBe(2);
    board.restart();
    for (let i = 0; i < 4; i++) for (const code of [0, 1]) board.wrong(code);
    expect([board.left(0), board.left(1)]).toEqual([0, 0]);
    board.lock.expect();
    for (const code of [0, 1]) board.wrong(code);
    board.wait(300_000);
    board.restart();
    // A sixth entry would have been the first of the next five.
    for (let i = 0; i < 4; i++) board.wrong();
    expect(board.left()).toBe(0);
  });
});

describe("who guesses all the time", () => {
  it.each([
    ["without a break", 0, 0, 400],
    ["and the owner comes in between each hour", HOUR_MS, 0, 400],
    ["and the owner comes in every five minutes", 5 * MINUTE_MS, 0, 400],
    ["with a power cut each hour", 0, HOUR_MS, 400],
    ["with a power cut every 241 s, and the owner each 10 minutes", 10 * MINUTE_MS, 241_000, 400],
    // A lock goes on from where it was last kept.
    ["with a power cut every two minutes", 0, 2 * MINUTE_MS, 5],
  ])("has at most 120 guesses in any 24 hours: %s", (_, ownerMs, cutMs, least) => {
    const board = new Board();
    const times: number[] = [];
    const step = Math.min(ownerMs || HOUR_MS, cutMs || HOUR_MS);
    let ownerAt = ownerMs;
    let cutAt = cutMs;
    for (let at = 0; at < 6 * DAY_MS; at += step) {
      if (ownerMs > 0 && at >= ownerAt) {
        if (board.left() === 0) board.lock.onRight(0);
        ownerAt += ownerMs;
      }
      if (cutMs > 0 && at >= cutAt) {
        board.restart();
        cutAt += cutMs;
      }
      const end = board.timers.nowMs + step;
      while (board.timers.nowMs < end) {
        const left = board.lock.remainingMs(0);
        if (left > 0) board.wait(Math.min(left, end - board.timers.nowMs));
        else {
          times.push(at + step - (end - board.timers.nowMs));
          board.wrong();
        }
      }
    }
    let most = 0;
    for (let i = 0, from = 0; i < times.length; i++) {
      while (times[i] - times[from] >= DAY_MS) from += 1;
      most = Math.max(most, i - from + 1);
    }
    expect(most).toBeLessThanOrEqual(120);
    expect(times.length).toBeGreaterThanOrEqual(least);
  });

  it("keeps nobody out for longer than an hour after that has ended", () => {
    const board = new Board();
    board.guess(3 * DAY_MS);
    board.wait(HOUR_MS);
    expect(board.left()).toBe(0);
  });

  it("is held while the power is on even when nothing can be kept", () => {
    const store = {
      read: () => "garbage",
      write: () => {
        throw new Error("the disk is full");
      },
    };
    const timers = new Timers(1);
    const lock = new CodeLock(store, timers);
    lock.watch(["2580"]);
    for (let i = 0; i < 5; i++) {
      lock.onWrong(0);
      lock.keep();
    }
    expect(lock.remainingMs(0)).toBe(300_000);
  });
});

describe("the lock on a code, in a call", () => {
  it("keeps each guess at once, and what is forgotten after the call", () => {
    const timers = new Timers(1);
    const store = new MemoryStore();
    let writes = 0;
    const write = store.write.bind(store);
    store.write = (key: string, value: string) => {
      writes += 1;
      write(key, value);
    };
    const lock = new CodeLock(store, timers, { isInCall: () => true });
    lock.watch(["2580"]);
    for (let i = 0; i < 5; i++) {
      lock.onWrong(0);
      lock.keep();
    }
    const guessed = writes;
    expect(guessed).toBeGreaterThanOrEqual(5);
    timers.poll(1000 * 1000);
    expect(writes).toBe(guessed);
    expect(lock.remainingMs(0)).toBe(0);
    // The power is cut: the lock goes on with what was left when it was kept.
    const early = new CodeLock(store, new Timers(1));
    early.watch(["2580"]);
    expect(early.remainingMs(0)).toBe(300_000);
    lock.onCallEnded();
    expect(writes).toBeGreaterThan(guessed);
    const late = new CodeLock(store, new Timers(1));
    late.watch(["2580"]);
    expect(late.remainingMs(0)).toBe(0);
    const kept = writes;
    lock.onCallEnded();
    expect(writes).toBe(kept);
  });
});
