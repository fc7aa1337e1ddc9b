import assert from "node:assert/strict";
import { test } from "node:test";
import { readAddresses, readArgument, readSender } from "./addressees.ts";

const LISTS: readonly (readonly [list: string, addresses: readonly string[] | string])[] = [
  ["", []],
  ["ann", ["ann@mx.example"]],
  ["a@x, b@y", ["a@x", "b@y"]],
  ["a@x,b@y,,", ["a@x", "b@y"]],
  ["Ann <a@x>", ["a@x"]],
  ['"Smith, Ann" <a@x>, b@y', ["a@x", "b@y"]],
  ["a@x (Ann), (c) b@y", ["a@x", "b@y"]],
  ["a@x (one (two) \\) three)", ["a@x"]],
  ["friends: a@x, Bob <b@y>; c@z", ["a@x", "b@y", "c@z"]],
  ["undisclosed-recipients:;", []],
  [" a@x,\r\n\tb@y\r\n", ["a@x", "b@y"]],
  ["a@x <b@y>", ["b@y"]],
  ["<@relay.example:a@x>", ["a@x"]],
  ['"a b"@x', ['"a b"@x']],
  ['"ann"@x', ["ann@x"]],
  ["=?utf-8?Q?=C3=A9?= <a@x>", ["a@x"]],
  ["|cmd", ["|cmd@mx.example"]],
  ["-oQ/tmp@x", ["-oQ/tmp@x"]],
  ["a b", "a b"],
  ["Ann Smith", "Ann Smith"],
  ["<>", "<>"],
  ["Ann <>", "Ann <>"],
  ["a@", "a@"],
  ["@x", "@x"],
  ["a@x@y", "a@x@y"],
  ["a..b@x", "a..b@x"],
  ["a@-x", "a@-x"],
  ["<a@x", "<a@x"],
  ['"a@x', '"a@x'],
  ["(a@x", "(a@x"],
  ["a@x>", "a@x>"],
  ["<a@x> <b@y>", "<a@x> <b@y>"],
  ['"a\0b"@x', '"a\0b"@x'],
];

for (const [list, addresses] of LISTS) {
  const wanted =
    typeof addresses === "string" ? "is refused" : `has ${addresses.join(" ") || "none"}`;
  test(`address list ${JSON.stringify(list)} ${wanted}`, () => {
    const found = readAddresses(list, "mx.example");
    assert.deepEqual("kind" in found ? found.text : found, addresses);
  });
}

test("addresses beyond ASCII are read from octets and from arguments", () => {
  const octets = Buffer.from("jörg@ex.example", "utf8").toString("latin1");
  assert.deepEqual(readAddresses(octets, "mx.example"), ["jörg@ex.example"]);
  assert.deepEqual(readArgument("jörg@ex.example", "mx.example"), ["jörg@ex.example"]);
  assert.deepEqual(readAddresses("j\xf6rg@ex.example", "x"), {
    kind: "address-trouble",
    text: "j\ufffdrg@ex.example",
  });
});

test("an argument with more than addresses is refused", () => {
  for (const text of ["a@b\nBcc: x@y", "a@b\r\nRCPT TO:<x@y>", "<a@b>\n", "a@b> SIZE=1", "a@b\0"]) {
    const sender = readSender(text, "mx.example");
    assert.ok(typeof sender !== "string", text);
    assert.ok("kind" in readArgument(text, "mx.example"), text);
  }
});

const SENDERS: readonly (readonly [text: string, sender: string | undefined])[] = [
  ["", ""],
  ["<>", ""],
  [" < > ", ""],
  ["ann", "ann@mx.example"],
  ["<ann>", "ann@mx.example"],
  ["<a@x>", "a@x"],
  ["Ann Smith <a@x>", "a@x"],
  ["a@x, b@y", undefined],
  ["a@b\nBcc: x@y", undefined],
];

for (const [text, sender] of SENDERS) {
  test(`sender ${JSON.stringify(text)} is ${sender ?? "refused"}`, () => {
    const read = readSender(text, "mx.example");
    assert.equal(typeof read === "string" ? read : undefined, sender);
  });
}

test("a list that someone wrote to take time takes none", () => {
  const before = process.cpuUsage().user;
  const lists = [
    "(".repeat(50_000),
    "<".repeat(50_000),
    "a:".repeat(50_000),
    `"${"\\a".repeat(500_000)}"`,
    "a@x,\r\n ".repeat(20_000),
    "x".repeat(1_000_000),
  ];
  for (const list of lists) readAddresses(list, "mx.example");
  assert.ok(process.cpuUsage().user - before < 3_000_000, "linear");
});
