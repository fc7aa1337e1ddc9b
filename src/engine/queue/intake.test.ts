import assert from "node:assert/strict";
import { test } from "node:test";
import type { Carrier } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import { INLINE_TEXT_BYTES } from "#model/intake.ts";
import { RamSpool } from "#engine/spool/ram-spool.ts";
import type { Blob, CommitOutcome } from "#engine/spool/spool.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import { originOf } from "#test/support/letters.ts";
import { MAX_UNWRITTEN_BYTES } from "./local-intake.ts";
import { createQueue, DEFAULT_QUEUE_SETTINGS, type Queue, type QueueSettings } from "./queue.ts";

/** A spool whose blobs take a while, and may be in trouble. */
class SlowSpool extends RamSpool {
  blobOutcome: CommitOutcome = "durable";
  /** How many pieces each write of a blob had. */
  readonly writes: number[] = [];
  readonly dropped: string[] = [];
  readonly #waiting: (() => void)[] = [];

  override openBlob(msgid: string): Blob {
    const blob = super.openBlob(msgid);
    return {
      write: async (text) => {
        this.writes.push(text.length);
        await new Promise<void>((resolve) => {
          this.#waiting.push(resolve);
        });
        await blob.write(text);
        return this.blobOutcome;
      },
      drop: async () => {
        this.dropped.push(msgid);
        await blob.drop();
      },
    };
  }

