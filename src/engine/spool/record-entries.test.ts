import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred, delivered, evpidOf, failed, held, mail, removed } from "#test/crash/mail.ts";
import { FRAME_BYTES, isWhole, readFrame } from "./record.ts";
import { frameEntries, type RecordEntry, readEntries } from "./record-entries.ts";
import { untried } from "./unfinished.ts";

const MAIL = mail(7, { recipients: 3 });
const EVPID = evpidOf(MAIL);
const TEXT = { bytes: MAIL.text.length, checksum: 0xfedc_ba98, inBlob: false };

const ENTRIES = [
  { kind: "accepted", message: MAIL.message, envelopes: MAIL.envelopes, text: TEXT },
  {
    kind: "restated",
    message: MAIL.message,
    envelopes: MAIL.envelopes.map((envelope, at) => ({
      ...untried(envelope),
      retryCount: at,
      lastTryAtMs: at * 1000,
      held: at === 1,
    })),
    text: { ...TEXT, inBlob: true },
  },
  deferred(EVPID, 3),
  delivered(EVPID),
  failed(EVPID),
  removed(EVPID),
  held(EVPID, true),
] as readonly RecordEntry[];

test("entries of every kind are read as they were written", () => {
  const { head } = frameEntries(ENTRIES, []);
  assert.deepEqual(readEntries(head.subarray(FRAME_BYTES)), { kind: "decoded", value: ENTRIES });
});

test("a head that ends early, wherever, is a fault and not a throw", () => {
  const head = frameEntries(ENTRIES, []).head.subarray(FRAME_BYTES);
  for (let length = 0; length < head.length; length++) {
    assert.equal(readEntries(head.subarray(0, length)).kind, "decode-fault", `${length} bytes`);
  }
});

test("a record's frame has the lengths of its parts and vouches for its head", () => {
  const record = frameEntries(ENTRIES.slice(0, 1), [
    MAIL.text.subarray(0, 10),
    MAIL.text.subarray(10),
  ]);
  const frame = readFrame(record.head, record.head.slice(0, 8));
  assert.ok(frame?.isKnown);
  assert.equal(frame.headBytes, record.head.length - FRAME_BYTES);
  assert.equal(frame.textBytes, MAIL.text.length);
  assert.equal(record.bytes, record.head.length + MAIL.text.length);
  assert.ok(isWhole(record.head, frame));
  for (let at = 12; at < record.head.length; at++) {
    const flipped = record.head.slice();
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    assert.ok(!isWhole(flipped, frame), `byte ${at}`);
  }
});
