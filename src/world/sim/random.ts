/**
 * Seeded random numbers: the same seed gives the same run.
 *
 * Parts of a simulated world take their own stream with `fork`, so that one more
 * draw in one of them does not change what happens in the others. Not for
 * secrets: a few outputs give the state away.
 *
 * Source: xoshiro128** 1.1 and SplitMix (Blackman and Vigna), in 32-bit steps.
 */
import type { Random } from "#base/ports/random.ts";

export class SimRandom implements Random {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    this.seed = seed;
    const next = mixer(seed);
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next();
  }

  uint32(): number {
    const result = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotate(this.#d, 11);
    return result;
  }

  fill(target: Uint8Array): Uint8Array {
    for (let at = 0; at < target.length; at += 4) {
      const word = this.uint32();
      for (let i = 0; i < 4 && at + i < target.length; i++) target[at + i] = word >>> (i * 8);
    }
    return target;
  }

  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * bound);
  }

  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** One of `choices`, which must not be empty. */
  pick<const Choice>(choices: readonly [Choice, ...Choice[]]): Choice {
    return choices[this.below(choices.length)] ?? choices[0];
  }

  /** A stream of its own for the part called `name`; this stream is not disturbed. */
  fork(name: string): SimRandom {
    let seed = this.seed >>> 0;
    for (let i = 0; i < name.length; i++) seed = Math.imul(seed ^ name.charCodeAt(i), 0x0100_0193);
    return new SimRandom(seed >>> 0);
  }
}

/** Seeded random numbers. */
export function simRandom(seed: number): SimRandom {
  return new SimRandom(seed);
}

/** Spreads a seed, however small, over as many state words as are asked for. */
function mixer(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0_aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a_2d97);
    return mixed ^ (mixed >>> 15);
  };
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
