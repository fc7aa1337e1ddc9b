/**
 * Bytes of slots, in pages outside the heap of the engine. What is written last goes to the
 * end of the last page; what left is waste, until its page is empty or is emptied by moving
 * what still lives in it. So the pages take at most a quarter more than what lives, and
 * SPARE_PAGES; each call moves one page at most.
 *
 * In a page: slot, length of all in bytes (u32 each), the bytes, up to ALIGN. A slot of 0 left.
 */
import { ByteReader } from "#base/byte-reader.ts";

export const PAGE_BYTES: number = 1024 * 1024;
/** Pages that may be waste however little lives. */
const SPARE_PAGES = 2;
/** Waste, as a part of what is taken, from which a page is emptied. */
const MAX_WASTE = 0.2;

const HEADER_BYTES = 8;
/** Places are counted in these, so that 32 bits reach far enough. */
const ALIGN = 4;
const PAGE_PLACES = PAGE_BYTES / ALIGN;
const MAX_PAGES: number = 2 ** 32 / PAGE_PLACES;

/** Longest bytes of one slot. */
const MAX_SLOT_BYTES: number = PAGE_BYTES - HEADER_BYTES;

interface Page {
  readonly bytes: Buffer;
  /** Where the next bytes go. */
  end: number;
  liveBytes: number;
}

export class Pages {
  /** By number; undefined: that number is free. */
  readonly #pages: (Page | undefined)[] = [];
  /** Told when the bytes of a slot have another place. */
  readonly #moved: (slot: number, place: number) => void;
  #last: { readonly number: number; readonly page: Page } | undefined;
  #count = 0;
  #liveBytes = 0;

  constructor(moved: (slot: number, place: number) => void) {
    this.#moved = moved;
  }

  /** What the pages take. */
  get bytes(): number {
    return this.#count * PAGE_BYTES;
  }

  /** What lives in them. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Keeps a copy of `bytes`; returns their place. @throws {RangeError} if they are too long. */
  put(slot: number, bytes: Uint8Array): number {
    if (bytes.length > MAX_SLOT_BYTES) throw new RangeError(`Cannot keep ${bytes.length} bytes`);
    const place = this.#append(slot, bytes);
    this.#tidy();
    return place;
  }

  /** The bytes at a place; to be read before anything else is called. */
  read(place: number): ByteReader {
    const { page, at } = this.#at(place);
    const bytes = page.bytes.readUInt32LE(at + 4);
    return new ByteReader(page.bytes.subarray(at + HEADER_BYTES, at + bytes));
  }

  free(place: number): void {
    const { page, at, number } = this.#at(place);
    page.bytes.writeUInt32LE(0, at);
    const taken = aligned(page.bytes.readUInt32LE(at + 4));
    page.liveBytes -= taken;
    this.#liveBytes -= taken;
    if (page.liveBytes === 0 && page !== this.#last?.page) this.#drop(number);
    this.#tidy();
  }

  clear(): void {
    this.#pages.length = 0;
    this.#last = undefined;
    this.#count = 0;
    this.#liveBytes = 0;
  }

  #append(slot: number, bytes: Uint8Array): number {
    const length = HEADER_BYTES + bytes.length;
    const { page, number } = this.#pageWith(aligned(length));
    const at = page.end;
    page.bytes.writeUInt32LE(slot, at);
    page.bytes.writeUInt32LE(length, at + 4);
    page.bytes.set(bytes, at + HEADER_BYTES);
    page.end += aligned(length);
    page.liveBytes += aligned(length);
    this.#liveBytes += aligned(length);
    return number * PAGE_PLACES + at / ALIGN;
  }

  #pageWith(room: number): { readonly number: number; readonly page: Page } {
    const last = this.#last;
    if (last !== undefined && last.page.end + room <= PAGE_BYTES) return last;
    if (last !== undefined && last.page.liveBytes === 0) this.#drop(last.number);
    const free = this.#pages.indexOf(undefined);
    const number = free < 0 ? this.#pages.length : free;
    if (number >= MAX_PAGES) throw new RangeError("Cannot keep more: all places are taken");
    const page: Page = { bytes: Buffer.allocUnsafeSlow(PAGE_BYTES), end: 0, liveBytes: 0 };
    this.#pages[number] = page;
    this.#count++;
    this.#last = { number, page };
    return this.#last;
  }

  #at(place: number): { readonly page: Page; readonly number: number; readonly at: number } {
    const number = Math.floor(place / PAGE_PLACES);
    const page = this.#pages[number];
    if (page === undefined) throw new RangeError("Cannot read: there is no such place");
    return { page, number, at: (place % PAGE_PLACES) * ALIGN };
  }

  #drop(number: number): void {
    this.#pages[number] = undefined;
    this.#count--;
  }

  /** Empties the page with the least in it, if there is too much waste. */
  #tidy(): void {
    const waste = this.bytes - this.#liveBytes;
    if (waste <= SPARE_PAGES * PAGE_BYTES || waste <= this.bytes * MAX_WASTE) return;
    let emptiest = -1;
    let leastBytes = PAGE_BYTES;
    for (const [number, page] of this.#pages.entries()) {
      if (page === undefined || page === this.#last?.page) continue;
      if (page.liveBytes >= leastBytes) continue;
      emptiest = number;
      leastBytes = page.liveBytes;
    }
    const page = this.#pages[emptiest];
    if (page !== undefined) this.#empty(emptiest, page);
  }

  #empty(number: number, page: Page): void {
    for (let at = 0; at < page.end; ) {
      const slot = page.bytes.readUInt32LE(at);
      const length = page.bytes.readUInt32LE(at + 4);
      if (slot !== 0) {
        const bytes = page.bytes.subarray(at + HEADER_BYTES, at + length);
        this.#moved(slot, this.#append(slot, bytes));
      }
      at += aligned(length);
    }
    this.#liveBytes -= page.liveBytes;
    this.#drop(number);
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGN) * ALIGN;
}
