import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Keyring, NO_KEYS } from "#engine/spool/queue-keys.ts";
import { SimRandom } from "#world/sim/random.ts";
import {
  type BlockFile,
  blocksOf,
  decodeFileHeader,
  decodeTrailer,
  encodeBlock,
  encodeFileHeader,
  encodeTrailer,
  FILE_HEADER_BYTES,
  type TraceFileHeader,
} from "./trace-format.ts";
import { IndexBuilder, lookUp } from "./trace-index.ts";

const KEYS = new Keyring(["0123456789abcdef0123456789abcdef"]);
const MARK = Buffer.from("a1b2c3d4e5f60718", "hex");
const TEXTS: readonly string[] = ["one", "two ".repeat(100), "three"];

function fileOf(keys: Keyring): { readonly file: BlockFile; readonly bytes: Buffer } {
  const use = keys.newUse(new SimRandom(1));
  const header: TraceFileHeader = { mark: MARK, firstAtMs: 1, lastAtMs: 2, use };
  const file = { mark: MARK, cipher: use && keys.cipher(use, "trace/1") };
  const blocks = TEXTS.map((text, number) =>
    encodeBlock(file, { kind: "entries", bytes: Buffer.from(text) }, number, "zstd"),
  );
  return { file, bytes: Buffer.concat([encodeFileHeader(header), ...blocks]) };
}

function textsIn(file: BlockFile, bytes: Buffer): { texts: readonly string[]; damaged: number } {
  let damaged = 0;
  const found = blocksOf(file, bytes, () => damaged++);
  const texts = Array.from(found, ({ content }) => Buffer.from(content.bytes).toString());
  return { texts, damaged };
}

for (const [what, keys] of [
  ["plain", NO_KEYS],
  ["encrypted", KEYS],
] as const) {
  test(`blocks are read as they were written: ${what}`, () => {
    const { file, bytes } = fileOf(keys);
    assert.deepEqual(textsIn(file, bytes), { texts: TEXTS, damaged: 0 });
  });

  test(`a byte that is another costs one block, and is told: ${what}`, () => {
    const { file, bytes } = fileOf(keys);
    for (let at = FILE_HEADER_BYTES; at < bytes.length; at++) {
      const harmed = Buffer.from(bytes);
      harmed[at] = (harmed[at] ?? 0) ^ 0x41;
      const { texts, damaged } = textsIn(file, harmed);
      assert.equal(damaged, 1, `byte ${at}`);
      assert.equal(texts.length, TEXTS.length - 1, `byte ${at}`);
      assert.ok(texts.every((text) => TEXTS.includes(text)));
    }
  });

  test(`a file that was cut is read up to there: ${what}`, () => {
    const { file, bytes } = fileOf(keys);
    for (let end = FILE_HEADER_BYTES; end < bytes.length; end++) {
      const { texts } = textsIn(file, bytes.subarray(0, end));
      assert.deepEqual(texts, TEXTS.slice(0, texts.length));
      assert.ok(texts.length < TEXTS.length);
    }
  });
}

test("a header is read as it was written, and not at all with one bit of another", () => {
  const header = { mark: MARK, firstAtMs: 5, lastAtMs: 1_800_000_000_000, use: undefined };
  const bytes = encodeFileHeader(header);
  assert.deepEqual(decodeFileHeader(bytes), header);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const harmed = Buffer.from(bytes);
    harmed[bit >> 3] = (harmed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(decodeFileHeader(harmed), undefined, `bit ${bit}`);
  }
});

test("the trailer says where the index is, or is none", () => {
  assert.equal(decodeTrailer(encodeTrailer(123)), 123);
  assert.equal(decodeTrailer(encodeTrailer(123).fill(0, 9, 10)), 123);
  assert.equal(decodeTrailer(Buffer.alloc(16)), undefined);
});

test("an index finds all blocks that have a key, and no other", () => {
  const keys = fc.uniqueArray(fc.integer({ min: 0, max: 20 }));
  fc.assert(
    fc.property(fc.array(keys, { maxLength: 10 }), keys, (blocks, asked) => {
      const builder = new IndexBuilder();
      for (const [at, has] of blocks.entries())
        builder.add({ offset: at * 100, bytes: at }, new Set(has));
      const wanted = blocks.flatMap((has, at) =>
        has.some((key) => asked.includes(key)) ? [{ offset: at * 100, bytes: at }] : [],
      );
      assert.deepEqual(lookUp(builder.build(), asked), wanted);
    }),
  );
});
