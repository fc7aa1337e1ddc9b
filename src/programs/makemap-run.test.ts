import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { runMakemap } from "./makemap-run.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "makemap-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function makemap(words: readonly string[], isTerminal = false) {
  const printed: string[] = [];
  const complaints: string[] = [];
  const code = runMakemap(words, {
    isTerminal,
    print: (line) => printed.push(line),
    complain: (line) => complaints.push(line),
  });
  return { code, printed, complaints };
}

function source(text: string | Uint8Array): string {
  const path = join(folder, "aliases");
  writeFileSync(path, text);
  return path;
}

test("makes FILE.db without a word; -U prints it, in the order of its keys", () => {
  const path = source("Root: ann\nben: ben@example.org\nann: |cat\n");
  assert.deepEqual(makemap(["-t", "aliases", path]), { code: 0, printed: [], complaints: [] });
  assert.deepEqual(makemap(["-U", `${path}.db`]), {
    code: 0,
    printed: ["ann\t|cat", "ben\tben@example.org", "root\tann"],
    complaints: [],
  });
});

test("the map may be read by whoever may read its text", () => {
  const path = source("a b\n");
  chmodSync(path, 0o640);
  makemap([path]);
  assert.equal(statSync(`${path}.db`).mode & 0o777, 0o640);
});

test("a bad line is named, and what was there stays", () => {
  const path = source("a: ann\n");
  makemap(["-t", "aliases", path]);
  source("a: ann\nb: @\nA: ben\n");
  assert.deepEqual(makemap(["-t", "aliases", path]), {
    code: 1,
    printed: [],
    complaints: [
      `makemap: ${path}:2: invalid entry: not an address: '@'`,
      `makemap: ${path}:3: duplicate entry for a`,
    ],
  });
  assert.deepEqual(makemap(["-U", `${path}.db`]).printed, ["a\tann"]);
});

test("an empty map is made, with a warning", () => {
  const path = source("# nothing\n");
  assert.deepEqual(makemap(["-o", `${path}.out`, path]), {
    code: 0,
    printed: [],
    complaints: [`makemap: warning: empty map created: ${path}.out`],
  });
  assert.ok(existsSync(`${path}.out`));
});

for (const [name, words, complaint] of [
  [
    "a file that is not there",
    ["/none/aliases"],
    /cannot read \/none\/aliases: no such file or directory$/u,
  ],
  ["a folder", ["/tmp"], /cannot read \/tmp: illegal operation on a directory$/u],
  ["a dump of what is no map", ["-U", "/etc/passwd"], /no SQLite file/u],
  ["nothing to do", [], /a file is missing/u],
] as const) {
  test(`${name} is a line and exit status 1`, () => {
    const { code, complaints } = makemap(words);
    assert.equal(code, 1);
    assert.match(complaints.join("\n"), complaint);
  });
}

test("a text that is not UTF-8 is refused", () => {
  const path = source(Uint8Array.of(0x61, 0x20, 0xff, 0x0a));
  assert.match(makemap([path]).complaints.join(), /not UTF-8/u);
});

test("what a stranger wrote reaches a terminal without its controls", () => {
  const path = source("a\u001b[2Jb c\n");
  assert.deepEqual(makemap([path]).complaints, [
    `makemap: ${path}:1: invalid entry: a control character is part of no key`,
  ]);
  source("a b\u001b[2Jc\n");
  makemap([path]);
  assert.deepEqual(makemap(["-U", `${path}.db`], true).printed, ["a\tb\\033[2Jc"]);
  assert.deepEqual(makemap(["-U", `${path}.db`]).printed, ["a\tb\u001b[2Jc"]);
});
