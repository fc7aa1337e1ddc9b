import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { SimClock } from "#world/sim/clock.ts";
import { type Cap, ConnectionLimits, type Room } from "./connection-limits.ts";

const WORDS = { max: "max", delay: "delay", reconnect: "reconnect", flag: "LIMIT_HOST" } as const;

function cap(key: string, max: number, pauses: Partial<Cap> = {}): Cap {
  return { key, of: "part", max, delayMs: 0, reconnectMs: 0, words: WORDS, ...pauses };
}

/** What a party's connections count towards, of which there are ten in common. */
function capsOf(party: string): readonly Cap[] {
  return [cap(party, 100, { of: "own" }), cap("all", 10, { of: "common" })];
}

/** Opens a connection as soon as it may, and says so. */
function openWhenFree(
  limits: ConnectionLimits,
  caps: readonly Cap[],
  opened: (room: Room) => void,
): void {
  const obstacle = limits.obstacle(caps);
  if (obstacle === undefined) opened(limits.enter(caps));
  else limits.lineUp(obstacle, () => openWhenFree(limits, caps, opened));
}

test("who has other limits for what is counted has room, or none, by their own", () => {
  const limits = new ConnectionLimits(new SimClock());
  const few = [cap("host", 1)];
  limits.enter(few);
  assert.deepEqual(limits.obstacle(few), {
    kind: "full",
    limit: "max",
    flag: "LIMIT_HOST",
    key: "host",
    max: 1,
  });
  assert.equal(limits.obstacle([cap("host", 2)]), undefined);
});

test("the pause that ends last is the one that is told", async () => {
  const clock = new SimClock();
  const limits = new ConnectionLimits(clock);
  const caps = [cap("host", 9, { delayMs: 1000 }), cap("route", 9, { reconnectMs: 5000 })];
  const room = limits.enter(caps);
  assert.deepEqual(limits.obstacle(caps), {
    kind: "too-soon",
    limit: "delay",
    flag: "LIMIT_HOST",
    untilMs: 1000,
  });
  await clock.advance(500);
  room.leave();
  assert.deepEqual(limits.obstacle(caps), {
    kind: "too-soon",
    limit: "reconnect",
    flag: "LIMIT_HOST",
    untilMs: 5500,
  });
  await clock.advance(5000);
  assert.equal(limits.obstacle(caps), undefined);
});

test("the last of what all have in common is for who has nothing, in line as well", () => {
  const limits = new ConnectionLimits(new SimClock());
  const rooms = Array.from({ length: 8 }, () => limits.enter(capsOf("slow")));
  assert.deepEqual(limits.obstacle(capsOf("slow")), {
    kind: "full",
    limit: "max",
    flag: "LIMIT_HOST",
    key: "all",
    max: 8,
  });
  for (const party of ["a", "b"]) {
    assert.equal(limits.obstacle(capsOf(party)), undefined);
    rooms.push(limits.enter(capsOf(party)));
  }
  const opened: string[] = [];
  const come = (party: string): void =>
    openWhenFree(limits, capsOf(party), (room) => {
      opened.push(party);
      rooms.push(room);
    });
  for (let count = 0; count < 100; count++) come("slow");
  come("c");
  assert.deepEqual(opened, []);
  rooms.shift()?.leave();
  assert.deepEqual(opened, ["c"]);
  rooms.shift()?.leave();
  rooms.shift()?.leave();
  assert.deepEqual(opened, ["c"]);
  rooms.shift()?.leave();
  assert.deepEqual(opened, ["c", "slow"]);
});

test("room goes to who has stood in line the longest", () => {
  const limits = new ConnectionLimits(new SimClock());
  const caps = [cap("host", 1)];
  const opened: string[] = [];
  let last: Room | undefined;
  for (const name of ["a", "b", "c"]) {
    openWhenFree(limits, caps, (room) => {
      opened.push(name);
      last = room;
    });
  }
  assert.deepEqual(opened, ["a"]);
  last?.leave();
  last?.leave();
  last?.leave();
  assert.deepEqual(opened, ["a", "b", "c"]);
});

test("who is called and meets another limit leaves the room to the next in line", () => {
  const limits = new ConnectionLimits(new SimClock());
  const host = cap("host", 1);
  const source = cap("source", 1);
  limits.enter([source]);
  const first = limits.enter([host]);
  const opened: string[] = [];
  openWhenFree(limits, [host, source], () => opened.push("both"));
  openWhenFree(limits, [host], () => opened.push("host"));
  first.leave();
  assert.deepEqual(opened, ["host"]);
});

test("of connections that rest the oldest is closed when its room is wanted, and no other", () => {
  const limits = new ConnectionLimits(new SimClock());
  const closed: string[] = [];
  const rest = (name: string, key: string): void => {
    const room = limits.enter([cap(key, 2), cap("all", 9)]);
    room.rest(() => {
      closed.push(name);
      room.leave();
    });
  };
  rest("elsewhere", "b");
  rest("older", "a");
  rest("newer", "a");
  const opened: string[] = [];
  openWhenFree(limits, [cap("a", 2), cap("all", 9)], () => opened.push("it"));
  assert.deepEqual([closed, opened], [["older"], ["it"]]);
});

test("a connection that serves again is not closed for its room, and knows that it is wanted", () => {
  const limits = new ConnectionLimits(new SimClock());
  const room = limits.enter([cap("a", 1)]);
  let isClosed = false;
  room.rest(() => {
    isClosed = true;
  });
  room.serve();
  assert.equal(room.isWanted, false);
  const obstacle = limits.obstacle([cap("a", 1)]);
  assert.ok(obstacle !== undefined);
  const leaveLine = limits.lineUp(obstacle, () => undefined);
  assert.deepEqual([room.isWanted, isClosed], [true, false]);
  leaveLine();
  assert.equal(room.isWanted, false);
});

test("no more are open than anyone's limit, and all get their turn, whatever the limits are", async () => {
  const keys = fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1 });
  const wish = fc.record({
    keys,
    max: fc.integer({ min: 1, max: 3 }),
    delayMs: fc.constantFrom(0, 0, 20),
    lastsMs: fc.integer({ min: 0, max: 50 }),
    rests: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(wish, { maxLength: 30 }), async (wishes) => {
      const clock = new SimClock();
      const limits = new ConnectionLimits(clock);
      const open = new Map<string, number>();
      let served = 0;
      for (const { keys: of, max, delayMs, lastsMs, rests } of wishes) {
        const caps = of.map((key) => cap(key, max, { delayMs }));
        openWhenFree(limits, caps, (room) => {
          served++;
          for (const key of of) {
            const beside = open.get(key) ?? 0;
            assert.ok(beside < max, `${beside} beside one that allows ${max}`);
            open.set(key, beside + 1);
          }
          const end = (): void => {
            for (const key of of) open.set(key, (open.get(key) ?? 0) - 1);
            room.leave();
          };
          clock.after(lastsMs, () => {
            if (!rests || room.isWanted) return end();
            const cancel = clock.after(500, () => {
              room.serve();
              end();
            });
            room.rest(() => {
              cancel();
              end();
            });
          });
        });
      }
      assert.equal(await clock.runUntilIdle(60_000), "idle");
      assert.equal(served, wishes.length);
    }),
  );
});
