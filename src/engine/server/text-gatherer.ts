/**
 * Joins small pieces of a text before they are kept.
 *
 * Each piece that is kept costs some two hundred octets besides its own: a client that
 * sends one octet in each segment would take that for each of them. So what is kept
 * comes in pieces of MIN_PIECE_BYTES at least, but for the last one; a large piece,
 * and one that stays alone, is handed on as it is, without a copy.
 */

/** Pieces of this size are handed on at once. */
export const MIN_PIECE_BYTES = 2048;
/** Small pieces are copied to arrays of this size. */
const GATHER_BYTES: number = 2 * MIN_PIECE_BYTES;

const NOTHING = new Uint8Array(0);

export class TextGatherer {
  readonly #write: (text: Uint8Array) => void;
  /** Not written yet; the start of `#room` once there are several. */
  #pending: Uint8Array = NOTHING;
  #room: Uint8Array | undefined;

  /** `write` owns the arrays that it is given. */
  constructor(write: (text: Uint8Array) => void) {
    this.#write = write;
  }

  /** Takes the next piece, which belongs to the gatherer from now on. */
  push(text: Uint8Array): void {
    const length = this.#pending.length + text.length;
    if (text.length >= MIN_PIECE_BYTES || length > GATHER_BYTES) this.end();
    if (text.length >= MIN_PIECE_BYTES) this.#write(text);
    else if (this.#pending.length === 0) this.#pending = text;
    else this.#append(text, length);
  }

  /** Writes what is pending. */
  end(): void {
    const pending = this.#pending;
    this.drop();
    if (pending.length > 0) this.#write(pending);
  }

  /** Forgets what is pending. */
  drop(): void {
    this.#pending = NOTHING;
    this.#room = undefined;
  }

  #append(text: Uint8Array, length: number): void {
    if (this.#room === undefined) {
      this.#room = new Uint8Array(GATHER_BYTES);
      this.#room.set(this.#pending);
    }
    this.#room.set(text, this.#pending.length);
    this.#pending = this.#room.subarray(0, length);
  }
}
