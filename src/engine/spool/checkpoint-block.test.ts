import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { hex32 } from "#base/hex.ts";
import { anyMessage, anyPlan, anyRecipient, anyText } from "#test/support/any-mail.ts";
import { Block, BlockWriter, type CheckpointEntry, messageIn } from "./checkpoint-block.ts";
import { SharedValues } from "./checkpoint-shared.ts";
import type { KnownMessage, Position } from "./live-message.ts";
import type { Restated, TextStamp } from "./record-entries.ts";
import type { StoredEnvelope } from "./spool.ts";

interface Known {
  readonly known: KnownMessage;
  readonly message: Restated;
}

const anyU32 = fc.nat(0xffff_ffff);
const anyPosition: fc.Arbitrary<Position> = fc.record({
  sequence: fc.integer({ min: 1, max: 0xffff_ffff }),
  at: anyU32,
});
const anyStamp: fc.Arbitrary<TextStamp> = fc.record({
  bytes: fc.nat(),
  checksum: anyU32,
  inBlob: fc.boolean(),
  form: fc.constantFrom("chunks", "encrypted", "lost"),
  storedBytes: fc.nat(),
  keyId: fc.constantFrom(undefined, "0123456789abcdef"),
});
const anyEnvelope = fc.record({
  plan: anyPlan,
  recipient: anyRecipient,
  tried: fc.option(anyPosition, { nil: undefined }),
  set: fc.record({
    retryCount: fc.nat(),
    lastTryAtMs: fc.nat(2 ** 41),
    nextTryAtMs: fc.nat(2 ** 41),
    warnedMs: fc.nat(2 ** 41),
    held: fc.boolean(),
  }),
  words: fc.option(
    fc.record({
      outcome: fc.constantFrom("deferred" as const, "handed-on" as const),
      status: fc.constant("4.4.1"),
      diagnostic: anyText,
      remote: fc.constantFrom("", "mx.example [192.0.2.1]"),
    }),
    { nil: undefined },
  ),
});

const anyKnown: fc.Arbitrary<Known> = fc
  .record({
    msgid: anyU32,
    message: anyMessage,
    stamp: anyStamp,
    place: anyPosition,
    share: anyU32,
    textBytes: fc.nat(2 ** 41),
    envelopes: fc.array(anyEnvelope, { minLength: 1, maxLength: 4 }),
  })
  .map(({ msgid, message, stamp, place, share, textBytes, envelopes }): Known => {
    const id = hex32(msgid);
    const stored = envelopes.map(({ plan, recipient, set, words }, at): StoredEnvelope => {
      const evpid = id + hex32(at + 1);
      const envelope = { ...plan, ...recipient, evpid };
      return { ...set, envelope, lastResult: words && { ...words, evpid } };
    });
    const known = envelopes.map(({ tried, set: { held } }, at) => ({ low: at + 1, tried, held }));
    return {
      known: { msgid, ...place, share, textBytes, inBlob: stamp.inBlob, envelopes: known },
      message: {
        kind: "restated",
        message: { ...message, msgid: id },
        envelopes: stored,
        text: stamp,
      },
    };
  });

function blockOf(writer: BlockWriter): Block {
  const block = Block.read(Buffer.concat(writer.pieces()), writer.rowsEnd, new SharedValues());
  assert.ok(block !== undefined, "it is a block");
  return block;
}

function entriesOf(block: Block): readonly CheckpointEntry[] {
  return [...block.entries()].flatMap((some) => {
    assert.ok(some !== undefined, "each row is one");
    return some;
  });
}

function told(entries: readonly CheckpointEntry[]): readonly unknown[] {
  return entries.map((entry) => ({ known: entry.known, message: messageIn(entry) }));
}

test("a message is read from a block as it was written, with what it shares with others", () => {
  fc.assert(
    fc.property(fc.array(anyKnown, { maxLength: 40 }), (all) => {
      const writer = new BlockWriter();
      for (const { known, message } of all) writer.write(known, message);
      assert.equal(writer.messages, all.length);
      // Cloned, as fast-check makes objects that have no prototype.
      assert.deepEqual(told(entriesOf(blockOf(writer))), structuredClone(all));
    }),
    { numRuns: 60 },
  );
});

test("messages that are copied from several blocks into one stay as they were", () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyKnown, { maxLength: 5 }), { maxLength: 5 }), (blocks) => {
      const copies = new BlockWriter();
      for (const all of blocks) {
        const writer = new BlockWriter();
        for (const { known, message } of all) writer.write(known, message);
        for (const entry of entriesOf(blockOf(writer))) copies.copy(entry);
      }
      assert.deepEqual(told(entriesOf(blockOf(copies))), structuredClone(blocks.flat()));
    }),
    { numRuns: 60 },
  );
});

test("whatever is in a block, it is read or refused, and never throws", () => {
  fc.assert(
    fc.property(anyKnown, fc.nat(), fc.nat(255), ({ known, message }, place, byte) => {
      const writer = new BlockWriter();
      writer.write(known, message);
      const bytes = new Uint8Array(Buffer.concat(writer.pieces()));
      bytes[place % bytes.length] = byte;
      const block = Block.read(bytes, writer.rowsEnd, new SharedValues());
      for (const some of block?.entries() ?? []) for (const entry of some ?? []) messageIn(entry);
    }),
    { numRuns: 300 },
  );
});
