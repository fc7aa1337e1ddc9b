import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred, delivered, evpidOf, failed, held, mail, removed } from "#test/crash/mail.ts";
import { FRAME_BYTES, isWhole, readFrame } from "./record.ts";
import { frameEntries, type RecordEntry, readEntries } from "./record-entries.ts";
import { untried } from "./unfinished.ts";

const MAIL = mail(7, { recipients: 3 });
const EVPID = evpidOf(MAIL);
const TEXT = {
  bytes: MAIL.text.length,
  checksum: 0xfedc_ba98,
  inBlob: false,
  form: "raw",
  storedBytes: MAIL.text.length,
  keyId: undefined,
} as const;
const ENCRYPTED = {
  ...TEXT,
  inBlob: true,
  form: "encrypted",
  storedBytes: 999,
  keyId: "0123456789abcdef",
} as const;
const CHUNKS = { ...TEXT, form: "chunks", storedBytes: 99 } as const;

const ENTRIES = [
  { kind: "accepted", message: MAIL.message, envelopes: MAIL.envelopes, text: TEXT },
  { kind: "accepted", message: MAIL.message, envelopes: [], text: CHUNKS },
  { kind: "accepted", message: MAIL.message, envelopes: [], text: ENCRYPTED },
  {
    kind: "restated",
    message: MAIL.message,
    envelopes: MAIL.envelopes.map((envelope, at) => ({
      ...untried(envelope),
      retryCount: at,
      lastTryAtMs: at * 1000,
      warnedMs: at * 10,
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

/** A restated message of three envelopes and a deferral, as format 2 had them at first. */
const BEFORE_WARNINGS: string = [
  "0000000202000000070000019b76daa8070000001273656e646572406578616d706c652e636f6d0000000009",
  "3139322e302e322e3700000012636c69656e742e6578616d706c652e636f6d0100000012636c69656e742e65",
  "78616d706c652e636f6d00000000000000000000000000000002bc0000000000030000000700000001000000",
  "117573657231406578616d706c652e6f726700000000117573657231406578616d706c652e6f726700000005",
  "72656c6179000000000d736d7470642e636f6e663a3132000000000014997000000000000000000000000000",
  "000000000000000000000000000700000002000000117573657232406578616d706c652e6f72670000000011",
  "7573657232406578616d706c652e6f72670000000572656c61790100000005c3bc6e616c0000000374616700",
  "00000d736d7470642e636f6e663a31320000000000149970000000000100000000000003e800000000000000",
  "0000010000000700000003000000117573657233406578616d706c652e6f7267000000001175736572334065",
  "78616d706c652e6f72670000000572656c6179000000000d736d7470642e636f6e663a313202000000000761",
  "6c6961736573000000047465616d0000000c736d7470642e636f6e663a39020000000e2f6574632f6d61696c",
  "2f7465616d000000000000000c736d7470642e636f6e663a3900000000149970000000000200000000000007",
  "d00000000000000000000000000000000002bcfedcba98010300000007000000010000000000000bb8000000",
  "030000000000000d4800000007000000010100000005342e342e310000000d73616964206465666572726564",
  "0000000e6d782e6578616d706c652e6f7267",
].join("");

test("entries of every kind are read as they were written", () => {
  const { head } = frameEntries(ENTRIES, []);
  assert.deepEqual(readEntries(head.subarray(FRAME_BYTES)), { kind: "decoded", value: ENTRIES });
});

test("what was written before delays were told is read as not told", () => {
  const afterwards = readEntries(Buffer.from(BEFORE_WARNINGS, "hex"));
  assert.ok(afterwards.kind === "decoded", afterwards.kind);
  const [before, tried] = afterwards.value;
  assert.ok(before?.kind === "restated" && tried?.kind === "deferred", "kinds");
  assert.deepEqual(
    before.envelopes.map(({ retryCount, warnedMs, held: isHeld }) => [
      retryCount,
      warnedMs,
      isHeld,
    ]),
    [
      [0, 0, false],
      [1, 0, true],
      [2, 0, false],
    ],
  );
  assert.deepEqual({ ...tried, warnedMs: 30 }, deferred(EVPID, 3));
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
  assert.ok(frame?.form === "plain");
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
