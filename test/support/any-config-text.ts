/** What must hold of any text that is read as smtpd.conf, whatever is in it. */
import assert from "node:assert/strict";
import { formatComplaint, MAX_COMPLAINTS } from "#model/config/complaint.ts";
import type { BuildContext } from "#model/config/config-source.ts";
import { parseConfig } from "#model/config/parse-config.ts";
import { printConfig } from "#model/config/print-config.ts";
import { checkRegex, checkRegexTable } from "#policy/tables/regex.ts";

const CONTEXT: BuildContext = {
  serverName: "mx.example.org",
  interfaces: new Map([["lo", ["127.0.0.1", "::1"]]]),
  egress: [],
  enqueueSocketPath: "/run/enqueue.sock",
  macros: new Map([["m", "listen on"]]),
  checkRegex,
  checkRegexTable,
};

/**
 * Reads `text`, which includes and table files are as well: it has a meaning that can be
 * printed, or complaints, bounded and printable. `head` is what stands in a `db:` file.
 */
export function readAnyConfig(text: string, head: Uint8Array = Buffer.from(text)): void {
  for (const compat of ["none", "opensmtpd"] as const) {
    const source = { file: "fuzz", read: () => text, readHead: () => head };
    const { config, complaints } = parseConfig(source, { ...CONTEXT, compat });
    assert.ok(complaints.length <= 2 * MAX_COMPLAINTS, `${complaints.length} complaints`);
    for (const complaint of complaints)
      assert.doesNotMatch(formatComplaint(complaint), /(?![\t\n])\p{Cc}/u);
    const hasErrors = complaints.some(({ severity }) => severity === "error");
    assert.equal(config === undefined, hasErrors);
    if (config !== undefined) printConfig(config);
  }
}
