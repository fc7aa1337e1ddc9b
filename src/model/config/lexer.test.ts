import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { KEYWORDS } from "./keywords.ts";
import { isBareWord, Lexer, MAX_TOKEN_LENGTH, type Token } from "./lexer.ts";

const MACROS = new Map([
  ["net", "192.0.2.0"],
  ["two", "one two"],
  ["path", '"/etc/x y"'],
  ["outer", "$net"],
  ["empty", ""],
]);

function tokens(text: string): readonly Token[] {
  const lexer = new Lexer(MACROS);
  lexer.openFile("f", text);
  const list: Token[] = [];
  for (;;) {
    const token = lexer.next();
    if (token.kind === "end") return list;
    list.push(token);
  }
}

/** `kind text` of each token, without newlines. */
function brief(text: string): readonly string[] {
  return tokens(text)
    .filter(({ kind }) => kind !== "newline")
    .map(({ kind, text: value }) => `${kind} ${value}`);
}

function kinds(text: string): readonly string[] {
  return tokens(text).map(({ kind }) => kind);
}

const CASES: readonly (readonly [title: string, text: string, expected: readonly string[]])[] = [
  ["nothing in an empty file", "", []],
  ["nothing in blanks and a comment", " \t# a 'comment\n", []],
  ["keywords and words", "listen onn", ["keyword listen", "word onn"]],
  ["no keyword in quotes", '"listen"', ["quoted listen"]],
  ["no keyword in another case", "Listen", ["word Listen"]],
  ["words with punctuation", "a@b.c:25/x[1]|$y", ["word a@b.c:25/x[1]|$y"]],
  ["words that begin with a colon or underscore", "::1 _x", ["word ::1", "word _x"]],
  [
    "the signs that end a word",
    "a,b=c{d}e",
    ["word a", "sign ,", "word b", "sign =", "word c", "sign {", "word d", "sign }", "word e"],
  ],
  ["an arrow", "a => b=>c", ["word a", "sign =>", "word b", "sign =>", "word c"]],
  ["a path as signs and words", "/etc", ["sign /", "word etc"]],
  [
    "numbers before a blank or sign",
    "25 -7,0}",
    ["number 25", "number -7", "sign ,", "number 0", "sign }"],
  ],
  [
    "words that begin with digits",
    "4h 35M 192.0.2.0 10:20",
    ["word 4h", "word 35M", "word 192.0.2.0", "word 10:20"],
  ],
  ["a number before a slash", "10/8", ["number 10", "sign /", "number 8"]],
  ["a dash alone", "- -a -1a", ["sign -", "sign -", "word a", "sign -1", "word a"]],
  ["continued lines as one", "a\\\nb \\\n c", ["word ab", "word c"]],
  ["comments that go on", "# a\\\nb\nc", ["word c"]],
  ["an escaped character as itself", "a\\bc \\#x", ["word abc"]],
  ["either quote within the other", `"a'b" 'c"d'`, ["quoted a'b", 'quoted c"d']],
  ["escaped quotes and blanks", `"a\\"b\\ c\\\td" 'e\\'f'`, ['quoted a"b c\td', "quoted e'f"]],
  ["other backslashes in quotes as they are", `"a\\.b\\\\c\\'d"`, ["quoted a\\.b\\\\c\\'d"]],
  ["a quoted text over lines", '"a\nb\\\nc"', ["quoted abc"]],
  ["a quoted text that is empty", '""', ["quoted "]],
  ["a macro's value", "$net", ["word 192.0.2.0"]],
  ["text after a macro as part of its word", "$net/24", ["word 192.0.2.0/24"]],
  [
    "a macro of several words",
    "$two,$two",
    ["word one", "word two", "sign ,", "word one", "word two"],
  ],
  ["a macro with a quoted value", "$path", ["quoted /etc/x y"]],
  ["nothing for an empty macro", "a $empty b", ["word a", "word b"]],
  ["no macro in quotes or within a word", `"$net" a$net`, ["quoted $net", "word a$net"]],
  ["no macro within a macro", "$outer", ["sign $", "word net"]],
  ["a macro that nobody defined", "$x y", ["fault macro 'x' not defined", "word y"]],
  ["a macro named like a method", "$constructor", ["fault macro 'constructor' not defined"]],
  [
    "a quote that nobody closes",
    'a "b',
    ["word a", "fault reached end of file while parsing quoted string"],
  ],
  [
    "a number beyond counting",
    "9007199254740993",
    ['fault "9007199254740993" invalid number: too large'],
  ],
  ["a character of two halves", "📨", ["sign 📨"]],
  ["a backslash at the end", "a\\", ["word a"]],
  ["CRLF as a newline", "a\r\nb", ["word a", "word b"]],
];

