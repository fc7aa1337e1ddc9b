import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseFormat } from "./format.ts";

function token(name: string, modifiers: readonly string[] = [], range?: object): object {
  return { kind: "token", token: name, modifiers, range };
}

test("format is its parts in order, with the home in front", () => {
  assert.deepEqual(parseFormat("~/M/%{RCPT.User}%%%{dest}50%"), {
    source: "~/M/%{RCPT.User}%%%{dest}50%",
    parts: [
      { kind: "home" },
      { kind: "literal", text: "/M/" },
      token("rcpt.user"),
      { kind: "literal", text: "%" },
      token("dest"),
      { kind: "literal", text: "50%" },
    ],
  });
});

/** The kinds of the parts of `source`, or why it has none. */
function kinds(source: string): unknown {
  const format = parseFormat(source);
  return "parts" in format ? format.parts.map(({ kind }) => kind) : format.reason;
}

test("tilde is the home only at the start, alone or before a slash", () => {
  assert.deepEqual(kinds("~"), ["home"]);
  assert.deepEqual(kinds("~x/y"), ["literal"]);
  assert.deepEqual(kinds("/a/~/b"), ["literal"]);
});

const SPECIFIERS: readonly (readonly [source: string, part: object])[] = [
  ["%{sender:lowercase}", token("sender", ["lowercase"])],
  ["%{Sender:Raw|STRIP}", token("sender", ["raw", "strip"])],
  ["%{dest[2]}", token("dest", [], { first: 2, last: 2 })],
  ["%{dest[-1]}", token("dest", [], { first: -1, last: -1 })],
  ["%{dest[0:3]}", token("dest", [], { first: 0, last: 3 })],
  ["%{dest[:3]}", token("dest", [], { first: 0, last: 3 })],
  ["%{dest[2:]}", token("dest", [], { first: 2, last: -1 })],
  ["%{dest[:]}", token("dest", [], { first: 0, last: -1 })],
  // All but the last character, as OpenSMTPD has it.
  ["%{dest[0:-1]}", token("dest", [], { first: 0, last: -2 })],
  ["%{dest[-4:-1]}", token("dest", [], { first: -4, last: -2 })],
  ["%{dest[1:3]:strip}", token("dest", ["strip"], { first: 1, last: 3 })],
  ["%{dest:strip[1:3]}", token("dest", ["strip"], { first: 1, last: 3 })],
];

for (const [source, part] of SPECIFIERS) {
  test(`specifier '${source}' is read whole`, () => {
    assert.deepEqual(parseFormat(source), { source, parts: [part] });
  });
}

const FAULTS: readonly (readonly [source: string, reason: string])[] = [
  ["%{dest", "unfinished format specifier: %{dest"],
  ["%{}", "unknown format specifier: %{}"],
  ["%{to}", "unknown format specifier: %{to}"],
  ["%{ dest}", "unknown format specifier: %{ dest}"],
  ["%{mda}", "%{mda} is the command that a wrapper wraps, and means nothing elsewhere"],
  ["%{dest:}", "unknown modifier '' in %{dest:}"],
  ["%{dest:lower}", "unknown modifier 'lower' in %{dest:lower}"],
  ["%{dest:raw|}", "unknown modifier '' in %{dest:raw|}"],
  ["%{dest[]}", "invalid range '[]' in %{dest[]}"],
  ["%{dest[a]}", "invalid range '[a]' in %{dest[a]}"],
  ["%{dest[-]}", "invalid range '[-]' in %{dest[-]}"],
  ["%{dest[3:1]}", "invalid range '[3:1]' in %{dest[3:1]}"],
  ["%{dest[-1:-1]}", "invalid range '[-1:-1]' in %{dest[-1:-1]}"],
  ["%{dest[1025]}", "invalid range '[1025]' in %{dest[1025]}"],
  ["%{dest[1:2:3]}", "invalid range '[1:2:3]' in %{dest[1:2:3]}"],
  ["%{dest[1]:raw[2]}", "two ranges in %{dest[1]:raw[2]}"],
  ["%{dest[1}", "invalid format specifier: %{dest[1}"],
  ["%{dest[1]x}", "invalid format specifier: %{dest[1]x}"],
];

for (const [source, reason] of FAULTS) {
  test(`format '${source}' is refused when it is read`, () => {
    assert.deepEqual(parseFormat(source), { kind: "format-fault", reason });
  });
}

test("wrapper alone knows the wrapped command", () => {
  assert.deepEqual(parseFormat("%{mda}", "wrapper"), { source: "%{mda}", parts: [token("mda")] });
});

test("any text is a format or a fault", () => {
  const piece = fc.constantFrom(
    "%",
    "{",
    "}",
    "[",
    "]",
    ":",
    "|",
    "-",
    "1",
    "dest",
    "raw",
    "~",
    "/",
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const source = pieces.join("");
      const format = parseFormat(source);
      if (!("reason" in format)) assert.equal(format.source, source);
    }),
  );
});
