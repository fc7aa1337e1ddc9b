import assert from "node:assert/strict";
import { test } from "node:test";
import { Semaphore } from "./semaphore.ts";

test("A semaphore has no more at work than it has places, and the others come in their order", async () => {
  const semaphore = new Semaphore(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const works = [0, 1, 2, 3].map((number) =>
    semaphore.run(() => {
      begun.push(number);
      return new Promise<number>((resolve) => ends.push(() => resolve(number)));
    }),
  );
  assert.deepEqual(begun, [0, 1]);
  ends[1]?.();
  assert.equal(await works[1], 1);
  assert.deepEqual(begun, [0, 1, 2]);
  ends[0]?.();
  ends[2]?.();
  await works[2];
  ends[3]?.();
  assert.deepEqual(await Promise.all(works), [0, 1, 2, 3]);
});

test("A semaphore is full when as many wait as may, and a work that fails gives its place up", async () => {
  const semaphore = new Semaphore(1, 1);
  const { promise, reject } = Promise.withResolvers<void>();
  const first = semaphore.run(() => promise);
  assert.equal(semaphore.isFull, false);
  const second = semaphore.run(() => Promise.resolve("done"));
  assert.equal(semaphore.isFull, true);
  reject(new Error("broken"));
  await assert.rejects(first, /broken/u);
  assert.equal(await second, "done");
  assert.equal(semaphore.isFull, false);
});
