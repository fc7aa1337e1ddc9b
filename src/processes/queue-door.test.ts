import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeliveryResult, DeliveryTask } from "#model/delivery.ts";
import { msgidOf } from "#model/ids.ts";
import type { CarriedText } from "#model/ipc/carried-text.ts";
import { MSGID_GRANT, type QueueToDispatcher } from "#model/ipc/queue-link.ts";
import { createQueue, DEFAULT_QUEUE_SETTINGS } from "#engine/queue/queue.ts";
import { RamSpool } from "#engine/spool/ram-spool.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import { configOf } from "#test/support/config-of.ts";
import { allQueued } from "#test/support/queued.ts";
import { localEnvelope, messageOf } from "#test/support/letters.ts";
import { QueueDoor } from "./queue-door.ts";

const { actions } = configOf('action "box" maildir', 'match from any for any action "box"');

type Told<Kind extends QueueToDispatcher["kind"]> = Extract<
  QueueToDispatcher,
  { readonly kind: Kind }
>;

/** A door and what came out of it. */
class Visitor {
  readonly told: QueueToDispatcher[] = [];
  readonly door: QueueDoor;

  constructor(house: House) {
    this.door = new QueueDoor(house.queue, {
      congested: false,
      send: (message) => this.told.push(message),
    });
  }

  heard<Kind extends QueueToDispatcher["kind"]>(kind: Kind): readonly Told<Kind>[] {
    return this.told.filter((message): message is Told<Kind> => message.kind === kind);
  }

  /** All ids that were granted so far. */
  get msgids(): readonly string[] {
    return this.heard("msgids").flatMap(({ msgids }) => msgids);
  }

  get msgid(): string {
    const msgid = this.msgids.at(-1);
    assert.ok(msgid !== undefined, "ids were granted");
    return msgid;
  }

  /** `text` goes with it, or went ahead. */
  accept(msgid: string, text: string, how: CarriedText["kind"] = "inline"): void {
    this.door.take({
      kind: "accept",
      message: messageOf(msgid, text.length),
      envelopes: [localEnvelope(msgid, "box", "ann")],
      text: how === "apart" ? { kind: how } : { kind: how, bytes: Buffer.from(text) },
    });
  }

  blobWrite(msgid: string, text: string): void {
    this.door.take({ kind: "blob-write", msgid, text: [Buffer.from(text)] });
  }
}

/** A queue whose deliveries wait for ever, unless a test says otherwise. */
class House {
  readonly clock: SimClock = new SimClock();
  attempt: (task: DeliveryTask) => Promise<readonly DeliveryResult[]> = () =>
    new Promise(() => undefined);
  readonly queue = createQueue(
    {
      spool: new RamSpool(),
      clock: this.clock,
      random: new SimRandom(1),
      routing: { resolve: () => ({ kind: "accepted", envelopes: [] }) },
      carrier: { attempt: (task) => this.attempt(task) },
      observe: () => undefined,
    },
    { ...DEFAULT_QUEUE_SETTINGS, serverName: "mail.example.org", actions },
  );

  async msgids(): Promise<readonly string[]> {
    return (await allQueued(this.queue)).map(({ envelope }) => msgidOf(envelope.evpid));
  }

  async textOf(msgid: string): Promise<string | undefined> {
    const text = this.queue.text(msgid);
    if (text === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of text.chunks()) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }
}

test("a dispatcher gets ids at once, and more when it asks", () => {
  const visitor = new Visitor(new House());
  assert.equal(visitor.msgids.length, MSGID_GRANT);
  visitor.door.take({ kind: "msgids-wanted" });
  assert.equal(new Set(visitor.msgids).size, 2 * MSGID_GRANT);
});

test("a message under a granted id is taken, and its receipt says so", async () => {
  const house = new House();
  const visitor = new Visitor(house);
  visitor.accept(visitor.msgid, "hello");
  await house.clock.settle();
  assert.deepEqual(visitor.heard("receipt"), [
    { kind: "receipt", msgid: visitor.msgid, outcome: "accepted" },
  ]);
  assert.deepEqual(await house.msgids(), [visitor.msgid]);
});

