import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Message } from "#model/envelope.ts";
import {
  EnvelopeRecord,
  evpidOf,
  MessageRecord,
  type Plan,
  type Recipient,
} from "#engine/scheduler/record.ts";
import { anyMessage, anyPlan, anyRecipient, anyText } from "#test/support/any-mail.ts";
import { Sleepers } from "./sleepers.ts";

/** What a record has while it is awake alone; everything else is packed. */
const OF_THE_AWAKE: ReadonlySet<string> = new Set([
  "heapKey",
  "heapIndex",
  "slot",
  "route",
  "afterwards",
  "owner",
]);

/** All that must be the same after a sleep. */
function told(record: EnvelopeRecord): object {
  const kept = Object.entries(record).filter(([name]) => !OF_THE_AWAKE.has(name));
  const { message, acceptedAtMs } = record.owner;
  // Cloned, as fast-check makes objects that have no prototype.
  return structuredClone({ ...Object.fromEntries(kept), message, acceptedAtMs });
}

interface Sleeper {
  readonly plan: Plan;
  readonly recipient: Recipient;
  readonly set: Partial<EnvelopeRecord>;
}

/** By which parts go one way; whatever it is, it comes back. */
const CONFIGURATION = 300;

const anyMs = fc.double({ noNaN: true, min: -1e12, max: 1e13 }).map((ms) => ms + 0);
const anySleeper: fc.Arbitrary<Sleeper> = fc.record({
  plan: anyPlan,
  recipient: anyRecipient,
  set: fc.record({
    state: fc.constantFrom("waiting" as const, "suspended" as const),
    dueMs: anyMs,
    graceUntilMs: fc.oneof(fc.constant(0), anyMs),
    retryCount: fc.nat(),
    lastTryAtWallMs: fc.oneof(fc.constant(0), fc.nat(2 ** 41)),
    warnedMs: fc.oneof(fc.constant(0), fc.nat()),
    lastWords: fc.option(
      fc.record({
        status: fc.constant("4.4.1"),
        diagnostic: anyText,
        remote: anyText,
        limit: fc.constantFrom("", "", "mta conn-delay-route"),
      }),
      { nil: undefined },
    ),
  }),
});

function laidOut(
  msgid: number,
  message: Omit<Message, "msgid">,
  sleepers: readonly Sleeper[],
): readonly EnvelopeRecord[] {
  const id = msgid.toString(16).padStart(8, "0");
  const owner = new MessageRecord({ ...message, msgid: id }, -5.25, []);
  return sleepers.map(({ plan, recipient, set }, at) =>
    Object.assign(new EnvelopeRecord(owner, at - 1, recipient, plan), set),
  );
}

function ownerOf(records: readonly EnvelopeRecord[]): MessageRecord {
  const owner = records[0]?.owner;
  assert.ok(owner !== undefined, "a message has an envelope");
  return owner;
}

test("Who wakes is as it was laid down, in every field that is not of the awake alone", () => {
  fc.assert(
    fc.property(
      anyMessage,
      fc.array(anySleeper, { minLength: 1, maxLength: 4 }),
      (message, all) => {
        const sleepers = new Sleepers();
        const records = laidOut(0xfedc_ba98, message, all);
        const [slot = 0] = sleepers.put(ownerOf(records), records, CONFIGURATION);
        const expected = records.map(told);
        assert.deepEqual(sleepers.look(slot).map(told), expected, "looked at");
        const way = sleepers.way(slot);
        assert.deepEqual(structuredClone(way.plan), structuredClone(records[0]?.plan));
        assert.equal(way.destination, records[0]?.destination);
        assert.equal(way.configuration, CONFIGURATION);
        assert.deepEqual(sleepers.take(slot, undefined).map(told), expected, "taken");
        assert.deepEqual([sleepers.envelopes, sleepers.messages], [0, 0]);
      },
    ),
  );
});

test("Parts come, are looked at and leave in any order, as if each were kept by itself", () => {
  const step = fc.tuple(
    fc.constantFrom("put", "take", "first", "delay"),
    fc.integer({ min: 1, max: 12 }),
    fc.nat(1000),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const sleepers = new Sleepers();
      const model = new Map<number, { id: number; atMs: number; evpids: readonly string[] }>();
      for (const [what, id, atMs] of steps) {
        const slots = [...sleepers.partsOf(id)];
        if (what === "put") {
          const records = laidOut(id, PLAIN_MESSAGE, [plainSleeper(atMs), plainSleeper(atMs + 1)]);
          const [slot = 0] = sleepers.put(ownerOf(records), records, CONFIGURATION);
          model.set(slot, { id, atMs, evpids: records.map(evpidOf) });
        } else if (what === "delay") {
          for (const slot of slots.slice(0, 1)) {
            sleepers.wakeAt(slot, atMs);
            model.set(slot, { id, evpids: [], ...model.get(slot), atMs });
          }
        } else {
          const [slot] = what === "take" ? slots : [sleepers.first];
          if (slot === undefined || slot === 0) continue;
          const known = model.get(slot);
          if (what === "first") assert.equal(sleepers.firstAtMs, known?.atMs);
          assert.deepEqual(sleepers.take(slot, undefined).map(evpidOf), known?.evpids);
          model.delete(slot);
        }
        const left = [...model.values()];
        assert.equal(sleepers.envelopes, 2 * left.length);
        assert.equal(sleepers.firstAtMs, Math.min(Infinity, ...left.map((each) => each.atMs)));
        assert.deepEqual(
          [...sleepers.msgids(undefined)].toSorted((a, b) => a - b),
          [...new Set(left.map((each) => each.id))].toSorted((a, b) => a - b),
        );
      }
    }),
  );
});

