import assert from "node:assert/strict";
import { test } from "node:test";
import { type Files, FilesError } from "#base/ports/files.ts";
import { SimWorld } from "#world/sim/world.ts";
import { MailboxKeeper } from "./mailbox-keeper.ts";

const ANN = { uid: 1001, gid: 1001 };

/** The spool after a try to make ann's mailbox, with files that `change` makes of the disk's. */
async function tried(change: (files: Files) => Partial<Files>) {
  const { disk, clock, random } = new SimWorld(1);
  disk.plantFolder("/var/mail");
  const files = disk.files();
  const keeper = new MailboxKeeper({ files: { ...files, ...change(files) }, clock, random }, 1);
  const opened = await keeper.open("ann", ANN);
  if (opened.kind === "opened") await opened.release();
  return { opened, names: await files.list("/var/mail"), files };
}

test("a mailbox is made for its owner, and for nobody else to read", async () => {
  const { opened, names, files } = await tried(() => ({}));
  assert.equal(opened.kind, "opened");
  assert.deepEqual(names, ["ann"]);
  const { uid, mode } = await files.stat("/var/mail/ann");
  assert.deepEqual([uid, mode & 0o777], [1001, 0o600]);
});

test("a mailbox that cannot be given to its owner is not made: one of root's would never be written to", async () => {
  const { opened, names } = await tried((files) => ({
    async open(path, mode, permissions) {
      const file = await files.open(path, mode, permissions);
      if (!path.startsWith("/var/mail/ann")) return file;
      return { ...file, giveTo: () => Promise.reject(new FilesError("EIO", "no")) };
    },
  }));
  assert.deepEqual(opened, { kind: "unavailable", why: "Mailbox cannot be made: EIO" });
  assert.deepEqual(names, []);
});

test("a mailbox that another program makes meanwhile is taken as it is", async () => {
  const { opened, names, files } = await tried((real) => ({
    async link(from, to) {
      if (to === "/var/mail/ann") await (await real.open(to, "create")).close();
      await real.link(from, to);
    },
  }));
  assert.equal(opened.kind, "opened");
  assert.deepEqual(names, ["ann"]);
  assert.equal((await files.stat("/var/mail/ann")).links, 1);
});
