import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assert as check, property, string } from "fast-check";
import {
  angled,
  fieldValue,
  printable,
  printableJson,
  printableLines,
  quoted,
  visible,
} from "./visible-text.ts";

/** One line of printable characters, with no space but U+0020. */
const ONE_PRINTABLE_LINE =
  /^(?:(?![\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}])(?:(?!\p{Zs})| ).)*$/su;

describe("visible", () => {
  const cases: readonly (readonly [says: string, input: string, output: string])[] = [
    ["leaves printable ASCII", "a b=c", "a b=c"],
    ["leaves letters of other scripts", "Grüße, 世界", "Grüße, 世界"],
    ["doubles the backslash", "a\\nb", "a\\\\nb"],
    ["writes line ends out", "a\r\nb\tc", "a\\r\\nb\\tc"],
    ["writes ESC in octal", "\u001b[2J", "\\033[2J"],
    ["writes C1 controls by their bytes", "\u009b2J", "\\302\\2332J"],
    ["writes a change of direction by its bytes", "a\u202eb", "a\\342\\200\\256b"],
    ["writes a line separator by its bytes", "a\u2028b", "a\\342\\200\\250b"],
    ["writes a no-break space by its bytes", "a\u00a0b", "a\\302\\240b"],
    ["writes a zero-width joiner by its bytes", "a\u200db", "a\\342\\200\\215b"],
    ["writes a variation selector by its bytes", "a\ufe0fb", "a\\357\\270\\217b"],
    ["writes a filler that is a letter by its bytes", "a\u3164b", "a\\343\\205\\244b"],
    ["makes a lone surrogate a replacement character", "a\ud800b", "a\ufffdb"],
  ];
  for (const [says, input, output] of cases) {
    test(says, () => assert.equal(visible(input), output));
  }

  test("cuts between escapes", () => assert.equal(visible("ab\u001bc", 4), "ab..."));

  test("any text becomes one printable line of bounded length", () => {
    check(
      property(string({ unit: "binary", maxLength: 900 }), (text) => {
        for (const made of [visible(text), printable(text), fieldValue(text), angled(text)]) {
          assert.match(made, ONE_PRINTABLE_LINE);
          assert.ok(made.length <= 4 * 512 + 5, `${made.length} characters`);
        }
      }),
    );
  });
});

test("printable leaves escaped text as it is", () => {
  const once = visible("a\\b\u001b");
  assert.equal(printable(once), once);
});

test("a text of several lines keeps them and its tabs, and nothing else that steers a terminal", () => {
  const long = "x".repeat(600);
  assert.equal(
    printableLines(`a\tb\n\u001b[2J\u202e\r${long}\n`),
    `a\tb\n\\033[2J\\342\\200\\256\\r${long}\n`,
  );
});

describe("a field", () => {
  test("is bare when nothing in it can be taken for more", () =>
    assert.equal(fieldValue("mx.example.org"), "mx.example.org"));
  test("is quoted when it has a space", () => assert.equal(fieldValue("a b"), '"a b"'));
  test("is quoted when it is empty", () => assert.equal(fieldValue(""), '""'));
  test("cannot end its own quotes", () =>
    assert.equal(quoted('x" result="Ok'), '"x\\" result=\\"Ok"'));
  test("a backslash before a quote cannot either", () =>
    assert.equal(quoted('x\\" y'), '"x\\\\\\" y"'));
});

test("an address cannot end its angle brackets", () => {
  assert.equal(angled('"x> to=<y"@example.org'), '<"x\\076\\040to=\\074y"@example.org>');
});

test("JSON keeps its value when it is made printable", () => {
  check(
    property(string({ unit: "binary", maxLength: 50 }), (text) => {
      const json = printableJson(JSON.stringify({ text }));
      assert.match(json, ONE_PRINTABLE_LINE);
      assert.deepEqual(JSON.parse(json), { text: JSON.parse(JSON.stringify(text)) as unknown });
    }),
  );
});
