import assert from "node:assert/strict";
import { test } from "node:test";
import type { Files } from "#base/ports/files.ts";
import { SimClock } from "./clock.ts";
import { SimDisk, type SimDiskSettings } from "./disk.ts";
import { SimPowerLoss } from "./disk-operations.ts";
import { readFile, writeFile } from "./files-contract.ts";
import { simRandom } from "./random.ts";

/** Seeds tried where every outcome must be seen. */
const SEEDS = 60;

/** Stands for a file that is not there. */
const GONE = "gone";

function makeDisk(seed: number, settings: SimDiskSettings = {}): SimDisk {
  const disk = new SimDisk(new SimClock(), simRandom(seed), settings);
  disk.plantFolder("/spool");
  return disk;
}

/** What `path` has after a power cut that followed `work`, by seed. */
async function outcomes(
  path: string,
  work: (files: Files) => Promise<unknown>,
): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const disk = makeDisk(seed);
    await work(disk.files());
    seen.add(await contentOf(disk.crash(), path));
  }
  return seen;
}

async function contentOf(disk: SimDisk, path: string): Promise<string> {
  try {
    return await readFile(disk.files(), path);
  } catch {
    return GONE;
  }
}

test("a file is safe once it and its folder are synced", async () => {
  const seen = await outcomes("/spool/a", async (files) => {
    const file = await files.open("/spool/a", "create");
    await file.write([Buffer.from("abc")], 0);
    await file.sync();
    await files.syncFolder("/spool");
  });
  assert.deepEqual(seen, new Set(["abc"]));
});

test("a synced file may be gone when its folder was not synced", async () => {
  const seen = await outcomes("/spool/a", async (files) => {
    const file = await files.open("/spool/a", "create");
    await file.write([Buffer.from("abc")], 0);
    await file.sync();
  });
  assert.deepEqual(seen, new Set(["abc", GONE]));
});

test("bytes that were not synced may be there, lost, or zeros", async () => {
  const seen = await outcomes("/spool/a", async (files) => {
    await writeFile(files, "/spool/a", "abc");
    await files.syncFolder("/spool");
  });
  assert.deepEqual(seen, new Set(["abc", "", "\0\0\0"]));
});

test("a write that was not synced is torn between sectors, never inside one", async () => {
  const sectors = ["a", "b", "c", "d"];
  const seen = await outcomes("/spool/a", async (files) => {
    const file = await files.open("/spool/a", "create");
    await file.write([Buffer.alloc(4)], 0);
    await file.sync();
    await files.syncFolder("/spool");
    await file.write(
      sectors.map((letter) => Buffer.alloc(512, letter)),
      0,
    );
  });
  const kept = new Set<string>();
  for (const content of seen) {
    for (const [at, letter] of sectors.entries()) {
      const sector = content.slice(at * 512, (at + 1) * 512);
      assert.match(sector, new RegExp(`^(?:${letter}{512}|\0*)$`));
    }
    kept.add(content.replaceAll(/([a-d])\1*/g, "$1").replaceAll(/\0+/g, "-"));
  }
  for (const expected of ["abcd", "a", "ab", "-", "-b-d"]) {
    assert.ok(kept.has(expected), `${expected} among ${[...kept].join(" ")}`);
  }
});

test("a write to a durable-write file is on disk when it returns", async () => {
  const seen = await outcomes("/spool/a", async (files) => {
    const file = await files.open("/spool/a", "create-dsync");
    await files.syncFolder("/spool");
    await file.write([Buffer.from("abc")], 0);
  });
  assert.deepEqual(seen, new Set(["abc"]));
});

test("a durable write that the power cut short is not promised", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const disk = makeDisk(seed);
    const files = disk.files();
    const file = await files.open("/spool/a", "create-dsync");
    await files.syncFolder("/spool");
    disk.losePowerAt(disk.operations + 1);
    file.write([Buffer.from("abc")], 0).then(
      () => assert.fail("returned without power"),
      () => assert.fail("failed instead of hanging"),
    );
    await disk.powerLost;
    seen.add(await contentOf(disk.crash(), "/spool/a"));
  }
  assert.deepEqual(seen, new Set(["abc", "", "\0\0\0"]));
});

test("a sync covers what was written before it, not during it", async () => {
  const clock = new SimClock();
  const seen = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const disk = new SimDisk(clock, simRandom(seed), { latencyMs: 5 });
    const settled = <Value>(promise: Promise<Value>): Promise<Value> =>
      clock.runUntilSettled(promise, 1_000);
    const file = await settled(disk.files().open("/a", "create"));
    await settled(disk.files().syncFolder("/"));
    await settled(file.write([Buffer.from("one")], 0));
    const synced = file.sync();
    const late = file.write([Buffer.from("two")], 3);
    await settled(Promise.all([synced, late]));
    seen.add(Buffer.from(disk.crash().bytesOf("/a")).toString());
  }
  assert.deepEqual(seen, new Set(["onetwo", "one", "one\0\0\0"]));
});

test("a renamed file has its old name or its new one, never both and never none", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const disk = makeDisk(seed);
    disk.plantFolder("/spool/new");
    disk.plantFile("/spool/a", Buffer.from("abc"));
    await disk.files().rename("/spool/a", "/spool/new/b");
    const found = disk.crash().files();
    const names = [...(await found.list("/spool")), ...(await found.list("/spool/new"))];
    seen.add(names.filter((name) => name !== "new").join());
  }
  assert.deepEqual(seen, new Set(["a", "b"]));
});

