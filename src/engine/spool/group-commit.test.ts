import assert from "node:assert/strict";
import { test } from "node:test";
import { GroupCommit } from "./group-commit.ts";

interface Job {
  readonly name: string;
  readonly bytes: number;
}

/** A group commit whose writes end when the test says so. */
function slowCommits() {
  const groups: string[][] = [];
  const ends: (() => void)[] = [];
  const commits = new GroupCommit<Job>((group) => {
    groups.push(group.map(({ name }) => name));
    return new Promise((resolve) => {
      ends.push(resolve);
    });
  });
  const endWrite = async (): Promise<void> => {
    ends.shift()?.();
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  };
  return { groups, commits, endWrite };
}

test("group commit writes what arrives during a write together, in order", async () => {
  const { groups, commits, endWrite } = slowCommits();
  commits.add({ name: "a", bytes: 1 });
  await endWrite();
  for (const name of ["b", "c", "d"]) commits.add({ name, bytes: 1 });
  await endWrite();
  assert.deepEqual(groups, [["a"], ["b", "c", "d"]]);
});

test("group commit bounds the bytes of a group, but takes a larger job alone", async () => {
  const { groups, commits, endWrite } = slowCommits();
  const mebibyte = 1024 * 1024;
  commits.add({ name: "a", bytes: 3 * mebibyte });
  commits.add({ name: "b", bytes: 2 * mebibyte });
  commits.add({ name: "huge", bytes: 9 * mebibyte });
  for (let write = 0; write < 3; write++) await endWrite();
  assert.deepEqual(groups, [["a"], ["b"], ["huge"]]);
});

test("group commit turns jobs away when too much waits, and takes them again later", async () => {
  const { commits, endWrite } = slowCommits();
  assert.equal(commits.add({ name: "a", bytes: 200 * 1024 * 1024 }), true);
  assert.equal(commits.add({ name: "b", bytes: 200 * 1024 * 1024 }), false);
  await endWrite();
  assert.equal(commits.add({ name: "b", bytes: 200 * 1024 * 1024 }), true);
});

test("group commit is idle when nothing waits", async () => {
  const { groups, commits, endWrite } = slowCommits();
  await commits.idle();
  commits.add({ name: "a", bytes: 1 });
  const idle = commits.idle();
  await endWrite();
  await endWrite();
  await idle;
  assert.deepEqual(groups, [["a"]]);
});
