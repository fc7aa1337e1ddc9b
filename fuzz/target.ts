/** What is fuzzed: one parser or machine each, fed with octets that nobody would send. */

export interface FuzzTarget {
  /** Also the folder of its corpus. */
  readonly name: string;
  /** Pieces that its inputs are made of. */
  readonly words: readonly string[];
  /** Inputs to begin with, one character for each octet; the corpus has more. */
  readonly seeds: () => readonly string[];
  /**
   * Feeds `input`, and throws if what must always hold does not. Whatever it does, it
   * must do again for the same input.
   */
  readonly run: (input: Buffer) => void | Promise<void>;
}

/** Longer inputs are cut: what grows without end is found with less. */
export const MAX_INPUT_BYTES = 8192;

/** `input` in pieces of `size` octets. */
export function piecesOf(input: Buffer, size: number): readonly Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < input.length; at += size) pieces.push(input.subarray(at, at + size));
  return pieces;
}

/** Sizes at which the result must be the same: one octet, and one that the input chooses. */
export function sizesFor(input: Buffer): readonly number[] {
  let sum = 0;
  for (const octet of input) sum = (sum * 31 + octet) % 65_521;
  return [1, 2 + (sum % Math.max(input.length, 1))];
}
