import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Event } from "#model/events.ts";
import type { TraceEntry, TraceSubject } from "#model/trace.ts";
import { Keyring, NO_KEYS } from "#engine/spool/queue-keys.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk, type SimDiskSettings } from "#world/sim/disk.ts";
import { SimRandom } from "#world/sim/random.ts";
import { localEnvelope, messageOf } from "#test/support/letters.ts";
import { listTrace, pathOf, type TracePlace } from "./trace-folder.ts";
import { TraceLog, type TraceSettings } from "./trace-log.ts";
import { KEY_OF_ALL } from "./keys.ts";
import { readTrace } from "./trace-reader.ts";
import { type FoundTrace, findTrace } from "./trace-search.ts";

const DAY_MS = 86_400_000;
const MIB = 1024 * 1024;
const KEPT: TraceSettings = {
  traceRecipients: "whole",
  traceAgeMs: 7 * DAY_MS,
  traceBytes: 256 * MIB,
};
const KEYS = new Keyring(["0123456789abcdef0123456789abcdef"]);

/** A trace on a disk in memory; `restart` begins the next one on what the last left. */
class TracedQueue {
  readonly clock = new SimClock();
  disk: SimDisk;
  readonly told: string[] = [];
  readonly #keys: Keyring;
  trace: TraceLog;

  constructor(settings: TraceSettings, disk: SimDiskSettings = {}, keys: Keyring = NO_KEYS) {
    this.disk = new SimDisk(this.clock, new SimRandom(1), disk);
    this.#keys = keys;
    this.trace = this.#newTrace(settings);
  }

  get place(): TracePlace {
    const pause = (): Promise<void> => new Promise((resolve) => void this.clock.after(0, resolve));
    return { files: this.disk.files(), folder: "/trace", keys: this.#keys, pause };
  }

  async start(settings?: TraceSettings): Promise<this> {
    if (settings !== undefined) this.trace = this.#newTrace(settings);
    await this.clock.runUntilSettled(this.trace.open(), DAY_MS);
    await this.clock.runUntilSettled(this.trace.flushed(), DAY_MS);
    return this;
  }

  #newTrace(settings: TraceSettings): TraceLog {
    return new TraceLog(
      {
        ...this.place,
        clock: this.clock,
        random: new SimRandom(this.clock.wallMs()),
        observe: (event) => this.told.push(JSON.stringify(event)),
      },
      settings,
    );
  }

  accept(number: number, changes: { readonly text?: string; readonly user?: string } = {}): string {
    const msgid = number.toString(16).padStart(8, "0");
    const message = { ...messageOf(msgid, 5), acceptedAtMs: Math.round(this.clock.wallMs()) };
    const text = changes.text ?? `Message-ID: <${number}@x.example>\r\n\r\nhi\r\n`;
    const envelopes = [localEnvelope(msgid, "in", changes.user ?? `user${number}`)];
    this.trace.observe({ kind: "queued", message, envelopes, pieces: [Buffer.from(text)] });
    return msgid;
  }

  deliver(number: number, diagnostic = "Delivered"): void {
    const msgid = number.toString(16).padStart(8, "0");
    const envelope = localEnvelope(msgid, "in", `user${number}`);
    const event: Event = {
      kind: "delivery",
      message: messageOf(msgid),
      envelope,
      result: {
        evpid: envelope.evpid,
        outcome: "delivered",
        status: "2.0.0",
        diagnostic,
        remote: "mx.example [192.0.2.5]",
      },
      delayMs: 0,
      attempt: { beganAtMs: 1, tookMs: 20, number: 1, nextTryAtMs: 0 },
    };
    this.trace.observe(event);
  }

  async find(subject: TraceSubject, sinceMs = 0): Promise<FoundTrace> {
    await this.clock.runUntilSettled(this.trace.flushed(), DAY_MS);
    return this.clock.runUntilSettled(findTrace(this.place, { subject, sinceMs }), DAY_MS);
  }

