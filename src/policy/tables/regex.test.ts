import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { MAX_KEY_LENGTH } from "./key-forms.ts";
import { MAX_PATTERN_LENGTH, translateRegex } from "./posix-regex.ts";
import { checkRegex, checkRegexTable, compileRegexes } from "./regex.ts";

function matches(pattern: string, key: string): boolean {
  const answer = compileRegexes("t", [pattern])(key);
  assert.notEqual(answer.kind, "unavailable", pattern);
  return answer.kind === "found";
}

interface Case {
  readonly pattern: string;
  readonly yes: readonly string[];
  readonly no: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  "matches anywhere": { pattern: "b", yes: ["abc"], no: ["ac"] },
  "may be anchored": { pattern: "^a.c$", yes: ["abc"], no: ["xabc", "abcx"] },
  "knows no case": { pattern: "^Ann@[A-Z]+$", yes: ["aNN@example"], no: ["ann@1"] },
  "takes (?i)": { pattern: "(?i)^ann$", yes: ["Ann"], no: ["(?i)ann"] },
  "keeps the case of a class": { pattern: "^\\S+$", yes: ["ann"], no: ["a b"] },
  "tells the null sender": { pattern: "^@$", yes: ["@"], no: ["a@b", ""] },
  "takes escaped dots": {
    pattern: "\\.example\\.org$",
    yes: ["a.example.org"],
    no: ["axexample.org"],
  },
  "takes escaped punctuation": { pattern: "^a\\@b\\-c\\_d\\/$", yes: ["a@b-c_d/"], no: [] },
  "takes an escaped letter as itself": { pattern: "^\\e$", yes: ["e"], no: ["\\e"] },
  "takes a digit class": { pattern: "^\\d+$", yes: ["123"], no: ["d"] },
  "takes word edges": { pattern: "\\<spam\\>", yes: ["a-spam-b"], no: ["spammer"] },
  "takes word edges of BSD": { pattern: "[[:<:]]spam[[:>:]]", yes: ["a-spam-b"], no: ["spammer"] },
  "takes named classes": { pattern: "^[[:alpha:]_]+$", yes: ["a_b"], no: ["a1"] },
  "takes a class of Perl in brackets": {
    pattern: "^[\\w.-]+$",
    yes: ["a.b-c"],
    no: ["a b", "a\\b"],
  },
  "takes a backslash in brackets as itself": { pattern: "^[\\.]$", yes: [".", "\\"], no: ["a"] },
  "closes brackets after a backslash": { pattern: "^[a\\]]$", yes: ["a]", "\\]"], no: ["]"] },
  "takes a bracket in the first place": { pattern: "^[]a]$", yes: ["]", "a"], no: ["[]"] },
  "takes negated brackets": { pattern: "^[^]a]$", yes: ["b"], no: ["]", "a"] },
  "takes odd ranges": { pattern: "^[%--]$", yes: ["%", ",", "-"], no: ["."] },
  "takes a hyphen at the end": { pattern: "^[a-]$", yes: ["a", "-"], no: ["b"] },
  "takes collating elements": { pattern: "^[[.-.][=a=]]$", yes: ["-", "a"], no: ["."] },
  "takes an open bracket in brackets": { pattern: "^[[a]$", yes: ["[", "a"], no: ["b"] },
  "takes counts": { pattern: "^a{2,3}b{,1}c{2}$", yes: ["aacc", "aaabcc"], no: ["acc", "aabbcc"] },
  "takes an open count": { pattern: "^a{2,}$", yes: ["aa", "aaaa"], no: ["a"] },
  "takes a repetition of a repetition": { pattern: "^a{2}{2}$", yes: ["aaaa"], no: ["aa", "aaa"] },
  "takes stars in a row": { pattern: "^(ab)**$", yes: ["", "abab"], no: ["aba"] },
  "takes the shortest match": { pattern: "^<.+?>$", yes: ["<a>"], no: ["<>"] },
  "takes groups and alternatives": { pattern: "^(a|bc|)d$", yes: ["ad", "bcd", "d"], no: ["abcd"] },
  "takes a closing parenthesis alone": { pattern: "^a)$", yes: ["a)"], no: ["a"] },
  "takes closing brackets and braces alone": { pattern: "^a]}$", yes: ["a]}"], no: ["a"] },
  "takes anchors inside": { pattern: "(^a|b$)", yes: ["ax", "xb"], no: ["xay"] },
  "takes characters beyond ASCII": { pattern: "^[é😀]$", yes: ["é", "É", "😀"], no: ["e"] },
};

for (const [name, { pattern, yes, no }] of Object.entries(CASES))
  test(`pattern ${name}: ${pattern}`, () => {
    assert.equal(checkRegex(pattern), undefined);
    for (const key of yes) assert.ok(matches(pattern, key), `${key} should match`);
    for (const key of no) assert.ok(!matches(pattern, key), `${key} should not match`);
  });

