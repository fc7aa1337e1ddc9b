import assert from "node:assert/strict";
import { test } from "node:test";
import { mapEntries, type MapType } from "./map-entries.ts";

const ENTRIES: readonly [name: string, type: MapType, text: string, pairs: [string, string][]][] = [
  ["comments and blank lines are nothing", "mapping", "# a\n\n  # b\n", []],
  [
    "a key ends at a blank, a tab or a colon",
    "mapping",
    "a b\nc\td\ne:f\n",
    [
      ["a", "b"],
      ["c", "d"],
      ["e", "f"],
    ],
  ],
  ["keys are folded, values are kept", "mapping", "Ann Value\n", [["ann", "Value"]]],
  ["a bracketed address is a key", "mapping", "[::1]: here\n", [["[::1]", "here"]]],
  [
    "aliases may be lists",
    "aliases",
    "root: ann, ben@example.org\n",
    [["root", "ann, ben@example.org"]],
  ],
  [
    "aliases may be commands, files and errors",
    "aliases",
    'a: "|cat"\nb: /tmp/b\nc: error:550 no\n',
    [
      ["a", '"|cat"'],
      ["b", "/tmp/b"],
      ["c", "error:550 no"],
    ],
  ],
  [
    "included lists have a colon of their own",
    "aliases",
    "all: :include:/etc/all\n",
    [["all", ":include:/etc/all"]],
  ],
  [
    "each line of a set is a key",
    "set",
    "Example.ORG\nall of this\n",
    [
      ["example.org", ""],
      ["all of this", ""],
    ],
  ],
  [
    "a set whose first line looks like a mapping is a set",
    "set",
    "a: b\nc\n",
    [
      ["a: b", ""],
      ["c", ""],
    ],
  ],
  ["the words of a list are a comment to a mapping", "mapping", "# @list\na b\n", [["a", "b"]]],
];

for (const [name, type, text, pairs] of ENTRIES) {
  test(name, () => {
    const entries = pairs.map(([key, value]) => ({ key, value }));
    assert.deepEqual(mapEntries(text, type), { kind: "entries", entries });
  });
}

const FAULTS: readonly [name: string, type: MapType, text: string, faults: string[]][] = [
  ["a key alone", "mapping", "a b\n\nc\n", ["3: invalid entry: a key without a value"]],
  [
    "a key alone before and behind other faults",
    "mapping",
    "a b\nA c\nd\n: e\n",
    [
      "2: duplicate entry for a",
      "3: invalid entry: a key without a value",
      "4: invalid entry: a value without a key",
    ],
  ],
  ["a value alone", "mapping", ": b\n", ["1: invalid entry: a value without a key"]],
  ["a key twice, whatever its case", "mapping", "a b\nA c\n", ["2: duplicate entry for a"]],
  ["an element of a set twice", "set", "a\nb\na\n", ["3: duplicate entry for a"]],
  [
    "a control character",
    "mapping",
    "a\u001bb c\n",
    ["1: invalid entry: a control character is part of no key"],
  ],
  [
    "a long key",
    "mapping",
    `${"k".repeat(1024)} v\n`,
    ["1: invalid entry: the key has more than 1023 characters"],
  ],
  ["an alias of nobody", "aliases", "a: ,\n", ["1: invalid entry: it names nobody"]],
  [
    "several at once",
    "aliases",
    "a: ann\nb: @\na: ben\nc: !\n",
    [
      "2: invalid entry: not an address: '@'",
      "3: duplicate entry for a",
      "4: invalid entry: neither an address nor a user, a command, a file: '!'",
    ],
  ],
];

for (const [name, type, text, expected] of FAULTS) {
  test(`${name}: nothing is made, and the lines are named`, () => {
    const made = mapEntries(text, type);
    assert.equal(made.kind, "faults");
    assert.deepEqual(
      made.faults.map(({ line, message }) => `${line}: ${message}`),
      expected,
    );
  });
}

test("a text full of faults is not read to its end", () => {
  const made = mapEntries("a b\n".repeat(1_000), "mapping");
  assert.equal(made.kind === "faults" && made.faults.length, 50);
});
