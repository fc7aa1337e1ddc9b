import assert from "node:assert/strict";
import { test } from "node:test";
import { FilesError } from "#base/ports/files.ts";
import { SimWorld } from "#world/sim/world.ts";
import { openJournalSpool } from "./journal-spool.ts";

test("a spool whose folders can be read but not written is unusable, and says which", async () => {
  for (const name of ["journal", "blobs", "corrupt"]) {
    const { disk, clock, random } = new SimWorld(1);
    const whole = disk.files();
    await whole.makeFolder("/spool", 0o700);
    const files = {
      ...whole,
      open: async (path: string, ...how: [mode: "create"]) => {
        if (path.startsWith(`/spool/${name}/`))
          throw new FilesError("EACCES", `EACCES: permission denied, open '${path}'`);
        return whole.open(path, ...how);
      },
    };
    const options = { files, clock, random, observe: () => undefined, folder: "/spool" };
    const opened = await openJournalSpool(options);
    assert.ok(opened.kind === "unusable", name);
    assert.match(opened.reason, new RegExp(`permission denied.*/spool/${name}/`));
  }
});

test("a spool in whose folders no file can be made for want of room is opened", async () => {
  const { disk, clock, random } = new SimWorld(1);
  const whole = disk.files();
  await whole.makeFolder("/spool", 0o700);
  const files = {
    ...whole,
    open: async (path: string, ...how: [mode: "create"]) => {
      if (path.endsWith("/.probe")) throw new FilesError("ENOSPC", "no space left on device");
      return whole.open(path, ...how);
    },
  };
  const options = { files, clock, random, observe: () => undefined, folder: "/spool" };
  assert.equal((await openJournalSpool(options)).kind, "opened");
});

test("the probe of a run that died is no foreign object for the next one", async () => {
  const { disk, clock, random } = new SimWorld(1);
  const files = disk.files();
  await files.makeFolder("/spool", 0o700);
  await files.makeFolder("/spool/journal", 0o700);
  await (await files.open("/spool/journal/.probe", "create")).close();
  const told: string[] = [];
  const opened = await openJournalSpool({
    files,
    clock,
    random,
    observe: ({ kind }) => told.push(kind),
    folder: "/spool",
  });
  assert.equal(opened.kind, "opened");
  assert.deepEqual(told, ["spool-recovered"]);
  assert.deepEqual(await files.list("/spool/journal"), []);
});
