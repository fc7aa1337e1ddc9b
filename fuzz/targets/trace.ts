/** Files of a trace: whatever they hold, what is read of them is whole entries, and printable. */
import assert from "node:assert/strict";
import { ByteWriter } from "#base/byte-writer.ts";
import type { TraceEntry } from "#model/trace.ts";
import { addKeysOf } from "#engine/trace/keys.ts";
import { entriesIn, writeEntry } from "#engine/trace/entry-list.ts";
import { masked } from "#engine/trace/mask.ts";
import {
  blocksOf,
  decodeFileHeader,
  decodeTrailer,
  encodeBlock,
  encodeFileHeader,
} from "#engine/trace/trace-format.ts";
import { lookUp } from "#engine/trace/trace-index.ts";
import { linesOf } from "#engine/trace/trace-lines.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

const MARK = Buffer.from("a1b2c3d4e5f60718", "hex");
const MSGID = "0a0b0c0d";

const ENTRIES: readonly TraceEntry[] = [
  {
    kind: "attempt",
    evpid: `${MSGID}00000001`,
    atMs: 1_700_000_000_000,
    beganAtMs: 1_700_000_000_000,
    tookMs: 20,
    number: 1,
    outcome: "failed",
    status: "5.1.1",
    diagnostic: "550 <a@b.example> unknown",
    remote: "mx.b.example [192.0.2.1]",
    tls: { kind: "none" },
    nextTryAtMs: 0,
  },
  { kind: "removed", evpid: `${MSGID}00000001`, atMs: 1_700_000_000_000 },
  { kind: "reported", msgid: MSGID, atMs: 1, action: "failed", report: "00000001" },
];

export const trace: FuzzTarget = {
  name: "trace",
  words: [MARK.toString("latin1"), "PRTRACE1", "PRTRIDX1", "\u0000\u0000\u0000\u0010", "\u001b[2J"],
  seeds: () => [Buffer.from(seedEntries()).toString("latin1"), seedFile().toString("latin1")],
  run(input) {
    decodeFileHeader(input);
    decodeTrailer(input);
    lookUp(input, [0, 1, 0xffff_ffff]);
    for (const _ of blocksOf({ mark: MARK, cipher: undefined }, input, () => undefined));
    // As a block with a right checksum would give them.
    const keys = new Set<number>();
    for (const { entry } of entriesIn(input)) {
      addKeysOf(entry, keys);
      for (const each of [entry, masked(entry)]) {
        for (const { line } of linesOf({ msgid: MSGID, evpids: "all", entries: [each] }))
          assert.match(line, /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u);
      }
    }
  },
};

function seedEntries(): Uint8Array {
  const writer = new ByteWriter();
  for (const entry of ENTRIES) writeEntry(writer, entry);
  return writer.written();
}

function seedFile(): Buffer {
  const header = encodeFileHeader({ mark: MARK, firstAtMs: 0, lastAtMs: 0, use: undefined });
  const file = { mark: MARK, cipher: undefined };
  const block = encodeBlock(file, { kind: "entries", bytes: seedEntries() }, 0, "off");
  return Buffer.concat([header, block]);
}
