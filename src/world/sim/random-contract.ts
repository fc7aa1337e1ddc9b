/** What every implementation of the Random port must do; each runs this suite. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "#base/ports/random.ts";

/** Runs the suite; `name` begins the names of its tests. */
export function randomContract(name: string, make: () => Random): void {
  test(`${name} numbers are whole, fit 32 bits and use all of them`, () => {
    const random = make();
    let union = 0;
    for (let drawn = 0; drawn < 1_000; drawn++) {
      const number = random.uint32();
      assert.ok(Number.isInteger(number) && number >= 0 && number < 0x1_0000_0000, `${number}`);
      union |= number;
    }
    assert.equal(union >>> 0, 0xffff_ffff);
  });

  test(`${name} numbers do not repeat`, () => {
    const random = make();
    const numbers = Array.from({ length: 1_000 }, () => random.uint32());
    assert.ok(new Set(numbers).size > 990, "almost all differ");
  });

  test(`${name} fills every byte of an array, whatever its length`, () => {
    for (const length of [0, 1, 2, 3, 4, 5, 9, 70_000]) {
      const random = make();
      const target = zeros(length);
      const union = zeros(length);
      for (let round = 0; round < 40; round++) {
        assert.equal(random.fill(target), target);
        for (const [at, byte] of target.entries()) union[at] = (union[at] ?? 0) | byte;
      }
      assert.ok(
        union.every((byte) => byte === 0xff),
        `${length} bytes`,
      );
    }
  });
}

function zeros(length: number): Uint8Array {
  return new Uint8Array(length);
}
