import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test, type TestContext } from "node:test";
import { FilesError } from "#base/ports/files.ts";
import { nodeListedFolder } from "./listed-folder.ts";

function scratch(t: TestContext): string {
  const folder = mkdtempSync(`${tmpdir()}/postrider-listed-`);
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("all names come, some at a time", async (t) => {
  const folder = scratch(t);
  const expected = Array.from({ length: 600 }, (_, n) => String(n)).toSorted();
  for (const name of expected) writeFileSync(`${folder}/${name}`, "");
  const shares: (readonly string[])[] = [];
  for await (const share of nodeListedFolder(folder).names()) shares.push(share);
  assert.deepEqual(shares.flat().toSorted(), expected);
  assert.ok(shares.every(({ length }) => length <= 256));
});

test("a folder that is not there is a fault of the files", async () => {
  const listed = nodeListedFolder("/nonexistent/x");
  await assert.rejects(async () => {
    for await (const _ of listed.names()) assert.fail("there are none");
  }, FilesError);
});

test("of a hundred changes one is told, and those before it was asked for are not", async (t) => {
  const folder = scratch(t);
  writeFileSync(`${folder}/before`, "");
  const listed = nodeListedFolder(folder);
  let told = 0;
  const first = Promise.withResolvers<void>();
  listed.onceChanged(() => {
    told++;
    first.resolve();
  });
  // Keeps the process alive, which a watch does not.
  const alive = setInterval(() => undefined, 1000);
  t.after(() => clearInterval(alive));
  for (let n = 0; n < 100; n++) writeFileSync(`${folder}/${n}`, "");
  await first.promise;
  const second = Promise.withResolvers<void>();
  listed.onceChanged(second.resolve);
  writeFileSync(`${folder}/after`, "");
  await second.promise;
  assert.equal(told, 1);
});

test("a watch that was given up tells nothing, and one on nothing does not throw", async (t) => {
  const folder = scratch(t);
  nodeListedFolder(folder).onceChanged(() => assert.fail("given up"))();
  nodeListedFolder("/nonexistent/x").onceChanged(() => assert.fail("nothing there"))();
  const told = Promise.withResolvers<void>();
  nodeListedFolder(folder).onceChanged(told.resolve);
  const alive = setInterval(() => undefined, 1000);
  t.after(() => clearInterval(alive));
  writeFileSync(`${folder}/x`, "");
  await told.promise;
});
