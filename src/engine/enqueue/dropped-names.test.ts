import assert from "node:assert/strict";
import { test } from "node:test";
import type { FileStat } from "#base/ports/files.ts";
import { conditionOf, kindOfName, UNFINISHED_KEPT_MS } from "./dropped-names.ts";

const NOW_MS = 1_700_000_000_000;
const COMPLETE: FileStat = {
  kind: "file",
  bytes: 100,
  mode: 0o700,
  uid: 1000,
  links: 1,
  modifiedAtMs: NOW_MS,
};
const HEX = "0123456789abcdef0123456789abcdef";

for (const [name, kind] of [
  [HEX, "mail"],
  [`${HEX}.failed`, "failed"],
  [HEX.toUpperCase(), "other"],
  [HEX.slice(1), "other"],
  [`${HEX}0`, "other"],
  [`${HEX}\n`, "other"],
  [`${HEX}.failed.failed`, "other"],
  [`.${HEX}`, "other"],
  ["--help", "other"],
  ["\x1b[2J", "other"],
  ["", "other"],
] as const) {
  test(`${JSON.stringify(name)} is a name of kind ${kind}`, () =>
    assert.equal(kindOfName(name), kind));
}

for (const [what, change, expected] of [
  ["a file that is complete", {}, { kind: "complete" }],
  ["a file that is being written", { mode: 0o600 }, { kind: "unfinished" }],
  ["one that a umask has taken all from", { mode: 0 }, { kind: "unfinished" }],
  [
    "one whose writer is gone since a day",
    { mode: 0o600, modifiedAtMs: NOW_MS - UNFINISHED_KEPT_MS - 1 },
    { kind: "abandoned" },
  ],
  [
    "one from the future",
    { mode: 0o600, modifiedAtMs: NOW_MS + UNFINISHED_KEPT_MS },
    { kind: "unfinished" },
  ],
  [
    "a file with another name elsewhere",
    { links: 2 },
    { kind: "odd", what: "a file with 2 names" },
  ],
  [
    "an unfinished one with another name, however old",
    { links: 2, mode: 0o600, modifiedAtMs: 0 },
    { kind: "odd", what: "a file with 2 names" },
  ],
  ["a set-uid file", { mode: 0o4700 }, { kind: "odd", what: "a file of mode 4700" }],
  ["a file that all may write", { mode: 0o777 }, { kind: "odd", what: "a file of mode 777" }],
  ["a file as programs make them", { mode: 0o644 }, { kind: "odd", what: "a file of mode 644" }],
  ["a symbolic link", { kind: "symlink", mode: 0o777 }, { kind: "odd", what: "a symbolic link" }],
  ["a FIFO", { kind: "other" }, { kind: "odd", what: "a FIFO or a device" }],
  ["a socket", { kind: "socket" }, { kind: "odd", what: "a socket" }],
  ["a folder", { kind: "folder" }, { kind: "odd", what: "a folder" }],
] as const satisfies readonly (readonly [string, Partial<FileStat>, unknown])[]) {
  test(`${what} is ${expected.kind}`, () =>
    assert.deepEqual(conditionOf({ ...COMPLETE, ...change }, NOW_MS), expected));
}
