/**
 * Which checksum the journal can afford: zlib's CRC-32, which is native, against a
 * table-driven CRC-32C in JavaScript. bin/node bench/spool-checksum.ts.
 * Source: docs/decisions/0001-journal-checksum.md.
 */
import { crc32 } from "node:zlib";

/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL = 0x82f6_3b78;
const SIZES: readonly number[] = [512, 4608, 262_144];
const BYTES_PER_RUN = 200_000_000;

/** Eight tables: each step takes eight bytes ("slicing by 8"). */
function makeTables(): readonly Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  const [first = new Int32Array(256)] = tables;
  for (let index = 0; index < 256; index++) {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? POLYNOMIAL : 0);
    first[index] = value;
  }
  for (let index = 0; index < 256; index++) {
    let value = entry(first, index);
    for (const table of tables) {
      table[index] = value;
      value = (value >>> 8) ^ entry(first, value);
    }
  }
  return tables;
}

// Named one by one: an array of tables would be looked up for each byte.
const [T0, T1, T2, T3, T4, T5, T6, T7] = makeTables() as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

function crc32c(bytes: Uint8Array): number {
  let sum = -1;
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    const low =
      sum ^
      (byte(bytes, at) |
        (byte(bytes, at + 1) << 8) |
        (byte(bytes, at + 2) << 16) |
        (byte(bytes, at + 3) << 24));
    sum =
      entry(T7, low) ^
      entry(T6, low >>> 8) ^
      entry(T5, low >>> 16) ^
      entry(T4, low >>> 24) ^
      entry(T3, byte(bytes, at + 4)) ^
      entry(T2, byte(bytes, at + 5)) ^
      entry(T1, byte(bytes, at + 6)) ^
      entry(T0, byte(bytes, at + 7));
  }
  for (; at < bytes.length; at++) sum = (sum >>> 8) ^ entry(T0, sum ^ byte(bytes, at));
  return ~sum >>> 0;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

function entry(table: Int32Array, index: number): number {
  return table[index & 0xff] as number;
}

/** Microseconds for each call. */
function measure(sum: (bytes: Uint8Array) => number, bytes: Uint8Array): number {
  const calls = Math.floor(BYTES_PER_RUN / bytes.length);
  for (let call = 0; call < calls / 10; call++) sum(bytes);
  const startedAtMs = performance.now();
  for (let call = 0; call < calls; call++) sum(bytes);
  return ((performance.now() - startedAtMs) * 1000) / calls;
}

if (import.meta.main) {
  const check = crc32c(new TextEncoder().encode("123456789"));
  if (check !== 0xe306_9283) throw new Error("CRC-32C is wrong: nothing measured");
  console.log("| bytes | CRC-32C in JavaScript, µs | zlib.crc32, µs |");
  console.log("|---|---|---|");
  for (const size of SIZES) {
    const bytes = Uint8Array.from({ length: size }, (_, at) => at * 7);
    const cells = [size, measure(crc32c, bytes).toFixed(2), measure(crc32, bytes).toFixed(2)];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
