import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { nodeRandom } from "#world/node/random.ts";
import type { Cipher } from "./cipher.ts";
import { Keyring } from "./queue-keys.ts";
import {
  CHUNK_HEADER_BYTES,
  chunksOf,
  encryptChunk,
  isChunkWhole,
  makeChunk,
  PIECE_BYTES,
  readChunkHeader,
  readPiece,
  type TextStorage,
} from "./text-chunks.ts";

const PLACE = { at: 4096, number: 3, offset: 512 };
const WAYS: readonly TextStorage[] = (["off", "zstd", "gzip"] as const).flatMap((compression) =>
  [true, false].map((encrypts) => ({ compression, encrypts })),
);

function someCipher(): Cipher {
  const keys = new Keyring(["k".repeat(32)]);
  const use = keys.newUse(nodeRandom());
  const cipher = use && keys.cipher(use, "00000001.seg");
  if (cipher === undefined) throw new Error("no cipher");
  return cipher;
}

const CIPHER: Cipher = someCipher();

/** The text in a chunk, as a reader finds it; undefined if the reader refuses it. */
function read(chunk: Uint8Array, encrypts: boolean, place = PLACE): Uint8Array | undefined {
  const header = readChunkHeader(chunk);
  if (header === undefined || !isChunkWhole(chunk, header)) return undefined;
  return readPiece(chunk, header, encrypts ? { cipher: CIPHER, place } : undefined);
}

function written(piece: Uint8Array, storage: TextStorage): Uint8Array {
  const chunk = makeChunk(piece, storage);
  if (storage.encrypts) encryptChunk(chunk, CIPHER, PLACE);
  return chunk;
}

for (const storage of WAYS) {
  const name = `compression ${storage.compression}, ${storage.encrypts ? "" : "not "}encrypted`;

  test(`a piece is read as it was written: ${name}`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat(3), (bytes, repeated) => {
        const piece = Buffer.concat(Array.from({ length: repeated }, () => bytes));
        assert.deepEqual(Buffer.from(read(written(piece, storage), storage.encrypts) ?? []), piece);
      }),
    );
  });

  test(`a bit that is flipped anywhere in a chunk is noticed: ${name}`, () => {
    const chunk = written(Buffer.from("To: somebody\r\n".repeat(4)), storage);
    for (let bit = 0; bit < chunk.length * 8; bit++) {
      const flipped = chunk.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(read(flipped, storage.encrypts), undefined, `bit ${bit}`);
    }
  });
}

test("what does not get shorter is stored as it is", () => {
  const noise = randomBytes(2000);
  for (const compression of ["zstd", "gzip"] as const) {
    const chunk = makeChunk(noise, { compression, encrypts: false });
    assert.equal(readChunkHeader(chunk)?.form, "plain");
    assert.equal(chunk.length, CHUNK_HEADER_BYTES + noise.length);
  }
});

test("an encrypted chunk is read only where it was written", () => {
  const chunk = written(Buffer.from("text"), { compression: "off", encrypts: true });
  for (const other of [{ at: 4097 }, { number: 4 }, { offset: 513 }]) {
    assert.equal(read(chunk, true, { ...PLACE, ...other }), undefined);
  }
});

test("an encrypted chunk shows nothing of its text, and the same text twice is two chunks", () => {
  const storage = { compression: "off", encrypts: true } as const;
  const piece = Buffer.from("From: somebody@example.org\r\n".repeat(10));
  const chunk = written(piece, storage);
  assert.equal(Buffer.from(chunk).includes("example"), false);
  const elsewhere = makeChunk(piece, storage);
  encryptChunk(elsewhere, CIPHER, { ...PLACE, number: PLACE.number + 1 });
  assert.notDeepEqual(elsewhere.subarray(CHUNK_HEADER_BYTES), chunk.subarray(CHUNK_HEADER_BYTES));
});

test("a text is cut into pieces that fit", () => {
  const text = randomBytes(2 * PIECE_BYTES + 5);
  const chunks = chunksOf([text.subarray(0, 7), text.subarray(7)], {
    compression: "off",
    encrypts: false,
  });
  assert.deepEqual(chunks.length, 3);
  assert.deepEqual(Buffer.concat(chunks.map((chunk) => read(chunk, false) ?? chunk)), text);
  assert.deepEqual(chunksOf([], { compression: "zstd", encrypts: false }), []);
});

test("a chunk that would grow beyond what its header says does not grow (LIM-21)", () => {
  const zeros = Buffer.alloc(PIECE_BYTES * 40);
  for (const [compression, bomb] of [
    ["zstd", zstdCompressSync(zeros)],
    ["gzip", gzipSync(zeros)],
  ] as const) {
    // A chunk of the right form, with what its writer never wrote.
    const honest = makeChunk(Buffer.alloc(PIECE_BYTES), { compression, encrypts: false });
    const forged = new Uint8Array(CHUNK_HEADER_BYTES + bomb.length);
    forged.set(honest.subarray(0, CHUNK_HEADER_BYTES));
    forged.set(bomb, CHUNK_HEADER_BYTES);
    new DataView(forged.buffer).setUint32(4, bomb.length);
    const header = readChunkHeader(forged);
    assert.equal(header?.pieceBytes, PIECE_BYTES);
    assert.equal(readPiece(forged, header, undefined), undefined);
  }
});

test("lengths that nobody writes are no header", () => {
  const chunk = makeChunk(Buffer.from("text"), { compression: "off", encrypts: false });
  new DataView(chunk.buffer).setUint32(4, PIECE_BYTES + 17);
  assert.equal(readChunkHeader(chunk), undefined);
  new DataView(chunk.buffer).setUint32(0, PIECE_BYTES + 1);
  assert.equal(readChunkHeader(chunk), undefined);
  assert.equal(readChunkHeader(chunk.subarray(0, 11)), undefined);
});
