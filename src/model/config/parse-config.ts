/**
 * Reads smtpd.conf(5): text to tokens to syntax tree to meaning, and everything
 * that is wrong with it in one run.
 *
 * Pure, apart from the `read` that the caller brings. The result is frozen. Any
 * complaint of severity "error" means that there is no configuration.
 */
import { build } from "./build.ts";
import { type Complaint, ComplaintList } from "./complaint.ts";
import type { Config } from "./config.ts";
import type { BuildContext, ConfigSource } from "./config-source.ts";
import { deepFreeze } from "./freeze.ts";
import { hostNamesIn } from "./listen-addresses.ts";
import { parse } from "./parser.ts";

export interface ParsedConfig {
  readonly config: Config | undefined;
  /** In the order of the text. */
  readonly complaints: readonly Complaint[];
  /**
   * Names after `listen on` that have to be looked up (`compat opensmtpd`) and of which
   * the context knows nothing: with their addresses in it, the text is read again.
   */
  readonly hostNames: readonly string[];
}

export function parseConfig(source: ConfigSource, context: BuildContext): ParsedConfig {
  const { file, read, readIncluded = read, readHead } = source;
  const complaints = new ComplaintList();
  const text = read(file);
  if (typeof text !== "string") {
    complaints.error({ file, line: 0, column: 0 }, `cannot read: ${text.message}`);
    return { config: undefined, complaints: complaints.list(), hostNames: [] };
  }
  const statements = parse({ file, text, read, macros: context.macros }, complaints);
  const isPartial = complaints.hasErrors;
  const input = { file, context, read, readIncluded, readHead, isPartial };
  const config = build(statements, input, complaints);
  return {
    config: complaints.hasErrors ? undefined : deepFreeze(config),
    complaints: complaints.list(),
    hostNames: config.compat === "opensmtpd" ? hostNamesIn(statements, context) : [],
  };
}
