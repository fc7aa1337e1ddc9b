import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTableFile } from "./table-file.ts";

test("table file of keys is a list of whole lines", () => {
  assert.deepEqual(parseTableFile(" # no\n\n a.example \n\tb.example and more\n"), {
    kind: "table",
    shape: "list",
    entries: [
      { key: "a.example", value: "", line: 3 },
      { key: "b.example and more", value: "", line: 4 },
    ],
  });
});

test("table file of keys and values is a mapping, split at the first blank or colon", () => {
  const result = parseTableFile("root: admin\na\tb c\n[::1]:x\nlist :include:/etc/list\n[x y\n");
  assert.deepEqual(
    result.kind === "table" && result.entries.map(({ key, value }) => [key, value]),
    [
      ["root", "admin"],
      ["a", "b c"],
      ["[::1]", "x"],
      ["list", ":include:/etc/list"],
      ["[x", "y"],
    ],
  );
});

test("table file is a list if its first comment says so, and not if a later one does", () => {
  const marked = parseTableFile("# @list\n2001:db8::1\n");
  assert.equal(marked.kind === "table" && marked.entries[0]?.key, "2001:db8::1");
  const late = parseTableFile("a b\n# @list\nc d\n");
  assert.equal(late.kind === "table" && late.shape, "mapping");
});

test("table file that turns from mapping to list is refused, with its line", () => {
  const fault = { kind: "table-fault", line: 3, reason: "invalid map entry" };
  assert.deepEqual(parseTableFile("a b\n\nc\n"), fault);
});

test("table file without lines counts as an empty mapping", () => {
  assert.deepEqual(parseTableFile("# nothing\n"), { kind: "table", shape: "mapping", entries: [] });
});