  /** Lets writes end until none waits. */
  async writeAll(): Promise<void> {
    await turn();
    while (this.#waiting.length > 0) {
      for (const end of this.#waiting.splice(0)) end();
      await turn();
    }
  }
}

/** Lets everything run that waits for promises only. */
async function turn(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}

const NEVER: Carrier = { attempt: () => new Promise(() => undefined) };

function start(spool: RamSpool, settings: Partial<QueueSettings> = {}): Queue {
  return createQueue(
    {
      spool,
      clock: new SimClock(),
      random: new SimRandom(1),
      routing: { resolve: () => ({ kind: "rejected", rule: "", why: "" }) },
      carrier: NEVER,
      observe: () => undefined,
    },
    { ...DEFAULT_QUEUE_SETTINGS, serverName: "mail.example.com", actions: new Map(), ...settings },
  );
}

function message(msgid: string, textBytes: number): Message {
  return {
    msgid,
    acceptedAtMs: 0,
    reversePath: "alice@example.com",
    origin: originOf("192.0.2.9", "client.example"),
    textBytes,
    is8bit: false,
    terms: undefined,
  };
}

function envelope(evpid: string): Envelope {
  return {
    evpid,
    forwardPath: "bob@example.org",
    destination: "bob@example.org",
    action: "out",
    transport: { kind: "mta" },
    rule: "smtpd.conf:9",
    trail: [],
    terms: undefined,
    ttlMs: 345_600_000,
  };
}

async function stored(spool: RamSpool, msgid: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of spool.text(msgid).chunks()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("A text is stored as it was written, small or large", async () => {
  for (const size of [0, 10, INLINE_TEXT_BYTES, INLINE_TEXT_BYTES + 1, 3 * INLINE_TEXT_BYTES]) {
    const spool = new RamSpool();
    const submission = start(spool).localIntake().open();
    assert.ok(submission !== undefined, "no submission");
    const text = Buffer.alloc(size, "abcdefg\r\n");
    for (let at = 0; at < size; at += 100_000) submission.write(text.subarray(at, at + 100_000));
    const { msgid } = submission;
    const receipt = await submission.commit(message(msgid, size), [envelope(`${msgid}00000001`)]);
    assert.deepEqual(receipt, { kind: "accepted" });
    assert.ok(text.equals(await stored(spool, msgid)), `text of ${size} bytes differs`);
  }
});

test("A writer that is faster than the disk is asked to stop, and told when to go on", async () => {
  const spool = new SlowSpool();
  const submission = start(spool).localIntake().open();
  assert.ok(submission !== undefined, "no submission");
  const chunk = Buffer.alloc(INLINE_TEXT_BYTES);
  let written = 0;
  while (submission.write(chunk)) written++;
  assert.equal(written, MAX_UNWRITTEN_BYTES / chunk.length - 1);
  let drained = false;
  const waiting = (async () => {
    await submission.drained();
    drained = true;
  })();
  await turn();
  assert.equal(drained, false);
  await spool.writeAll();
  await waiting;
  assert.equal(submission.write(Buffer.alloc(1)), true);
});

test("A large text that cannot be written is refused at its end and given up", async () => {
  for (const why of ["full", "failed"] as const) {
    const spool = new SlowSpool();
    spool.blobOutcome = why;
    const submission = start(spool).localIntake().open();
    assert.ok(submission !== undefined, "no submission");
    const { msgid } = submission;
    const text = Buffer.alloc(INLINE_TEXT_BYTES + 1);
    submission.write(text);
    const committed = submission.commit(message(msgid, text.length), [
      envelope(`${msgid}00000001`),
    ]);
    await spool.writeAll();
    assert.deepEqual(await committed, { kind: "refused", why });
    assert.deepEqual(spool.dropped, [msgid]);
  }
});

test("A large text is accepted only when its last piece is written, though nobody waited for it", async () => {
  const spool = new SlowSpool();
  const queue = start(spool);
  const [msgid = ""] = queue.reserveMsgids(1);
  const writes = ["one", "two"].map((piece) => queue.blobWrite(msgid, [Buffer.from(piece)]));
  const accepted = queue.accept(message(msgid, 6), [envelope(`${msgid}00000001`)], "blob");
  await turn();
  assert.equal(spool.has(msgid), false);
  await spool.writeAll();
  await Promise.all(writes);
  assert.deepEqual(await accepted, { kind: "accepted" });
  assert.equal((await stored(spool, msgid)).toString(), "onetwo");
});

test("What comes of a large text while it is written is written together next, in its order", async () => {
  const spool = new SlowSpool();
  const queue = start(spool);
  const [msgid = ""] = queue.reserveMsgids(1);
  const words = ["one ", "two ", "three ", "four"];
  const writes = words.map((word) => queue.blobWrite(msgid, [Buffer.from(word)]));
  await spool.writeAll();
  assert.deepEqual(new Set(await Promise.all(writes)), new Set(["durable"]));
  assert.deepEqual(spool.writes, [1, 3]);
  const late = queue.blobWrite(msgid, [Buffer.from("!")]);
  const accepted = queue.accept(message(msgid, 19), [envelope(`${msgid}00000001`)], "blob");
  await spool.writeAll();
  assert.equal(await late, "durable");
  assert.deepEqual(await accepted, { kind: "accepted" });
  assert.equal((await stored(spool, msgid)).toString(), "one two three four!");
});

test("All that is written together hears of its trouble", async () => {
  const spool = new SlowSpool();
  const queue = start(spool);
  const [msgid = ""] = queue.reserveMsgids(1);
  spool.blobOutcome = "full";
  const writes = [1, 2, 3].map((size) => queue.blobWrite(msgid, [Buffer.alloc(size)]));
  await spool.writeAll();
  assert.deepEqual(await Promise.all(writes), ["full", "full", "full"]);
  assert.deepEqual(spool.writes, [1], "after the first trouble nothing is written");
});

test("A submission that is aborted leaves nothing behind", async () => {
  const spool = new SlowSpool();
  const submission = start(spool).localIntake().open();
  assert.ok(submission !== undefined, "no submission");
  submission.write(Buffer.alloc(INLINE_TEXT_BYTES + 1));
  await turn();
  submission.abort();
  await spool.writeAll();
  assert.deepEqual(spool.dropped, [submission.msgid]);
});

test("An id that was given up and is used again gets a text of its own", async () => {
  const spool = new SlowSpool();
  const queue = start(spool);
  const [msgid = ""] = queue.reserveMsgids(1);
  const first = queue.blobWrite(msgid, [Buffer.from("old")]);
  const dropped = queue.blobDrop(msgid);
  const second = queue.blobWrite(msgid, [Buffer.from("new")]);
  await spool.writeAll();
  await Promise.all([first, dropped, second]);
  const receipt = await queue.accept(message(msgid, 3), [envelope(`${msgid}00000001`)], "blob");
  assert.deepEqual(receipt, { kind: "accepted" });
  assert.equal((await stored(spool, msgid)).toString(), "new");
});

test("What does not fit together is refused, whoever sends it", async () => {
  const spool = new RamSpool();
  const queue = start(spool);
  const [msgid = "", other = ""] = queue.reserveMsgids(2);
  const own = envelope(`${msgid}00000001`);
  const refused = { kind: "refused", why: "failed" };
  assert.deepEqual(await queue.accept(message("0badc0de", 0), [own], []), refused);
  assert.equal(await queue.blobWrite("0badc0de", [Buffer.from("x")]), "failed");
  const foreign = [envelope(`${other}00000001`)];
  assert.deepEqual(await queue.accept(message(msgid, 0), foreign, []), refused);
  const cases = [[], [own, own], [envelope(msgid)]];
  for (const envelopes of cases) {
    const [fresh = ""] = queue.reserveMsgids(1);
    const moved = envelopes.map((each) => ({ ...each, evpid: each.evpid.replace(msgid, fresh) }));
    assert.deepEqual(await queue.accept(message(fresh, 0), moved, []), refused);
  }
  const [blobless = ""] = queue.reserveMsgids(1);
  const missing = await queue.accept(
    message(blobless, 0),
    [envelope(`${blobless}00000001`)],
    "blob",
  );
  assert.deepEqual(missing, refused);
});

test("An accepted id cannot be accepted again", async () => {
  const queue = start(new RamSpool());
  const [msgid = ""] = queue.reserveMsgids(1);
  const envelopes = [envelope(`${msgid}00000001`)];
  const receipts = await Promise.all([
    queue.accept(message(msgid, 0), envelopes, []),
    queue.accept(message(msgid, 0), envelopes, []),
  ]);
  assert.deepEqual(receipts, [{ kind: "accepted" }, { kind: "refused", why: "failed" }]);
  assert.deepEqual(await queue.accept(message(msgid, 0), envelopes, []), {
    kind: "refused",
    why: "failed",
  });
});

test("A queue that holds as many envelopes as it may is full", async () => {
  const queue = start(new RamSpool(), { maxEnvelopes: 2 });
  const receipts: string[] = [];
  for (let at = 0; at < 3; at++) {
    const [msgid = ""] = queue.reserveMsgids(1);
    const receipt = await queue.accept(message(msgid, 0), [envelope(`${msgid}00000001`)], []);
    receipts.push(receipt.kind === "refused" ? receipt.why : receipt.kind);
  }
  assert.deepEqual(receipts, ["accepted", "accepted", "full"]);
  assert.equal(queue.hasRoom(0), false);
});
