/** What is said of disk, folders and users. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type FileStat, FilesError } from "#base/ports/files.ts";
import { SimUsers } from "#world/sim/users.ts";
import {
  diskCheck,
  MAX_NAMES_COUNTED,
  offlineCheck,
  pathCheck,
  quarantineCheck,
  type StateParts,
  userCheck,
} from "./state-checks.ts";
import type { Verdict } from "./verdict.ts";

function told({ health, found }: Verdict): string {
  return `${health}: ${found}`;
}

const users = new SimUsers([
  { name: "_smtpq", uid: 101, gid: 101, home: "/" },
  { name: "_smtpd", uid: 102, gid: 102, home: "/" },
  { name: "toor", uid: 0, gid: 5, home: "/" },
  { name: "twin", uid: 101, gid: 7, home: "/" },
]);
const parts = (
  stat: Partial<FileStat> | FilesError,
  names: readonly string[] = [],
): StateParts => ({
  users,
  listed: () => ({
    names: async function* () {
      if (stat instanceof FilesError) throw stat;
      yield names;
    },
  }),
  files: {
    stat: async () => {
      if (stat instanceof FilesError) throw stat;
      return {
        kind: "folder" as const,
        bytes: 0,
        mode: 0o700,
        uid: 101,
        links: 1,
        modifiedAtMs: 0,
        ...stat,
      };
    },
    list: async () => {
      if (stat instanceof FilesError) throw stat;
      return names;
    },
    freeSpace: async () => {
      if (stat instanceof FilesError) throw stat;
      return { bytes: stat.bytes ?? 0, files: Number.POSITIVE_INFINITY };
    },
  },
});
const ABSENT = new FilesError("ENOENT", "no such file");
const HIDDEN = new FilesError("EACCES", "permission denied");
const folder = {
  name: "folder",
  kind: "folder",
  path: "/s",
  owners: ["_smtpq"],
  forbiddenBits: 0o077,
  neededBits: 0,
} as const;

async function lookAtDisk(stat: Partial<FileStat> | FilesError): Promise<string> {
  return told(await diskCheck("/s", 10_000_000, parts(stat)).look());
}

async function lookAtUsers(names: readonly string[], isRoot = true): Promise<string> {
  return told(await userCheck(names, isRoot, users).look());
}

describe("the state", () => {
  const PATHS: readonly (readonly [Partial<FileStat> | FilesError, string, number?])[] = [
    [{}, "ok: _smtpq's, mode 0700"],
    [{ mode: 0o750 }, "fail: others can use it: its mode is 0750"],
    [{ uid: 0 }, "fail: it belongs to user 0, mode 0700"],
    [{ kind: "symlink" }, "fail: it is no folder: symlink"],
    [{}, "fail: its mode is 0700", 0o1000],
    [ABSENT, "unknown: it is not there yet"],
    [HIDDEN, "unknown: permission denied"],
  ];
  for (const [stat, expected, neededBits = 0] of PATHS)
    test(`of a folder: ${expected}`, async () => {
      assert.equal(told(await pathCheck({ ...folder, neededBits }, parts(stat)).look()), expected);
    });

  test("of the disk is told by what must fit", async () => {
    assert.equal(await lookAtDisk({ bytes: 5 * 2 ** 30 }), "ok: 5120 MiB free");
    assert.equal(await lookAtDisk({ bytes: 2 ** 29 }), "warn: only 512 MiB free");
    assert.equal(await lookAtDisk({ bytes: 2 ** 20 }), "fail: only 1 MiB free");
    assert.equal(await lookAtDisk(ABSENT), "unknown: there is no spool yet");
    assert.equal(await lookAtDisk(HIDDEN), "unknown: permission denied");
  });
  test("of what was put aside, and of what waits", async () => {
    assert.equal(
      told(await quarantineCheck("/s", parts({})).look()),
      "ok: nothing of it was found damaged",
    );
    assert.equal(
      told(await quarantineCheck("/s", parts({}, ["a"])).look()),
      "warn: 1 damaged piece was put aside in /s/corrupt",
    );
    assert.equal(
      told(await quarantineCheck("/s", parts(HIDDEN)).look()),
      "unknown: permission denied",
    );
    assert.equal(told(await offlineCheck("/o", parts(ABSENT)).look()), "ok: nothing waits");
    const [first, second] = ["a".repeat(32), "b".repeat(32)];
    for (const [names, expected] of [
      [["core"], "ok: nothing waits"],
      [[first], "warn: 1 message waits"],
      [[first, second, "core"], "warn: 2 messages wait"],
      [[first, `${second}.failed`], "warn: 1 message waits, 1 given up"],
    ] as const)
      assert.equal(told(await offlineCheck("/o", parts({}, names)).look()), expected);
    assert.equal(
      told(await offlineCheck("/o", parts(HIDDEN)).look()),
      "unknown: permission denied",
    );
  });
  test("of what waits in a folder that somebody fills, looked at no further than to a bound", async () => {
    let yielded = 0;
    const endless = {
      names: async function* () {
        for (;;) {
          yielded++;
          yield Array.from({ length: 100 }, (_, at) => `${at}`.padStart(32, "0"));
        }
      },
    };
    const check = offlineCheck("/o", { ...parts({}), listed: () => endless });
    assert.equal(
      told(await check.look()),
      "warn: more than 10000 files, of which that many were looked at: 10000 messages wait",
    );
    assert.equal(yielded, MAX_NAMES_COUNTED / 100 + 1);
  });
  test("of users", async () => {
    assert.equal(
      await lookAtUsers(["_smtpq", "_smtpd"]),
      "ok: 2 users, each with a number of its own",
    );
    assert.equal(await lookAtUsers(["_smtpq", "gone"]), "fail: user gone does not exist");
    assert.equal(await lookAtUsers(["gone"], false), "unknown: user gone does not exist");
    assert.equal(
      await lookAtUsers(["_smtpq", "twin"]),
      "fail: users _smtpq and twin have the same number",
    );
    assert.equal(await lookAtUsers(["toor"]), "fail: user toor has root's number");
  });
});
