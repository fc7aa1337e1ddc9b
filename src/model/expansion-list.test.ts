import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  MAX_LIST_NODES,
  nodeText,
  parseExpansionFile,
  parseExpansionList,
} from "./expansion-list.ts";

/** The nodes as `kind text`, or the fault as `LINE:COLUMN: reason`. */
function read(parse: typeof parseExpansionList, text: string): readonly string[] | string {
  const list = parse(text);
  if (list.kind === "expansion-fault") return `${list.line}:${list.column}: ${list.reason}`;
  return list.nodes.map((node) => `${node.kind} ${nodeText(node)}`);
}

const VALUES: readonly (readonly [value: string, nodes: readonly string[]])[] = [
  ["bob", ["user bob"]],
  ["Bob+Tag, al.ice ,c_d-e", ["user bob+tag", "user al.ice", "user c_d-e"]],
  ["\\bob", ["user bob"]],
  ["Ann@Example.ORG", ["address Ann@Example.ORG"]],
  ["a#b!c@example.org", ["address a#b!c@example.org"]],
  ['"a b"@example.org', ['address "a b"@example.org']],
  ["user@[192.0.2.1]", ["address user@[192.0.2.1]"]],
  [",, bob ,,", ["user bob"]],
  ["", []],
  ["|/bin/cat -u", ["pipe |/bin/cat -u"]],
  ['"|/bin/cat a, b"', ["pipe |/bin/cat a, b"]],
  ['"|sh -c \\"x, y\\""', ['pipe |sh -c "x, y"']],
  ["|a\\,b, bob", ["pipe |a,b", "user bob"]],
  ["|echo 'it, is'", ["pipe |echo 'it, is'"]],
  [`"|echo it's"`, ["pipe |echo it's"]],
  ["/var/mail/archive", ["file /var/mail/archive"]],
  ['"/var/mail/a b, c"', ["file /var/mail/a b, c"]],
  ["include:/etc/mail/list", ["include include:/etc/mail/list"]],
  [":Include:/etc/mail/list", ["include include:/etc/mail/list"]],
  ["error:550 No such user", ["error error:550 No such user"]],
  [":error:451 5 minutes\\, please", ["error error:451 5 minutes, please"]],
];

for (const [value, nodes] of VALUES) {
  test(`value ${JSON.stringify(value)} is read`, () => {
    assert.deepEqual(read(parseExpansionList, value), nodes);
  });
}

const FAULTS: readonly (readonly [value: string, fault: string])[] = [
  ["bob, a b", "1:6: neither an address nor a user, a command, a file: 'a b'"],
  ["bob\\", "1:1: a backslash is the last character"],
  ['x, "|cmd', '1:4: a quote (") is not closed'],
  ["|", "1:1: no command after |"],
  ["error:200 fine", "1:1: an error is error:NNN TEXT, with a code of 400 to 599"],
  ["error:550  two blanks", "1:1: an error is error:NNN TEXT, with a code of 400 to 599"],
  ["error:550", "1:1: an error is error:NNN TEXT, with a code of 400 to 599"],
  ["include:list", "1:1: an included file has an absolute path: include:/PATH"],
  ["a@", "1:1: not an address: 'a@'"],
  ["@example.org", "1:1: not an address: '@example.org'"],
  ["a@b@c", "1:1: not an address: 'a@b@c'"],
  ["bo\0b", "1:1: a control character is part of no entry"],
  ["|a\nb", "1:1: a control character is part of no entry"],
  ["u".repeat(256), `1:1: neither an address nor a user, a command, a file: '${"u".repeat(80)}'`],
  [`|${"x".repeat(2048)}`, "1:1: the entry is too long"],
];

for (const [value, fault] of FAULTS) {
  test(`value ${JSON.stringify(value.slice(0, 30))} is a fault with its place`, () => {
    assert.equal(read(parseExpansionList, value), fault);
  });
}

test("file has a list on each line, with comments and continued lines", () => {
  const text = [
    "# where my mail goes",
    "bob, alice@example.org # both",
    "",
    '  "|cat # no comment",carl,#but this',
    "d\\",
    "ave,\\",
    "  eve\r",
    "a#b@example.org",
  ].join("\n");
  assert.deepEqual(read(parseExpansionFile, text), [
    "user bob",
    "address alice@example.org",
    "pipe |cat # no comment",
    "user carl",
    "user dave",
    "user eve",
    "address a#b@example.org",
  ]);
});

test("fault in a file is on its line", () => {
  assert.match(String(read(parseExpansionFile, "bob\n\n  carl, d e\n")), /^3:9: neither/);
  assert.match(String(read(parseExpansionFile, 'bob\n"|cat\nx"\n')), /^2:1: a quote/);
});

test("list has no more entries than a message may have envelopes", () => {
  const full = parseExpansionList("a,".repeat(MAX_LIST_NODES));
  assert.equal(full.kind === "expansion-list" && full.nodes.length, MAX_LIST_NODES);
  assert.match(
    String(read(parseExpansionList, "a,".repeat(MAX_LIST_NODES + 1))),
    /too many entries$/,
  );
});

test("words of an error that are not ASCII do not reach a peer", () => {
  assert.deepEqual(read(parseExpansionList, "error:550 A Müller"), ["error error:550 A M?ller"]);
});

test("nothing that can be written makes the reader throw, and what it reads has no control character", () => {
  const pieces = fc.array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "\\",
        '"',
        "'",
        ",",
        "#",
        "\n",
        "\r\n",
        "|",
        "/",
        ":error:550 x",
        "include:/",
        "a@b",
      ),
    ),
  );
  fc.assert(
    fc.property(pieces, fc.constantFrom(parseExpansionFile, parseExpansionList), (some, parse) => {
      const list = parse(some.join(""));
      if (list.kind === "expansion-fault") return list.line >= 1 && list.column >= 1;
      return list.nodes.every((node) => !/\p{Cc}/u.test(nodeText(node)));
    }),
  );
});
