/**
 * Extended regular expressions against the C library of this machine, which bash asks
 * (`[[ KEY =~ PATTERN ]]` is regcomp(3) with REG_EXTENDED): what it takes is taken, what
 * it refuses is refused, and the same keys match. Left out is where the two are meant to
 * differ (src/policy/tables/posix-regex.ts).
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import * as fc from "fast-check";
import { compileRegexes } from "#policy/tables/regex.ts";

type Verdict = "matches" | "does not match" | "is no pattern";

interface Case {
  readonly pattern: string;
  readonly key: string;
}

const CASES = 3000;
const SEED = 3;
const BASH_WITHIN_MS = 60_000;

/** Reads lines of pattern and key in turn; a line of a status for each pair. */
const SCRIPT = `
shopt -s nocasematch
while IFS= read -r pattern && IFS= read -r key; do
  [[ $key =~ $pattern ]] 2>/dev/null
  printf '%s\\n' $?
done`;

const skip =
  spawnSync("bash", ["-c", "[[ a =~ a ]]"]).status === 0 ? false : "bash is not installed";

function libraryVerdicts(cases: readonly Case[]): readonly Verdict[] {
  const { stdout } = spawnSync("bash", ["-c", SCRIPT], {
    input: cases.map(({ pattern, key }) => `${pattern}\n${key}\n`).join(""),
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
    timeout: BASH_WITHIN_MS,
  });
  const meanings: Readonly<Record<string, Verdict>> = { 0: "matches", 1: "does not match" };
  return stdout
    .trimEnd()
    .split("\n")
    .map((status) => meanings[status] ?? "is no pattern");
}

function ourVerdict({ pattern, key }: Case): Verdict {
  const { kind } = compileRegexes("t", [pattern])(key);
  if (kind === "unavailable") return "is no pattern";
  return kind === "found" ? "matches" : "does not match";
}

function disagreements(cases: readonly Case[]): readonly string[] {
  const library = libraryVerdicts(cases);
  assert.equal(library.length, cases.length, "bash has answered for each");
  return cases.flatMap((each, index) => {
    const ours = ourVerdict(each);
    return ours === library[index]
      ? []
      : [`${each.pattern} ${each.key}: ${library[index]} there, ${ours} here`];
  });
}

const ATOMS = ["a", "B", ".", "\\.", "\\-", "@", "(a|b)", "(ab)", "()", "(|a)", "a)", "\\w", "\\S"];
const BRACKETS = ["[ab]", "[^a]", "[]a]", "[^]a]", "[a-]", "[%--]", "[[:alpha:]]", "[[:digit:].]"];
const ODD_BRACKETS = ["[\\.]", "[a\\]]", "[[a]", "[[.-.]]", "[[=a=]b]"];
const REPEATS = ["", "", "", "*", "+", "{1,2}", "{2}", "{,2}", "{1,}", "**", "+*", "{2}{2}"];
const EDGES = ["", "", "^", "$", "|"];
const BROKEN = ["*", "(", "[", "{", "a{x}", "a{2,1}", "[b-a]", "[[:no:]]", "\\", "(?a)"];

test("patterns mean what they mean to the C library", { skip }, () => {
  const atom = fc.constantFrom(...ATOMS, ...BRACKETS, ...ODD_BRACKETS);
  const piece = fc
    .tuple(fc.constantFrom(...EDGES), atom, fc.constantFrom(...REPEATS))
    .map((parts) => parts.join(""));
  const pattern = fc
    .tuple(fc.array(piece, { minLength: 1, maxLength: 4 }), fc.constantFrom(...EDGES))
    .map(([pieces, end]) => pieces.join("") + end);
  const key = fc.string({ unit: fc.constantFrom(...Array.from("abAB.-@]\\5")), maxLength: 6 });
  const cases = fc.sample(fc.record({ pattern, key }), { numRuns: CASES, seed: SEED });
  assert.deepEqual(disagreements(cases), []);
});

test("what is no pattern to the C library is none here", { skip }, () => {
  const cases = BROKEN.flatMap((broken) =>
    ["", "a|", "(b)"].map((before) => ({ pattern: before + broken, key: "a" })),
  );
  assert.deepEqual(disagreements(cases), []);
});
