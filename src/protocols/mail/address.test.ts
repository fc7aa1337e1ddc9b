import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAddress, parseAddress, parsePath, splitAddress } from "./address.ts";

const PATHS = [
  ["<a@b.example>", "a@b.example"],
  ["<>", ""],
  ["<a>", "a@mx.example"],
  ["<@r.example,@s.example:a@b.example>", "a@b.example"],
  ['<"a"@b.example>', "a@b.example"],
  ['<"\\a\\b"@b.example>', "ab@b.example"],
  ['<"a b"@b.example>', '"a b"@b.example'],
  ['<"a>b@c"@b.example>', '"a>b@c"@b.example'],
  ['<"a\\"b\\\\"@b.example>', '"a\\"b\\\\"@b.example'],
  ['<""@b.example>', '""@b.example'],
  ["<a@[192.0.2.1]>", "a@[192.0.2.1]"],
  ["<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"],
] as const;

for (const [text, address] of PATHS) {
  test(`path ${text} is the address ${address === "" ? "of nobody" : address}`, () => {
    const end = text.length;
    assert.deepEqual(parsePath(text, 0, "mx.example"), {
      kind: "path",
      address,
      isAscii: true,
      end,
    });
  });
}

const NO_PATHS = [
  "",
  "a@b",
  "<a@b",
  "<a@>",
  "<@>",
  "<@b.example>",
  "<a@b@c>",
  '<"a@b.example>',
  '<"a"b@c.example>',
  "<.a@b>",
  "<a..b@c>",
  "<a.@b>",
  "<a@b.>",
  "<a@.b>",
  "<a@[1.2.3]>",
  "<a@[01.2.3.4]>",
  "<a@[x]>",
  "<a\u0000@b>",
  '<"a\u0001"@b>',
  "<@r:@s:a@b>",
] as const;

for (const text of NO_PATHS) {
  test(`path ${JSON.stringify(text)} is refused`, () => {
    assert.deepEqual(parsePath(text, 0, "mx.example"), { kind: "address-fault" });
  });
}

const INTERNATIONAL = [
  ["<é@b.example>", "é@b.example"],
  ['<"é"@b.example>', "é@b.example"],
  ['<"é è"@b.example>', '"é è"@b.example'],
  ["<a@bücher.example>", "a@xn--bcher-kva.example"],
  ["<a@BÜCHER.example>", "a@xn--bcher-kva.example"],
  ["<用户@例子.广告>", "用户@xn--fsqu00a.xn--4rr70v"],
  ["<😀@b.example>", "😀@b.example"],
] as const;

for (const [text, address] of INTERNATIONAL) {
  test(`path ${text} is the international address ${address}`, () => {
    const end = text.length;
    assert.deepEqual(parsePath(text, 0, "mx.example"), {
      kind: "path",
      address,
      isAscii: false,
      end,
    });
  });
}

test("what is not seen in a local part stays as sent, and makes another address", () => {
  // A joiner and a non-joiner, a variation selector of 16 and of 32 bits, a word joiner; é in two.
  for (const mark of ["\u200d", "\u200c", "\ufe0f", "\u{e0100}", "\u2060", "e\u0301"]) {
    const path = parsePath(`<a${mark}b@b.example>`, 0, "mx.example");
    assert.equal(path.kind === "path" && path.address, `a${mark}b@b.example`);
    // In a domain they mean nothing, or another name: those are refused.
    if (mark !== "e\u0301")
      assert.equal(parsePath(`<a@b${mark}c.example>`, 0, "mx.example").kind, "address-fault");
  }
});

test("path with controls, spaces or turns of direction beyond ASCII is refused", () => {
  for (const mark of [
    "\u0085",
    "\u00a0",
    "\u061c",
    "\u2028",
    "\u202e",
    "\u2066",
    "\u3000",
    "\ufeff",
    "\uffff",
  ]) {
    assert.equal(parsePath(`<a${mark}@b.example>`, 0, "mx.example").kind, "address-fault", mark);
    assert.equal(parsePath(`<a@b${mark}.example>`, 0, "mx.example").kind, "address-fault", mark);
    assert.equal(parsePath(`<"a${mark}"@b.example>`, 0, "mx.example").kind, "address-fault", mark);
  }
});

test("path whose lower case would be another's name is refused", () => {
  // The signs of kelvin, ångström, ohm and theta.
  for (const sign of ["\u212a", "\u212b", "\u2126", "\u03f4"])
    assert.equal(parsePath(`<${sign}evin@b.example>`, 0, "mx.example").kind, "address-fault");
  for (let code = 0x80; code <= 0xffff; code++) {
    const character = String.fromCharCode(code);
    if (!/^[ -~]+$/.test(character.toLowerCase())) continue;
    const { kind } = parsePath(`<${character}@b.example>`, 0, "mx.example");
    assert.equal(kind, "address-fault", `U+${code.toString(16)}`);
  }
});

test("path whose domain would be another after mapping is refused", () => {
  for (const domain of [
    "a\u3002example",
    "exa\u00admple.example",
    "b\uff0eexample",
    "é%41.example",
    "good.example\\é",
    "é[.example",
  ])
    assert.equal(parsePath(`<a@${domain}>`, 0, "mx.example").kind, "address-fault", domain);
});

test("path lengths: 255 for the local part, 255 for the domain, 63 for a label", () => {
  const label = "d".repeat(63);
  const domain = `${label}.${label}.${label}.${label}`;
  const kinds = [
    `<${"a".repeat(255)}@b.example>`,
    `<${"a".repeat(256)}@b.example>`,
    `<a@${domain}>`,
    `<a@${domain}d>`,
    `<a@${label}d.example>`,
  ].map((text) => parsePath(text, 0, "mx.example").kind);
  assert.deepEqual(kinds, ["path", "address-fault", "path", "address-fault", "address-fault"]);
});

test("address in canonical text is read back as itself, and has no control character", () => {
  const local = fc.string({
    unit: fc.constantFrom("a", ".", '"', "\\", "@", " ", ">", "\u0001", "\u00e9"),
    maxLength: 12,
  });
  fc.assert(
    fc.property(local, fc.boolean(), (text, isQuoted) => {
      const written = isQuoted ? `"${text}"@b.example` : `${text}@b.example`;
      const address = parseAddress(written, "mx.example");
      if ("kind" in address) return;
      const canonical = formatAddress(address);
      assert.match(canonical, /^[ -~\u00e9]+$/);
      assert.deepEqual(parseAddress(canonical, "mx.example"), address);
      assert.deepEqual(splitAddress(canonical), address);
    }),
    { numRuns: 2000 },
  );
});