const FAULTS: Readonly<Record<string, string>> = {
  "*@example.org": "'*' with nothing to repeat before it",
  "a|+": "'+' with nothing to repeat before it",
  "^*": "'*' with nothing to repeat before it",
  "{2}": "'{2}' with nothing to repeat before it",
  "a{x}": "'{' without a count: write '\\{' for the character",
  "a{": "'{' without a count: write '\\{' for the character",
  "a{3,2}": "{3,2}: the second count is the smaller",
  "a{1001}": "{1001}: more than 1000 times",
  "(a": "'(' without ')'",
  "(?=a)": "'(?' is not in the extended syntax: write '(' for a group",
  "(?:a)": "'(?' is not in the extended syntax: write '(' for a group",
  "[a": "'[' without ']'",
  "[]": "'[' without ']'",
  "[z-a]": "not a range: z-a",
  "[a-[:alpha:]]": "not a range: a-[:alpha:]",
  "[[:letter:]]": "no such class: [:letter:]",
  "[[.hyphen.]]": "no such character: [.hyphen.]",
  "(a)\\1": "back-references are not supported",
  "a\\": "'\\' at the end",
  "((a{100}){100}){100}": "invalid repeat count: `{100}`",
};

for (const [pattern, reason] of Object.entries(FAULTS))
  test(`pattern ${pattern} is refused`, () => {
    assert.equal(checkRegex(pattern), reason);
    const answer = compileRegexes("t", ["fine", pattern])("fine");
    assert.equal(answer.kind, "unavailable");
  });

test("pattern has a longest length", () => {
  assert.equal(checkRegex("a".repeat(MAX_PATTERN_LENGTH)), undefined);
  assert.equal(checkRegex("a".repeat(MAX_PATTERN_LENGTH + 1)), "longer than 1023 characters");
});

test("pattern has a largest machine", () => {
  assert.equal(checkRegex("([a-z]{1,90}){11}[0-9]{900}[a-z]{1000}[0-9]{1000}"), "too large");
});

test("patterns that are good alone may be too many for one table", () => {
  const patterns = Array.from({ length: 25 }, (_, index) => `^${index}.{1,990}$`);
  assert.equal(
    patterns.map(checkRegex).find((reason) => reason !== undefined),
    undefined,
  );
  assert.equal(checkRegexTable(patterns), "too large");
  assert.equal(checkRegexTable(patterns.slice(0, 10)), undefined);
});

test("of several patterns the first in the table is told", () => {
  const lookup = compileRegexes("t", ["^x", "B.*", "b"]);
  assert.deepEqual(lookup("ab"), { kind: "found", value: "", entry: "B.*" });
  assert.deepEqual(compileRegexes("t", [])("ab"), { kind: "absent" });
});

/** Each takes a backtracking engine longer than anyone lives. */
const CATASTROPHES = [
  "(a+)+$",
  "(a*)*b",
  "(a|aa)+$",
  "(a|a?)+$",
  "(.*a){20}$",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "(.*)*x(.*)*y(.*)*z$",
  "(a?){60}a{60}$",
  "[ab]*a[ab]{60}$",
];

for (const pattern of CATASTROPHES)
  test(`pattern ${pattern} takes no time to speak of`, () => {
    const lookup = compileRegexes("t", [pattern]);
    for (const key of ["a", "ab", "a b"]) {
      const long = `${key.repeat(MAX_KEY_LENGTH / key.length - 1)}!`;
      const startMs = performance.now();
      assert.notEqual(lookup(long).kind, "unavailable");
      assert.ok(performance.now() - startMs < 500, "it took half a second");
    }
  });

test("no pattern throws, and none that is taken is refused by RE2", () => {
  const unit = fc.constantFrom(...Array.from("ab\\[]^-(){}|*+?.$1,:=<dwsi@é"));
  fc.assert(
    fc.property(
      fc.string({ unit, maxLength: 12 }),
      fc.string({ unit, maxLength: 6 }),
      (pattern, key) => {
        const reason = checkRegex(pattern);
        if (translateRegex(pattern).kind === "re2") assert.equal(reason, undefined, pattern);
        compileRegexes("t", [pattern])(key);
      },
    ),
    { numRuns: 2000 },
  );
});

test("plain patterns agree with JavaScript's", () => {
  const piece = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "(a|b)", "(ab)", "\\.");
  const repeat = fc.constantFrom("", "", "*", "+", "?", "{1,2}", "{2}");
  const pattern = fc.array(fc.tuple(piece, repeat), { minLength: 1, maxLength: 5 });
  const key = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 8 });
  fc.assert(
    fc.property(pattern, key, (pieces, text) => {
      const source = `^${pieces.map((pair) => pair.join("")).join("")}$`;
      assert.equal(matches(source, text), new RegExp(source, "u").test(text), source);
    }),
  );
});