test("A message to very many is several parts, none larger than an attempt", () => {
  const sleepers = new Sleepers();
  const records = laidOut(
    7,
    PLAIN_MESSAGE,
    Array.from({ length: 2500 }, () => plainSleeper(1)),
  );
  const slots = sleepers.put(ownerOf(records), records, CONFIGURATION);
  assert.deepEqual(
    slots.map((slot) => sleepers.look(slot).length),
    [1000, 1000, 500],
  );
  assert.equal(sleepers.messages, 1);
});

test("A message with the longest names there may be fits, however many they are", () => {
  const sleepers = new Sleepers();
  const long = "ß".repeat(512);
  const step = {
    by: "alias",
    source: "/".repeat(4096),
    key: "k".repeat(4096),
    rule: long,
  } as const;
  const plan = { ...OUT, trail: Array.from({ length: 16 }, () => step) };
  const sleeper = {
    ...plainSleeper(1),
    plan,
    recipient: { forwardPath: long, destination: `${long}x`, terms: undefined },
  };
  const records = laidOut(
    7,
    PLAIN_MESSAGE,
    Array.from({ length: 20 }, () => sleeper),
  );
  const slots = sleepers.put(ownerOf(records), records, CONFIGURATION);
  assert.deepEqual(slots.flatMap((slot) => sleepers.look(slot)).map(told), records.map(told));
});

test("What left is given back: the waste stays within a bound, and nothing is kept of an empty queue", () => {
  const sleepers = new Sleepers();
  const slots: number[] = [];
  const lay = (id: number): void => {
    const records = laidOut(id, PLAIN_MESSAGE, [plainSleeper(id)]);
    slots.push(...sleepers.put(ownerOf(records), records, CONFIGURATION));
  };
  for (let id = 1; id <= 50_000; id++) lay(id);
  const full = sleepers.bytes;
  assert.ok(full / 50_000 < 200, `${full / 50_000} bytes for each`);
  // Of ten neighbours nine leave, so that no page is empty by itself.
  const stay = slots.filter((_, at) => at % 10 === 0);
  for (const [at, slot] of slots.entries()) if (at % 10 !== 0) sleepers.take(slot, undefined);
  assert.ok(sleepers.bytes < full * 0.7, "pages are emptied");
  for (let id = 50_001; id <= 95_000; id++) lay(id);
  assert.ok(sleepers.bytes < full * 1.3, "and used again");
  for (const slot of stay) assert.equal(sleepers.take(slot, undefined).length, 1);
  for (const slot of slots.slice(50_000)) sleepers.take(slot, undefined);
  assert.equal(sleepers.bytes < 1000, true);
});

test("A walk for a domain passes over the parts that go elsewhere", () => {
  const sleepers = new Sleepers();
  const to = (id: number, ...destinations: readonly string[]): void => {
    const all = destinations.map((destination) => ({
      ...plainSleeper(1),
      recipient: { forwardPath: "list@here.example", destination, terms: undefined },
    }));
    const records = laidOut(id, PLAIN_MESSAGE, all);
    sleepers.put(ownerOf(records), records, CONFIGURATION);
  };
  to(1, "a@one.example");
  to(2, "b@TWO.example", "c@two.example");
  to(3, "a@one.example", "b@two.example");
  assert.deepEqual([...sleepers.msgids(["two.example"])], [2, 3]);
  assert.deepEqual([...sleepers.msgids(["one.example"])], [1, 3]);
  // One message in several parts counts once.
  to(2, "d@two.example");
  to(4, "e@two.example");
  to(2, "f@two.example");
  assert.deepEqual(
    [...sleepers.msgids(["two.example"])].toSorted((a, b) => a - b),
    [2, 3, 4],
  );
  // Who goes to several must be looked at.
  assert.deepEqual([...sleepers.msgids(["none.example"])], [3]);
});

test("It is counted for which action they are, and how many are suspended", () => {
  const sleepers = new Sleepers();
  const suspended = { ...plainSleeper(1), set: { state: "suspended" as const } };
  const records = laidOut(1, PLAIN_MESSAGE, [plainSleeper(1), suspended, suspended]);
  const [slot = 0] = sleepers.put(ownerOf(records), records, CONFIGURATION);
  assert.deepEqual([...sleepers.actions], [{ plan: OUT, waiting: 1, suspended: 2, held: 0 }]);
  assert.equal(sleepers.suspended, 2);
  sleepers.take(slot, undefined);
  assert.deepEqual([...sleepers.actions], []);
});

const OUT: Plan = {
  action: "out",
  transport: { kind: "mta" },
  rule: "smtpd.conf:1",
  trail: [],
  ttlMs: 1e9,
};

const PLAIN_MESSAGE: Omit<Message, "msgid"> = {
  acceptedAtMs: 1_700_000_000_000,
  reversePath: "alice@example.com",
  origin: {
    kind: "smtp",
    address: "192.0.2.1",
    hostname: "client.example",
    fcrdns: "pass",
    helo: "client.example",
    tag: "",
    username: "",
    tls: undefined,
  },
  textBytes: 4000,
  is8bit: false,
  terms: undefined,
};

function plainSleeper(dueMs: number): Sleeper {
  return {
    plan: OUT,
    recipient: { forwardPath: "bob@far.example", destination: "bob@far.example", terms: undefined },
    set: { state: "waiting", dueMs },
  };
}
