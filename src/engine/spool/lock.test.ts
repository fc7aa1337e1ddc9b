import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { simRandom } from "#world/sim/random.ts";
import { nodeFiles } from "#world/node/files.ts";
import { lockSpool } from "./lock.ts";
import { UnusableSpool } from "./unusable-spool.ts";

async function lockPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spool-lock-"));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, "lock");
}

test("a spool is locked once, until it is released", async (t) => {
  const path = await lockPath(t);
  const release = await lockSpool(nodeFiles(), path);
  await assert.rejects(lockSpool(nodeFiles(), path), UnusableSpool);
  await release();
  await (await lockSpool(nodeFiles(), path))();
});

test("a lock that a dead process or another boot left is taken over", async (t) => {
  const path = await lockPath(t);
  const release = await lockSpool(nodeFiles(), path);
  const [boot, pid, start] = (await readFile(path, "utf8")).split(" ");
  await release();
  const stale = [`${boot} 4194305 ${start}`, `${boot} ${pid} 1`, `other ${pid} ${start}`, "", "x"];
  for (const content of stale) {
    await writeFile(path, content);
    await (await lockSpool(nodeFiles(), path))();
  }
});

test("a lock whose process is dead and was not waited for is taken over", async (t) => {
  const path = await lockPath(t);
  // The shell becomes a program that waits for no child; until then it might wait for this one.
  const parent = spawn("sh", ["-c", "sleep 600 & echo $!; exec sleep 600"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  t.after(() => parent.kill());
  const [pid] = (await once(parent.stdout, "data")).map((words) => String(words).trim());
  let command = "";
  while (command !== "sleep\n") command = await readFile(`/proc/${parent.pid}/comm`, "utf8");
  process.kill(Number(pid), "SIGKILL");
  let fields: readonly string[] = [];
  while (fields[2] !== "Z") fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(" ");
  const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  await writeFile(path, `${boot} ${pid} ${fields[21]}`);
  await (await lockSpool(nodeFiles(), path))();
});

test("there is no lock where processes cannot be seen", async () => {
  const disk = new SimDisk(new SimClock(), simRandom(1));
  disk.plantFolder("/spool");
  await lockSpool(disk.files(), "/spool/lock");
  await (await lockSpool(disk.files(), "/spool/lock"))();
  assert.deepEqual(await disk.files().list("/spool"), []);
});
