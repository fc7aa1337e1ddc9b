/** The lines that a file from before 6.4 is answered with are a configuration of today. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { formatComplaint } from "#model/config/complaint.ts";
import { type ParsedConfig, parseConfig } from "#model/config/parse-config.ts";

const FILE = join(import.meta.dirname, "rogues/rules-of-5.9.conf");
/** Those of its rules that have no answer of lines. */
const WITHOUT_ANSWER = 2;

function parse(text: string): ParsedConfig {
  return parseConfig(
    { file: "smtpd.conf", read: () => text },
    {
      serverName: "mx.example.org",
      interfaces: new Map(),
      enqueueSocketPath: "/run/enqueue.sock",
      macros: new Map(),
    },
  );
}

test("what rules of before 6.4 are answered with is read without an error", () => {
  const lines = readFileSync(FILE, "utf8").split("\n");
  const rules = lines.filter((line) => /^(?:accept|reject) /u.test(line));
  const others = lines.filter((line) => /^(?:table|pki|ca) /u.test(line));
  const { complaints } = parse(lines.join("\n"));
  const answers = complaints.flatMap(({ hint }) =>
    hint.startsWith("write:\n") ? [hint.split("\n").slice(1)] : [],
  );
  assert.equal(answers.length, rules.length - WITHOUT_ANSWER);
  const again = parse(
    ["compat none", "listen on socket", ...others, ...answers.flat(), ""].join("\n"),
  );
  const errors = again.complaints.filter(({ severity }) => severity === "error");
  assert.deepEqual(errors.map(formatComplaint), []);
  const matches = answers.flat().filter((line) => line.trim().startsWith("match "));
  assert.equal(again.config?.rules.length, matches.length);
  assert.equal(matches.length, answers.length, "a rule of then is a rule of today");
});