  /** What is about all messages. */
  async all(): Promise<readonly TraceEntry[]> {
    const read = async (): Promise<readonly TraceEntry[]> => {
      const slices = readTrace(this.place, {
        keys: new Set([KEY_OF_ALL]),
        sinceMs: 0,
        damaged: () => undefined,
      });
      const found: TraceEntry[] = [];
      for await (const slice of slices) found.push(...slice);
      return found;
    };
    return this.clock.runUntilSettled(read(), DAY_MS);
  }

  async kinds(subject: TraceSubject): Promise<readonly string[]> {
    const { lives } = await this.find(subject);
    return lives.flatMap(({ entries }) => entries.map(({ kind }) => kind));
  }
}

const byId = (number: number): TraceSubject => ({
  kind: "id",
  id: number.toString(16).padStart(8, "0"),
});

describe("trace", () => {
  const ways: readonly (readonly [what: string, subject: TraceSubject])[] = [
    ["its msgid", byId(7)],
    ["an evpid", { kind: "id", id: "0000000700000001" }],
    ["its Message-ID", { kind: "message-id", messageId: "<7@X.example>" }],
    ["a recipient, in any case", { kind: "address", address: "User7@y.example" }],
  ];
  for (const [what, subject] of ways) {
    test(`has the life of a message under ${what}`, async () => {
      const queue = await new TracedQueue(KEPT).start();
      for (let number = 1; number < 10; number++) queue.accept(number);
      queue.deliver(7);
      assert.deepEqual(await queue.kinds(subject), ["accepted", "attempt"]);
    });
  }

  test("finds all messages of a sender, and nothing of a stranger", async () => {
    const queue = await new TracedQueue(KEPT).start();
    for (let number = 1; number < 10; number++) queue.accept(number);
    const found = await queue.find({ kind: "address", address: "a@x.example" });
    assert.equal(found.lives.length, 9);
    assert.deepEqual((await queue.find({ kind: "address", address: "b@x.example" })).lives, []);
  });

  test("keeps a bound of messages to an answer, the newest, and says so", async () => {
    const queue = await new TracedQueue(KEPT).start();
    for (let number = 1; number < 300; number++) queue.accept(number);
    const found = await queue.find({ kind: "address", address: "a@x.example" });
    assert.equal(found.lives.length, 100);
    assert.equal(found.lives.at(-1)?.msgid, "0000012b");
    assert.equal(found.isCut, true);
  });

  test("writes what happened within a second in one write", async () => {
    const queue = await new TracedQueue(KEPT).start();
    let writes = 0;
    queue.disk.onOperation = ({ name }) => {
      if (name === "write") writes++;
    };
    for (let number = 1; number < 500; number++) queue.accept(number);
    assert.equal(await filesBytes(queue), 0);
    await queue.clock.advance(1000);
    assert.ok((await filesBytes(queue)) > 10_000);
    // The header of the file, and a block.
    assert.equal(writes, 2);
  });

  test("survives the end of its process but for the last second, and goes on in a new file", async () => {
    const queue = await new TracedQueue(KEPT).start();
    queue.accept(1);
    await queue.clock.advance(1000);
    queue.accept(2);
    await queue.start(KEPT);
    queue.deliver(1);
    assert.deepEqual(await queue.kinds(byId(1)), ["accepted", "attempt"]);
    assert.deepEqual(await queue.kinds(byId(2)), []);
    assert.deepEqual(
      (await listTrace(queue.place)).map(({ state }) => state),
      ["closed", "open"],
    );
  });

  test("closes files that have grown, and finds by their index", async () => {
    const queue = await new TracedQueue(KEPT).start();
    await fill(queue, 40_000);
    const names = await listTrace(queue.place);
    assert.ok(names.filter(({ state }) => state === "closed").length >= 1, JSON.stringify(names));
    for (const number of [1, 20_000, 39_999])
      assert.deepEqual(await queue.kinds(byId(number)), ["accepted"]);
  });

  test("is no larger than it may be: the oldest goes", async () => {
    const queue = await new TracedQueue({ ...KEPT, traceBytes: 5 * MIB }).start();
    await fill(queue, 120_000);
    assert.ok((await filesBytes(queue)) < 6 * MIB, `${await filesBytes(queue)} bytes`);
    assert.deepEqual(await queue.kinds(byId(1)), []);
    assert.deepEqual(await queue.kinds(byId(119_999)), ["accepted"]);
  });

  test("is no older than it may be, also when nothing happens", async () => {
    const queue = await new TracedQueue(KEPT).start();
    queue.accept(1);
    await queue.clock.advance(6 * DAY_MS);
    assert.deepEqual(await queue.kinds(byId(1)), ["accepted"]);
    await queue.clock.advance(3 * DAY_MS);
    assert.deepEqual(await listTrace(queue.place), []);
  });

  test("that is off keeps nothing, and removes what was kept", async () => {
    const queue = await new TracedQueue(KEPT).start();
    queue.accept(1);
    await queue.clock.advance(1000);
    queue.trace.takeUp({ ...KEPT, traceRecipients: "off" });
    queue.accept(2);
    await queue.clock.advance(DAY_MS);
    assert.deepEqual(await listTrace(queue.place), []);
  });

  test("that is masked has no recipient, in no byte of its files", async () => {
    const queue = await new TracedQueue({ ...KEPT, traceRecipients: "masked" }).start();
    queue.accept(1, { user: "secret" });
    queue.deliver(1, "550 5.1.1 <secret@y.example>: no such user");
    const { lives } = await queue.find(byId(1));
    const text = JSON.stringify(lives[0]?.entries);
    assert.doesNotMatch(text, /secret/u);
    assert.match(text, /"\*@y\.example"/u);
    assert.match(text, /<\*@y\.example>: no such user/u);
    for (const bytes of await contents(queue))
      assert.doesNotMatch(Buffer.from(bytes).toString("latin1"), /secret/u);
  });

  test("of an encrypted queue is encrypted, and read with its key alone", async () => {
    const queue = await new TracedQueue(KEPT, {}, KEYS).start();
    queue.accept(1);
    assert.deepEqual(await queue.kinds(byId(1)), ["accepted"]);
    for (const bytes of await contents(queue))
      assert.doesNotMatch(Buffer.from(bytes).toString("latin1"), /example/u);
    const without = { ...queue.place, keys: NO_KEYS };
    const found = await queue.clock.runUntilSettled(
      findTrace(without, { subject: byId(1), sinceMs: 0 }),
      DAY_MS,
    );
    assert.deepEqual(found.lives[0]?.entries, []);
    assert.match(
      found.damage[0] ?? "",
      /^00000001\.open: its key, of the id \w{16}, is not here$/u,
    );
  });

  test("on a full disk loses entries, says how many, and goes on when there is room", async () => {
    const queue = await new TracedQueue(KEPT).start();
    queue.disk.failNext("write", "ENOSPC");
    queue.accept(1);
    queue.accept(2);
    await queue.clock.advance(2000);
    assert.match(queue.told.join("\n"), /The trace cannot be written/u);
    await queue.clock.advance(60_000);
    queue.accept(3);
    await queue.clock.advance(2000);
    assert.deepEqual(await queue.kinds(byId(3)), ["accepted"]);
    const { lives } = await queue.find({ kind: "id", id: "00000000" });
    assert.deepEqual(lives[0]?.entries, []);
    const all = await queue.all();
    assert.deepEqual(
      all
        .filter(({ kind }) => kind === "missing")
        .map((entry) => "entries" in entry && entry.entries),
      [2],
    );
  });
});

async function fill(queue: TracedQueue, count: number): Promise<void> {
  for (let number = 1; number < count; number++) {
    queue.accept(number);
    if (number % 5000 === 0) await queue.clock.advance(1000);
  }
  await queue.clock.advance(1000);
}

async function contents(queue: TracedQueue): Promise<readonly Uint8Array[]> {
  const { place, clock } = queue;
  const read = async (): Promise<readonly Uint8Array[]> => {
    const all: Uint8Array[] = [];
    for (const name of await listTrace(place)) {
      const file = await place.files.open(pathOf(place, name), "read");
      all.push(await file.read(0, (await file.stat()).bytes));
      await file.close();
    }
    return all;
  };
  return clock.runUntilSettled(read(), DAY_MS);
}

async function filesBytes(queue: TracedQueue): Promise<number> {
  return (await contents(queue)).reduce((sum, { length }) => sum + length, 0);
}
