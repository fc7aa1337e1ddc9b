import assert from "node:assert/strict";
import { test } from "node:test";
import type { ForwardFile } from "#model/forward-file.ts";
import { SimClock } from "#world/sim/clock.ts";
import { SimDisk } from "#world/sim/disk.ts";
import { SimRandom } from "#world/sim/random.ts";
import { readForwardFile } from "./forward-file.ts";

const BOB = { home: "/home/bob", uid: 1000 };
const OWN = { uid: 1000, mode: 0o600 };
const TEXT = "carl\n";

interface Case {
  readonly name: string;
  readonly plant: (disk: SimDisk) => void;
  readonly answer: ForwardFile;
}

function file(owned: { readonly uid: number; readonly mode: number }, text = TEXT) {
  return (disk: SimDisk): void => {
    disk.plantFolder("/home", { uid: 0 });
    disk.plantFolder(BOB.home, { uid: 1000 });
    disk.plantFile(`${BOB.home}/.forward`, Buffer.from(text), owned);
  };
}

function home(owned: { readonly uid: number; readonly mode: number }) {
  return (disk: SimDisk): void => {
    disk.plantFolder("/home", { uid: 0 });
    disk.plantFolder(BOB.home, owned);
    disk.plantFile(`${BOB.home}/.forward`, Buffer.from(TEXT), OWN);
  };
}

const refused = (why: string): ForwardFile => ({ kind: "refused", why });
const unavailable = (why: string): ForwardFile => ({ kind: "unavailable", why });
const FOUND: ForwardFile = { kind: "found", text: TEXT };

const CASES: readonly Case[] = [
  { name: "the user's own file is read", plant: file(OWN), answer: FOUND },
  { name: "others may read it", plant: file({ ...OWN, mode: 0o644 }), answer: FOUND },
  { name: "root may own the home", plant: home({ uid: 0, mode: 0o755 }), answer: FOUND },
  {
    name: "no file is absent",
    plant: (disk) => disk.plantFolder(BOB.home, { uid: 1000 }),
    answer: { kind: "absent" },
  },
  {
    name: "where there is no home there is no file",
    plant: (disk) => disk.plantFolder("/home"),
    answer: { kind: "absent" },
  },
  {
    name: "a home that is a file is for good",
    plant(disk) {
      disk.plantFolder("/home");
      disk.plantFile(BOB.home, Buffer.from(""), OWN);
    },
    answer: refused("the home is no folder"),
  },
  {
    name: "a disk that fails is for now",
    plant(disk) {
      file(OWN)(disk);
      disk.failNext("stat", "EIO");
    },
    answer: unavailable("the home cannot be looked at: EIO"),
  },
  {
    name: "a file that cannot be read is for now",
    plant(disk) {
      file(OWN)(disk);
      disk.failNext("read", "EIO");
    },
    answer: unavailable("it cannot be read: EIO"),
  },
  {
    name: "the sticky bit of the home is for now",
    plant: home({ uid: 1000, mode: 0o1755 }),
    answer: unavailable("the home has the sticky bit: the file is being edited"),
  },
  {
    name: "another user's home is for good",
    plant: home({ uid: 1001, mode: 0o755 }),
    answer: refused("the home belongs to another user"),
  },
  {
    name: "a home that the group may write to is for good",
    plant: home({ uid: 1000, mode: 0o775 }),
    answer: refused("the home can be written by group or others"),
  },
  {
    name: "another user's file is for good",
    plant: file({ ...OWN, uid: 1001 }),
    answer: refused("it belongs to another user"),
  },
  {
    name: "root's file is for good",
    plant: file({ ...OWN, uid: 0 }),
    answer: refused("it belongs to another user"),
  },
  {
    name: "a file that the world may write to is for good",
    plant: file({ ...OWN, mode: 0o602 }),
    answer: refused("it can be written by group or others"),
  },
  {
    name: "a symbolic link is for good",
    plant(disk) {
      disk.plantFolder(BOB.home, { uid: 1000 });
      disk.plantSymlink(`${BOB.home}/.forward`);
    },
    answer: refused("it is a symbolic link"),
  },
  {
    name: "a folder is for good",
    plant: (disk) => disk.plantFolder(`${BOB.home}/.forward`, { uid: 1000 }),
    answer: refused("it is no plain file"),
  },
  {
    name: "4095 bytes are read",
    plant: file(OWN, "#".repeat(4095)),
    answer: { kind: "found", text: "#".repeat(4095) },
  },
  {
    name: "4096 bytes are too many, for now",
    plant: file(OWN, "#".repeat(4096)),
    answer: unavailable("it has 4096 bytes or more"),
  },
];

for (const { name, plant, answer } of CASES) {
  test(`forward file: ${name}`, async () => {
    const disk = new SimDisk(new SimClock(), new SimRandom(1));
    plant(disk);
    assert.deepEqual(await readForwardFile(disk.files(), BOB), answer);
    assert.equal(disk.openFiles, 0);
  });
}

test("forward file: what is swapped in after it was looked at is judged again", async () => {
  const disk = new SimDisk(new SimClock(), new SimRandom(1));
  file(OWN)(disk);
  const files = disk.files();
  const swapped: typeof files = {
    ...files,
    async open(path, mode) {
      await files.unlink(path);
      disk.plantFile(path, Buffer.from("mallory\n"), { uid: 1001 });
      return files.open(path, mode);
    },
  };
  assert.deepEqual(await readForwardFile(swapped, BOB), refused("it belongs to another user"));
});

test("forward file: a home that is no absolute path is refused without a look", async () => {
  const disk = new SimDisk(new SimClock(), new SimRandom(1));
  const account = { home: "", uid: 1000 };
  assert.equal((await readForwardFile(disk.files(), account)).kind, "refused");
  assert.equal(disk.operations, 0);
});
