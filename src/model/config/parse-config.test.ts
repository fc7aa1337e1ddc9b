import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { MAX_NAME_BYTES } from "#model/envelope.ts";
import { parsedText } from "#test/support/config-of.ts";
import { formatComplaint, MAX_COMPLAINTS } from "./complaint.ts";
import { parseMacroArgument } from "./config-source.ts";
import { MAX_ACTION_NAME_LENGTH } from "./defaults.ts";
import { parseConfig } from "./parse-config.ts";
import { formatPlace } from "./place.ts";

test("configuration cannot be changed, not even its maps", () => {
  const { config } = parsedText(
    "table t { a }\nlisten on lo\naction x relay\nmatch for any action x\n",
  );
  assert.ok(config, "it is right");
  const tables = config.tables as Map<string, unknown>;
  const entries = config.tables.get("t")?.entries as Map<string, string>;
  assert.throws(() => tables.delete("t"), TypeError);
  assert.throws(() => tables.clear(), TypeError);
  assert.throws(() => entries.set("b", ""), TypeError);
  assert.throws(() => Object.assign(config.rules[0] ?? {}, { action: "reject" }), TypeError);
});

test("rules refer to the very actions and tables of the configuration", () => {
  const { config } = parsedText("table t { a }\naction x relay\nmatch for domain <t> action x\n");
  const rule = config?.rules[0];
  assert.equal(rule?.action, config?.actions.get("x"));
  const table = config?.tables.get("t");
  assert.ok(table, "table t is there");
  const to = { kind: "domain", match: { table, regex: false } } as const;
  const asked = rule?.criteria[1]?.test;
  assert.deepEqual(asked, { kind: "for", to });
  assert.equal(asked?.kind === "for" && asked.to.kind === "domain" && asked.to.match.table, table);
});

test("file that cannot be read is one complaint", () => {
  const fault = { kind: "files-fault", code: "EACCES", message: "permission denied" } as const;
  const { config, complaints } = parseConfig(
    { file: "/etc/x", read: () => fault },
    {
      serverName: "mx.example.org",
      interfaces: new Map(),
      enqueueSocketPath: "/run/enqueue.sock",
      macros: new Map(),
    },
  );
  assert.equal(config, undefined);
  assert.deepEqual(complaints.map(formatComplaint), ["/etc/x: cannot read: permission denied"]);
});

test("complaints stop at their bound, and say so", () => {
  const { complaints } = parsedText("bogus\n".repeat(MAX_COMPLAINTS * 2));
  assert.equal(complaints.length, MAX_COMPLAINTS);
  assert.equal(complaints.at(-1)?.message, "too many complaints");
});

test("macro of the command line wins over the file's", () => {
  const macros = new Map([["name", "from-argument"]]);
  const text = "name = from_file\nlisten on lo tag $name\nmatch reject\n";
  assert.equal(
    parsedText(text, { machine: { macros } }).config?.listeners[0]?.tag,
    "from-argument",
  );
  assert.equal(parsedText(text).config?.listeners[0]?.tag, "from_file");
});

test("macro argument is split at its last equals sign", () => {
  assert.deepEqual(parseMacroArgument("a=b"), { name: "a", value: "b" });
  assert.deepEqual(parseMacroArgument("a="), { name: "a", value: "" });
  for (const argument of ["", "a", "=b", "a b=c", "a=b=c"])
    assert.equal(parseMacroArgument(argument), undefined, argument);
});

test("caret stands below its column, behind tabs too", () => {
  const { complaints } = parsedText("\t\tlisten\ton\tlo tga X\nmatch reject\n");
  assert.deepEqual(complaints.map(formatComplaint), [
    [
      "smtpd.conf:1:16: unexpected 'tga', expected an option of this line",
      "  \t\tlisten\ton\tlo tga X",
      "  \t\t      \t  \t   ^",
      "  did you mean 'tag'?",
    ].join("\n"),
  ]);
});

test("any text has a meaning or complaints, and no lines of one make the other throw", () => {
  const line = fc.constantFrom(
    "listen on lo",
    "listen on socket",
    "table t { a = b,",
    "}",
    'action x maildir "~/%{dest}"',
    "action y lmtp",
    "match from src <t> for any action x",
    'include "smtpd.conf"',
    "a = '$a",
    "$a",
    "filter f chain {",
    "smtp limit max-rcpt 1",
    "queue ttl 1d \\",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(line, fc.string())), (lines) => {
      const { config, complaints } = parsedText(lines.join("\n"));
      const hasErrors = complaints.some(({ severity }) => severity === "error");
      assert.equal(config === undefined, hasErrors);
    }),
    { numRuns: 300 },
  );
});

test("what an envelope keeps of a rule fits into it", () => {
  const name = "ﷺ".repeat(MAX_ACTION_NAME_LENGTH);
  const lines = ["listen on lo", `action "${name}" relay`, `match for any action "${name}"`];
  const file = `/${"d".repeat(MAX_NAME_BYTES)}`;
  const long = parsedText(lines.join("\n"), { file });
  assert.deepEqual(
    long.complaints.map(({ message }) => message),
    ["the path of this file is too long: envelopes keep it with their rule"],
  );
  const [rule] = parsedText(lines.join("\n"), { file: file.slice(0, -4) }).config?.rules ?? [];
  assert.ok(rule !== undefined && rule.action !== "reject", "a shorter path is right");
  for (const kept of [formatPlace(rule.at), rule.action.name])
    assert.ok(Buffer.byteLength(kept) <= MAX_NAME_BYTES, kept);
});
