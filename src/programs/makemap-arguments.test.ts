import assert from "node:assert/strict";
import { test } from "node:test";
import { type MakemapArguments, parseMakemapArguments } from "./makemap-arguments.ts";

const make = (source: string, out: string, type: "mapping" | "aliases" | "set" = "mapping") =>
  ({ kind: "make", source, out, type }) as const;

const CASES: readonly [words: string, meaning: MakemapArguments][] = [
  ["/etc/mail/x", make("/etc/mail/x", "/etc/mail/x.db")],
  ["-d hash x", make("x", "x.db")],
  ["-d btree -o /tmp/y x", make("x", "/tmp/y")],
  ["-t aliases aliases", make("aliases", "aliases.db", "aliases")],
  ["-t set -o y.db -", make("-", "y.db", "set")],
  ["-U x.db", { kind: "dump", file: "x.db" }],
  ["hash /etc/mail/x", make("-", "/etc/mail/x.db")],
  ["btree x.db", make("-", "x.db")],
  ["-h", { kind: "help" }],
];

for (const [words, meaning] of CASES) {
  test(`makemap ${words}`, () => {
    assert.deepEqual(parseMakemapArguments(words.split(" ")), meaning);
  });
}

const WRONG: readonly [words: string, why: RegExp][] = [
  ["", /a file is missing/u],
  ["-", /-o says where/u],
  ["-d dbm x", /unsupported format: dbm/u],
  ["-t list x", /unsupported type: list/u],
  ["dbm x", /unsupported format: dbm/u],
  ["hash x y", /too many arguments/u],
  ["-U hash x", /too many arguments/u],
  ["-z x", /-z/u],
];

for (const [words, why] of WRONG) {
  test(`makemap ${words} is refused`, () => {
    const parsed = parseMakemapArguments(words === "" ? [] : words.split(" "));
    assert.equal(parsed.kind, "wrong");
    assert.match(parsed.message, why);
  });
}
