import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import {
  HELD_BYTES_BETWEEN_LOOKS,
  MAX_HELD_BYTES,
  MAX_SESSION_HELD_BYTES,
  PATIENT,
  PRESSED,
} from "./limits.ts";
import { type PressedSession, Pressure } from "./pressure.ts";

class FakeSession implements PressedSession {
  readonly name: string;
  readonly isFavoured: boolean;
  heldBytes: number;
  readonly #told: string[];

  constructor(name: string, heldBytes: number, told: string[]) {
    this.name = name;
    this.isFavoured = name.startsWith("favoured");
    this.heldBytes = heldBytes;
    this.#told = told;
  }

  hurry(): void {
    this.#told.push(`hurry ${this.name}`);
  }

  giveWay(): void {
    this.heldBytes = 0;
    this.#told.push(`give way ${this.name}`);
  }
}

class Bench {
  readonly clock = new SimClock();
  readonly sessions = new Set<FakeSession>();
  readonly told: string[] = [];
  readonly pressure: Pressure;

  constructor(maxSessions: number) {
    const told = (state: string, sessions: number): void =>
      void this.told.push(`stress ${state} at ${sessions}`);
    this.pressure = new Pressure(maxSessions, { clock: this.clock, sessions: this.sessions, told });
  }

  enter(name: string, heldBytes = 0): FakeSession {
    const session = new FakeSession(name, heldBytes, this.told);
    this.sessions.add(session);
    this.pressure.sessionsChanged();
    return session;
  }

  leave(session: FakeSession): void {
    this.sessions.delete(session);
    this.pressure.sessionsChanged();
  }
}

test("stress begins when four fifths of all sessions are there, and ends at seven tenths", () => {
  const bench = new Bench(10);
  const all = [1, 2, 3, 4, 5, 6].map((n) => bench.enter(`${n}`));
  all.push(bench.enter("favoured"));
  assert.deepEqual([bench.told, bench.pressure.patience], [[], PATIENT]);
  const last = bench.enter("8");
  const hurried = ["1", "2", "3", "4", "5", "6", "8"].map((name) => `hurry ${name}`);
  assert.deepEqual(bench.told, ["stress begins at 8", ...hurried]);
  assert.equal(bench.pressure.patience, PRESSED);
  bench.told.length = 0;
  bench.leave(last);
  assert.deepEqual([bench.told, bench.pressure.patience], [["stress ends at 7"], PATIENT]);
});

test("of sessions that hold too much together the newest give way first, those favoured last", async () => {
  const bench = new Bench(100);
  const eighth = MAX_HELD_BYTES / 8;
  const names = ["old", "favoured old", "idle", "b", "favoured c", "favoured d", "favoured e"];
  names.push("favoured f", "favoured g", "favoured h", "favoured new", "newest");
  for (const name of names) bench.enter(name, name === "idle" ? 0 : eighth);
  bench.pressure.grew(HELD_BYTES_BETWEEN_LOOKS);
  assert.deepEqual(bench.told, [], "not while a session is in the midst of something");
  await bench.clock.advance(1);
  assert.deepEqual(bench.told, ["give way newest", "give way b", "give way old"]);
  bench.enter("new", eighth);
  bench.enter("favoured newest", eighth);
  bench.told.length = 0;
  bench.pressure.grew(HELD_BYTES_BETWEEN_LOOKS);
  await bench.clock.advance(1);
  assert.deepEqual(bench.told, ["give way new", "give way favoured newest"]);
});

test("a session that holds more than one may gives way, however little the others hold", async () => {
  const bench = new Bench(100);
  bench.enter("favoured greedy", MAX_SESSION_HELD_BYTES + 1);
  bench.enter("modest", MAX_SESSION_HELD_BYTES);
  bench.pressure.grew(HELD_BYTES_BETWEEN_LOOKS);
  await bench.clock.advance(1);
  assert.deepEqual(bench.told, ["give way favoured greedy"]);
});

test("nothing is looked at while little was added, and nothing is left when all have gone", async () => {
  const bench = new Bench(100);
  const session = bench.enter("greedy", 2 * MAX_HELD_BYTES);
  bench.pressure.grew(HELD_BYTES_BETWEEN_LOOKS - 1);
  assert.equal(bench.clock.pendingTimers, 0);
  bench.pressure.grew(1);
  assert.equal(bench.clock.pendingTimers, 1);
  bench.leave(session);
  assert.equal(bench.clock.pendingTimers, 0);
});