test("an id that was never granted, was used, or belongs to another dispatcher is refused", async () => {
  const house = new House();
  const [one, two] = [new Visitor(house), new Visitor(house)];
  two.accept(two.msgid, "the real one");
  await house.clock.settle();
  for (const msgid of ["12345678", two.msgid, two.msgids[0] ?? ""]) one.accept(msgid, "forged");
  two.accept(two.msgid, "a second one");
  await house.clock.settle();
  assert.deepEqual(
    one.heard("receipt").map(({ outcome }) => outcome),
    Array(3).fill("failed"),
  );
  assert.deepEqual(
    two.heard("receipt").map(({ outcome }) => outcome),
    ["accepted", "failed"],
  );
  assert.equal(await house.textOf(two.msgid), "the real one");
});

test("a large text comes in pieces, each acknowledged, and is taken whole", async () => {
  const house = new House();
  const visitor = new Visitor(house);
  const { msgid } = visitor;
  visitor.blobWrite(msgid, "one ");
  visitor.blobWrite(msgid, "two");
  visitor.accept(msgid, "one two", "apart");
  await house.clock.settle();
  assert.deepEqual(
    visitor.heard("blob-took").map(({ bytes, outcome }) => [bytes, outcome]),
    [
      [4, "written"],
      [3, "written"],
    ],
  );
  assert.equal(visitor.heard("receipt")[0]?.outcome, "accepted");
  assert.equal(await house.textOf(msgid), "one two");
});

test("a large text of another dispatcher can be neither added to nor dropped", async () => {
  const house = new House();
  const [one, two] = [new Visitor(house), new Visitor(house)];
  two.blobWrite(two.msgid, "mine");
  await house.clock.settle();
  one.blobWrite(two.msgid, "yours");
  one.door.take({ kind: "blob-drop", msgid: two.msgid });
  await house.clock.settle();
  two.accept(two.msgid, "mine", "apart");
  await house.clock.settle();
  assert.equal(one.heard("blob-took")[0]?.outcome, "failed");
  assert.equal(two.heard("receipt")[0]?.outcome, "accepted");
  assert.equal(await house.textOf(two.msgid), "mine");
});

test("a large text that was dropped is gone, and its id can be used again", async () => {
  const house = new House();
  const visitor = new Visitor(house);
  const { msgid } = visitor;
  visitor.blobWrite(msgid, "first");
  visitor.door.take({ kind: "blob-drop", msgid });
  visitor.blobWrite(msgid, "second");
  visitor.accept(msgid, "second", "apart");
  await house.clock.settle();
  assert.equal(await house.textOf(msgid), "second");
});

test("a dispatcher that is lost leaves its ids, and nothing more is said to it", async () => {
  const house = new House();
  const visitor = new Visitor(house);
  const released: string[] = [];
  const release = house.queue.releaseMsgids.bind(house.queue);
  house.queue.releaseMsgids = (msgids) => {
    released.push(...msgids);
    release(msgids);
  };
  visitor.accept(visitor.msgid, "on its way");
  const before = visitor.told.length;
  visitor.door.lost();
  await house.clock.settle();
  visitor.door.room(1);
  assert.equal(visitor.told.length, before);
  assert.equal(released.length, MSGID_GRANT - 1, "all but the one in use");
  assert.equal(released.includes(visitor.msgid), false);
  assert.deepEqual(await house.msgids(), [visitor.msgid], "what it had handed over is kept");
});

test("attempts under way with a lost dispatcher are deferred", async () => {
  const house = new House();
  const visitor = new Visitor(house);
  const envelope = localEnvelope("0000000a", "box", "ann");
  const attempt = visitor.door.carrier.attempt({
    message: messageOf("0000000a"),
    envelopes: [envelope],
    text: { bytes: 0, async *chunks() {} },
  });
  await house.clock.settle();
  assert.equal(visitor.heard("attempt").length, 1);
  visitor.door.lost();
  const [result] = await attempt;
  assert.deepEqual([result?.outcome, result?.diagnostic], ["deferred", "The dispatcher went away"]);
});
