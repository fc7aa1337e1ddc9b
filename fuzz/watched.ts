/**
 * What the fuzzing thread shares with its watcher: the input that is being run, so that
 * one that never ends is known, too.
 */
import { MAX_INPUT_BYTES } from "./target.ts";

const HEADER_BYTES = 8;

/** Memory for one target: how many runs have begun, the length of the input, the input. */
export function sharedMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + MAX_INPUT_BYTES);
}

export class Watched {
  readonly #header: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#header = new Int32Array(memory, 0, 2);
    this.#bytes = new Uint8Array(memory, HEADER_BYTES);
  }

  begins(input: Buffer): void {
    this.#bytes.set(input.subarray(0, MAX_INPUT_BYTES));
    Atomics.store(this.#header, 1, Math.min(input.length, MAX_INPUT_BYTES));
    Atomics.add(this.#header, 0, 1);
  }

  /** Runs that have begun. */
  get runs(): number {
    return Atomics.load(this.#header, 0);
  }

  get input(): Buffer {
    return Buffer.from(this.#bytes.slice(0, Atomics.load(this.#header, 1)));
  }
}
