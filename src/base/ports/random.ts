/** Unpredictable numbers on a real machine; a seeded sequence in the simulated world. */
export interface Random {
  /** Fills `target` and returns it. */
  fill(target: Uint8Array): Uint8Array;

  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number;
}
