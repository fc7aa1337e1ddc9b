/** smtpd.conf: a meaning or complaints, for any text; what was read can be printed. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatComplaint, MAX_COMPLAINTS } from "#model/config/complaint.ts";
import type { BuildContext } from "#model/config/config-source.ts";
import { KEYWORDS } from "#model/config/keywords.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import { printConfig } from "#model/config/print-config.ts";
import { checkRegex, checkRegexTable } from "#policy/tables/regex.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

const EXAMPLES = join(import.meta.dirname, "../../test/conf");

const CONTEXT: BuildContext = {
  serverName: "mx.example.org",
  interfaces: new Map([["lo", ["127.0.0.1", "::1"]]]),
  egress: [],
  enqueueSocketPath: "/run/enqueue.sock",
  macros: new Map([["m", "listen on"]]),
  checkRegex,
  checkRegexTable,
};

export const config: FuzzTarget = {
  name: "config",
  words: [
    ...[...KEYWORDS].map((word) => `${word} `),
    "{",
    "}",
    "<",
    ">",
    "!",
    "=>",
    ",",
    "$m",
    '"',
    "'",
    "#",
    "\\\n",
    "\n",
  ],
  seeds: () =>
    readdirSync(EXAMPLES)
      .filter((name) => name.endsWith(".conf"))
      .map((name) => readFileSync(join(EXAMPLES, name), "latin1")),
  run: (input) => {
    const text = input.toString("utf8");
    const source = { file: "fuzz", read: () => text, readHead: () => input };
    const { config: read, complaints } = parseConfig(source, CONTEXT);
    assert.ok(complaints.length <= 2 * MAX_COMPLAINTS, `${complaints.length} complaints`);
    for (const complaint of complaints)
      assert.doesNotMatch(formatComplaint(complaint), /(?![\t\n])\p{Cc}/u);
    assert.equal(
      read === undefined,
      complaints.some(({ severity }) => severity === "error"),
    );
    if (read !== undefined) printConfig(read);
  },
};
