/**
 * The index of a closed file: where its blocks are, and which keys are in which of them.
 *
 *     blocks: how many, then for each its place and its length; keys: how many, then for
 *     each, ascending, the key and the number of the block: 4 and 2 bytes
 */
export interface BlockPlace {
  readonly offset: number;
  readonly bytes: number;
}

const PLACE_BYTES = 8;
const ENTRY_BYTES = 6;
/** More than there are in a file. */
const BLOCKS = 0x1_0000;

export class IndexBuilder {
  readonly #places: BlockPlace[] = [];
  /** Key and block in one number each, which sorts fast: a queue has no time for a sort of objects. */
  readonly #entries: number[] = [];

  add(place: BlockPlace, keys: ReadonlySet<number>): void {
    for (const key of keys) this.#entries.push(key * BLOCKS + this.#places.length);
    this.#places.push(place);
  }

  build(): Uint8Array {
    const places = this.#places;
    const entries = Float64Array.from(this.#entries).toSorted();
    const bytes = Buffer.alloc(8 + places.length * PLACE_BYTES + entries.length * ENTRY_BYTES);
    let at = bytes.writeUInt32BE(places.length, 0);
    for (const place of places) {
      at = bytes.writeUInt32BE(place.offset, at);
      at = bytes.writeUInt32BE(place.bytes, at);
    }
    at = bytes.writeUInt32BE(entries.length, at);
    for (const entry of entries) {
      at = bytes.writeUInt32BE(Math.floor(entry / BLOCKS), at);
      at = bytes.writeUInt16BE(entry % BLOCKS, at);
    }
    return bytes;
  }
}

/** The blocks in which one of `keys` may be, in their order; undefined if this is no index. */
export function lookUp(
  given: Uint8Array,
  keys: Iterable<number>,
): readonly BlockPlace[] | undefined {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.length);
  if (bytes.length < 8) return undefined;
  const blocks = bytes.readUInt32BE(0);
  const entriesAt = 4 + blocks * PLACE_BYTES;
  if (entriesAt + 4 > bytes.length) return undefined;
  const count = bytes.readUInt32BE(entriesAt);
  if (entriesAt + 4 + count * ENTRY_BYTES !== bytes.length) return undefined;
  const keyAt = (entry: number): number => bytes.readUInt32BE(entriesAt + 4 + entry * ENTRY_BYTES);
  const found = new Set<number>();
  for (const key of keys) {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keyAt(middle) < key) low = middle + 1;
      else high = middle;
    }
    for (; low < count && keyAt(low) === key; low++)
      found.add(bytes.readUInt16BE(entriesAt + 8 + low * ENTRY_BYTES));
  }
  const numbers = [...found].filter((block) => block < blocks).toSorted((a, b) => a - b);
  return numbers.map((block) => ({
    offset: bytes.readUInt32BE(4 + block * PLACE_BYTES),
    bytes: bytes.readUInt32BE(8 + block * PLACE_BYTES),
  }));
}
