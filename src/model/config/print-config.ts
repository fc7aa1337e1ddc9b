/**
 * Prints the meaning of a configuration as a configuration: macros and includes
 * resolved, defaults written out, every word where it belongs. Read again in the
 * same context it means the same.
 */
import { isDeclared } from "./anonymous-table.ts";
import type { Config } from "./config.ts";
import { printAction } from "./print-action.ts";
import { printCa, printFilter, printPki, printProc, printWrapper } from "./print-filter.ts";
import { printListener } from "./print-listener.ts";
import { printOAuth } from "./print-oauth.ts";
import { printRule } from "./print-rule.ts";
import { printLimits, printSettings } from "./print-settings.ts";
import { printTable } from "./print-table.ts";
import { formatLine, formatLineWithPlaces, line, type PrintedLine } from "./printed-line.ts";

/** Limits that nobody has set are left out. Ends in a newline. */
export function printConfig(config: Config): string {
  return print(sectionsOf(config, "set"), formatLine);
}

/** Everything, each line with where it comes from: a line of a file, or "default". */
export function printConfigWithPlaces(config: Config): string {
  return print(sectionsOf(config, "all"), formatLineWithPlaces);
}

function sectionsOf(config: Config, limits: "all" | "set"): readonly (readonly PrintedLine[])[] {
  const { places, tables, pkis, cas, oauths, procs, filters, mdaWrappers, listeners, actions } =
    config;
  return [
    [line(`compat ${config.compat}`, places.get("compat"))],
    [...tables.values()].filter(isDeclared).map(printTable),
    [
      ...[...pkis.values()].map(printPki),
      ...[...cas.values()].map(printCa),
      ...[...oauths.values()].map(printOAuth),
    ],
    [
      ...[...procs.values()].map(printProc),
      ...Array.from(filters.values(), (filter) => printFilter(filter, config)),
    ],
    printSettings(config),
    printLimits(config, limits),
    [...mdaWrappers.values()].map(printWrapper),
    listeners.map(printListener),
    [...actions.values()].map(printAction),
    config.rules.map(printRule),
  ];
}

/** Sections with an empty line between them. */
function print(
  sections: readonly (readonly PrintedLine[])[],
  format: (printed: PrintedLine) => string,
): string {
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((each) => `${format(each)}\n`).join(""))
    .join("\n");
}