test("no entry goes back behind what is durable", async () => {
  const seen = await outcomes("/spool/a", async (files) => {
    await files.makeFolder("/spool/other", 0o700);
    await writeFile(files, "/spool/a", "abc");
    await files.rename("/spool/a", "/spool/other/a");
    await files.syncFolder("/spool/other"); // the rename is durable, so the creation is past
  });
  assert.deepEqual(seen, new Set([GONE]));
});

async function unlinked(files: Files): Promise<void> {
  await writeFile(files, "/spool/a", "");
  await files.syncFolder("/spool");
  await files.unlink("/spool/a");
}

test("an unlinked file may come back until its folder is synced", async () => {
  assert.deepEqual(await outcomes("/spool/a", unlinked), new Set(["", GONE]));
  const synced = await outcomes("/spool/a", async (files) => {
    await unlinked(files);
    await files.syncFolder("/spool");
  });
  assert.deepEqual(synced, new Set([GONE]));
});

test("a folder that is lost takes along what is in it", async () => {
  const seen = await outcomes("/spool/sub/a", async (files) => {
    await files.makeFolder("/spool/sub", 0o700);
    const file = await files.open("/spool/sub/a", "create-dsync");
    await file.write([Buffer.from("abc")], 0);
    await files.syncFolder("/spool/sub");
  });
  assert.deepEqual(seen, new Set(["abc", GONE]));
});

test("after a failed sync the next one succeeds and the bytes are lost all the same", async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < SEEDS; seed++) {
    const disk = makeDisk(seed);
    const files = disk.files();
    const file = await files.open("/spool/a", "create");
    await files.syncFolder("/spool");
    await file.write([Buffer.from("abc")], 0);
    disk.failNext("sync", "EIO");
    await assert.rejects(file.sync(), { code: "EIO" });
    await file.sync();
    assert.equal(Buffer.from(disk.bytesOf("/spool/a")).toString(), "abc", "still read");
    seen.add(await contentOf(disk.crash(), "/spool/a"));
  }
  assert.deepEqual(seen, new Set(["abc", "", "\0\0\0"]));
});

test("a full disk takes a part, says so, and has room again after an unlink", async () => {
  const disk = makeDisk(1, { capacityBytes: 10, capacityFiles: 2 });
  const files = disk.files();
  await writeFile(files, "/spool/a", "12345678");
  await assert.rejects(writeFile(files, "/spool/b", "12345"), { code: "ENOSPC" });
  assert.ok(disk.bytesOf("/spool/b").length <= 2, "only what fits");
  await assert.rejects(files.open("/spool/c", "create"), { code: "ENOSPC" });
  await files.unlink("/spool/a");
  assert.deepEqual(await files.freeSpace("/spool"), { bytes: 10 - disk.usedBytes, files: 1 });
  await writeFile(files, "/spool/c", "12345678");
});

test("space is given back when the last user of an unlinked file closes it", async () => {
  const disk = makeDisk(1, { maxOpenFiles: 1 });
  const files = disk.files();
  await writeFile(files, "/spool/a", "abc");
  const file = await files.open("/spool/a", "read");
  await assert.rejects(files.open("/spool/a", "read"), { code: "EMFILE" });
  await files.unlink("/spool/a");
  assert.equal(disk.usedBytes, 3);
  await file.close();
  assert.deepEqual([disk.usedBytes, disk.openFiles], [0, 0]);
});

test("scripted faults hit the operations and paths that they name, as often as said", async () => {
  const disk = makeDisk(1);
  const files = disk.files();
  disk.fail({ operation: "open", code: "EIO", path: "/seg", times: 2 });
  await writeFile(files, "/spool/other", "");
  await assert.rejects(files.open("/spool/seg1", "create"), { code: "EIO" });
  await assert.rejects(files.open("/spool/seg2", "create"), { code: "EIO" });
  await writeFile(files, "/spool/seg3", "");
  assert.deepEqual((await files.list("/spool")).toSorted(), ["other", "seg3"]);
});

/** What was done and found when the power went in the operation `cutAt`. */
async function runCutAt(cutAt: number): Promise<string> {
  const disk = makeDisk(5);
  const log: string[] = [];
  disk.onOperation = ({ number, name }) => log.push(`${number} ${name}`);
  disk.losePowerAt(cutAt);
  const work = async (): Promise<void> => {
    const file = await disk.files().open("/spool/a", "create");
    await file.write([Buffer.alloc(2_000, "x")], 0);
    await file.sync();
    await disk.files().syncFolder("/spool");
  };
  await Promise.race([work(), disk.powerLost]);
  const found = await contentOf(disk.crash(), "/spool/a");
  return `${log.join(", ")}: ${found.length} ${found.indexOf("x")}`;
}

test("power can be cut at each operation in turn, with the same run each time", async () => {
  const first = await Promise.all([1, 2, 3, 4, 5].map(runCutAt));
  assert.deepEqual(await Promise.all([1, 2, 3, 4, 5].map(runCutAt)), first);
  assert.match(first[2] ?? "", /^1 open, 2 write, 3 sync: /);
  assert.match(first[4] ?? "", /4 syncFolder: 2000 0$/);
});

test("an operation without power throws, where that is asked for", async () => {
  const disk = makeDisk(1, { afterPowerLoss: "throw" });
  disk.losePower();
  await assert.rejects(disk.files().list("/spool"), SimPowerLoss);
});