for (const [title, text, expected] of CASES) {
  test(`lexer reads ${title}`, () => {
    assert.deepEqual(brief(text), expected);
  });
}

test("macros cannot make a small file a text of gigabytes", () => {
  const value = "x,".repeat(MAX_TOKEN_LENGTH / 2);
  const lexer = new Lexer(new Map([["a", value]]));
  lexer.openFile("f", "$a ".repeat(10_000));
  let characters = 0;
  const faults = new Set<string>();
  for (let token = lexer.next(); token.kind !== "end"; token = lexer.next()) {
    if (token.kind === "fault") faults.add(token.text);
    else characters += token.text.length;
  }
  assert.ok(characters <= 16 * 1024 * 1024, `${characters} characters`);
  assert.deepEqual([...faults], ["macros stand for more than 16777216 characters"]);
});

test("lexer ends each file in a newline, written or not", () => {
  assert.deepEqual(kinds("a"), ["word", "newline"]);
  assert.deepEqual(kinds("a\n"), ["word", "newline"]);
  assert.deepEqual(kinds("a\n\n"), ["word", "newline", "newline"]);
});

test("lexer knows where each token begins, and a macro's are at its name", () => {
  const places = tokens("a \\\n b\n  'c\nd' e\n$two").map(({ at }) => `${at.line}:${at.column}`);
  assert.deepEqual(places, ["1:1", "2:2", "2:3", "3:3", "4:4", "4:5", "5:1", "5:1", "5:5"]);
});

test("lexer reads an included file before the rest, with its own places", () => {
  const lexer = new Lexer(new Map());
  lexer.openFile("outer", "a\nb");
  assert.equal(lexer.next().text, "a");
  assert.equal(lexer.next().kind, "newline");
  lexer.openFile("inner", "c");
  const next = [lexer.next(), lexer.next(), lexer.next()].map(
    ({ text, at }) => `${at.file}:${at.line} ${text}`,
  );
  assert.deepEqual(next, ["inner:1 c", "inner:1 ", "outer:2 b"]);
});

test("lexer does not let an included file's open quote swallow the outer file", () => {
  const lexer = new Lexer(new Map());
  lexer.openFile("outer", '"b"');
  lexer.openFile("inner", '"a');
  assert.equal(lexer.next().kind, "fault");
});

test("lexer takes tokens up to the longest, and complains of longer ones", () => {
  const longest = "x".repeat(MAX_TOKEN_LENGTH);
  for (const text of [longest, `"${longest}"`]) assert.equal(tokens(text)[0]?.text, longest);
  for (const text of [`${longest}x`, `"${longest}x"`])
    assert.equal(tokens(text)[0]?.text, "string too long");
});

test("lexer has all 101 keywords", () => {
  assert.equal(KEYWORDS.length, 101);
  for (const keyword of KEYWORDS) assert.deepEqual(brief(keyword), [`keyword ${keyword}`]);
});

test("a bare word reads back as one word", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a:_0-9][a0-9/.$"'-]*$/u), (text) => {
      fc.pre(isBareWord(text));
      assert.deepEqual(brief(text), [`word ${text}`]);
    }),
  );
});

test("lexer reads any text to its end", () => {
  const pieces = fc.constantFrom(..."ab1-\"'\\ \t\n#$={}<>,!/:é\0".split(""), "$net", "\\\n", "=>");
  fc.assert(
    fc.property(fc.array(pieces), (parts) => {
      assert.ok(tokens(parts.join("")).length <= parts.length * 3 + 1);
    }),
  );
});
