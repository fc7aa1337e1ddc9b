import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { SimClock } from "./clock.ts";
import { SimDisk } from "./disk.ts";
import { readFile, writeFile } from "./files-contract.ts";
import { simRandom } from "./random.ts";

const NAMES = ["/a", "/b", "/sub/a", "/sub/b"] as const;

type Step =
  | { readonly kind: "write" | "unlink"; readonly path: string }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
  | { readonly kind: "sync"; readonly path: string };

const name = fc.constantFrom(...NAMES);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("write" as const, "unlink" as const), path: name }),
  fc.record({ kind: fc.constant("rename" as const), path: name, to: name }),
  fc.record({ kind: fc.constant("sync" as const), path: fc.constantFrom("/", "/sub") }),
);

/** Does what can be done; a step on a name that is not there is left out. */
async function act(disk: SimDisk, done: Step): Promise<void> {
  const files = disk.files();
  try {
    if (done.kind === "write") await writeFile(files, done.path, "x");
    else if (done.kind === "unlink") await files.unlink(done.path);
    else if (done.kind === "rename") await files.rename(done.path, done.to);
    else await files.syncFolder(done.path);
  } catch {
    return;
  }
}

async function namesOn(disk: SimDisk): Promise<readonly string[]> {
  const files = disk.files();
  const root = (await files.list("/")).filter((each) => each !== "sub");
  const sub = await files.list("/sub");
  return [...root.map((each) => `/${each}`), ...sub.map((each) => `/sub/${each}`)].toSorted();
}

test("after every folder is synced a power cut changes no name, whatever came before", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(), async (steps, seed) => {
      const disk = new SimDisk(new SimClock(), simRandom(seed));
      disk.plantFolder("/sub");
      for (const each of steps) await act(disk, each);
      const before = await namesOn(disk);
      await act(disk, { kind: "sync", path: "/" });
      await act(disk, { kind: "sync", path: "/sub" });
      assert.deepEqual(await namesOn(disk.crash()), before);
    }),
  );
});

test("whatever a power cut leaves can be read, written, and cut again without loss", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(), async (steps, seed) => {
      const disk = new SimDisk(new SimClock(), simRandom(seed));
      disk.plantFolder("/sub");
      for (const each of steps) await act(disk, each);
      const found = disk.crash();
      const names = await namesOn(found);
      for (const path of names) assert.match(await readFile(found.files(), path), /^[x\0]?$/);
      assert.deepEqual(await namesOn(found.crash()), names, "what was found is durable");
    }),
  );
});
