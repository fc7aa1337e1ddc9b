import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Files } from "#base/ports/files.ts";
import { nodeFiles } from "#world/node/files.ts";
import { ownedFiles } from "./owned-files.ts";

const OWNER = { uid: 65_534, gid: 65_534 };
const skip = process.getuid?.() !== 0 && "only root gives files away";

test("what is given away is the file that was made, not what stands in its place since", {
  skip,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "owned-files-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = `${folder}/made`;
  const files = nodeFiles();
  const raced: Files = {
    ...files,
    async open(...words) {
      const file = await files.open(...words);
      renameSync(path, `${folder}/aside`);
      writeFileSync(path, "another's");
      return file;
    },
  };
  const file = await ownedFiles(raced, OWNER).open(path, "create");
  await file.close();
  assert.deepEqual(
    ["aside", "made"].map((name) => statSync(`${folder}/${name}`).uid),
    [OWNER.uid, 0],
  );
});

test("files and folders that are made are given away, and what is opened is not", {
  skip,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "owned-files-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(`${folder}/old`, "");
  const files = ownedFiles(nodeFiles(), OWNER);
  await files.makeFolder(`${folder}/sub`, 0o700);
  for (const [name, mode] of [
    ["old", "read"],
    ["one", "create"],
    ["two", "create-dsync"],
  ] as const)
    await (await files.open(`${folder}/${name}`, mode)).close();
  assert.deepEqual(
    ["old", "sub", "one", "two"].map((name) => statSync(`${folder}/${name}`).uid),
    [0, OWNER.uid, OWNER.uid, OWNER.uid],
  );
});
