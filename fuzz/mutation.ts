/** New inputs from old ones: octets changed, put in, taken out, doubled; words; two inputs joined. */
import { MAX_INPUT_BYTES } from "./target.ts";

/** Numbers from a seed: xorshift32. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** 0 to `count` - 1. */
  below(count: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % count;
  }

  /** One of them, of which there is one at least. */
  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }
}

/** Octets that parsers look for. */
const TELLING: readonly number[] = [
  0x00, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x2e, 0x2f, 0x30, 0x3a, 0x3c, 0x3e, 0x40, 0x5c, 0x7f, 0x80,
  0xff,
];
const MAX_CHANGES = 6;
const MAX_RUN = 300;

type Change = (input: Buffer, chance: Chance, words: readonly Buffer[]) => Buffer;

const CHANGES: readonly Change[] = [
  (input, chance) => splice(input, chance.below(input.length + 1), 0, octet(chance)),
  (input, chance) => splice(input, chance.below(input.length + 1), 1, octet(chance)),
  (input, chance) => splice(input, chance.below(input.length + 1), 1 + chance.below(8), NOTHING),
  (input, chance, words) => splice(input, chance.below(input.length + 1), 0, chance.of(words)),
  (input, chance, words) => {
    const word = chance.of(words);
    return splice(input, chance.below(input.length + 1), word.length, word);
  },
  // A part once more, somewhere else.
  (input, chance) => {
    const from = chance.below(input.length + 1);
    const part = input.subarray(from, from + 1 + chance.below(64));
    return splice(input, chance.below(input.length + 1), 0, part);
  },
  // One octet many times.
  (input, chance) => {
    const run = Buffer.alloc(1 + chance.below(MAX_RUN), octet(chance));
    return splice(input, chance.below(input.length + 1), 0, run);
  },
  (input, chance) => input.subarray(0, chance.below(input.length + 1)),
  flipBit,
];

const NOTHING = Buffer.alloc(0);

/** @param corpus what has been tried with success; one at least. */
export function mutated(
  corpus: readonly Buffer[],
  words: readonly Buffer[],
  chance: Chance,
): Buffer {
  let input = chance.of(corpus);
  if (chance.below(8) === 0) {
    const other = chance.of(corpus);
    const from = chance.below(other.length + 1);
    input = Buffer.concat([
      input.subarray(0, chance.below(input.length + 1)),
      other.subarray(from),
    ]);
  }
  for (let left = 1 + chance.below(MAX_CHANGES); left > 0; left--)
    input = chance.of(CHANGES)(input, chance, words);
  return Buffer.from(input.subarray(0, MAX_INPUT_BYTES));
}

function octet(chance: Chance): Buffer {
  return Buffer.of(chance.below(2) === 0 ? chance.of(TELLING) : chance.below(256));
}

function flipBit(input: Buffer, chance: Chance): Buffer {
  if (input.length === 0) return input;
  const at = chance.below(input.length);
  return splice(input, at, 1, Buffer.of((input[at] ?? 0) ^ (1 << chance.below(8))));
}

function splice(input: Buffer, at: number, remove: number, put: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, at), put, input.subarray(at + remove)]);
}
