/**
 * Where an action means less than the same line does in OpenSMTPD: its file has no
 * `forward-file` and no `allow-exec` (nooSMTPD), so nobody can tell whether it was
 * written for one or the other.
 *
 * Told only where mail would take another way than before, and not to a file that knows
 * the words: one `forward-file` anywhere says that its author does; so does `compat
 * none`. An action with `user` delivers to one account for all, whose forward file
 * nobody has in mind. Aliases are told about if a table that can be read holds a command
 * or file.
 */
import { parseExpansionList } from "#model/expansion-list.ts";
import type { Action, LocalAction } from "./action.ts";
import { isAnonymous } from "./anonymous-table.ts";
import type { BuildScope } from "./build-scope.ts";
import { formatPlace } from "./place.ts";
import type { Table } from "./table.ts";
import type { LoadedEntry } from "./table-load.ts";

export function warnOfActionDifferences(actions: Iterable<Action>, scope: BuildScope): void {
  if (!scope.tellsDifferences) return;
  const local = [...actions].filter((action) => action.kind !== "relay");
  const knowsForwardFiles = local.some(({ forwardFile }) => forwardFile !== undefined);
  for (const action of local) {
    if (!knowsForwardFiles) warnOfForwardFile(action, scope);
    warnOfExec(action, scope);
  }
}

function warnOfForwardFile(action: LocalAction, { complaints }: BuildScope): void {
  if (action.user !== undefined || action.kind === "expand-only") return;
  // It has been told as a mistake.
  if (action.kind === "forward-only" && action.aliases === undefined) return;
  complaints.difference(
    action.at,
    `action ${action.name}: ~/.forward is not looked at`,
    "write 'forward-file' if it shall be, or 'compat none' if not",
  );
}

function warnOfExec(action: LocalAction, { complaints, tables }: BuildScope): void {
  const { aliases, places, name } = action;
  if (aliases === undefined || aliases.allowExec) return;
  const entry = tables.entries(aliases.table).find(holdsExec);
  if (entry === undefined) return;
  complaints.difference(
    places[aliases.kind] ?? action.at,
    `action ${name}: mail to ${entry.key.text} is deferred, as it goes to a command or file`,
    `see ${formatPlace(entry.key.at)}; '${aliases.kind} ${operandOf(aliases.table)} allow-exec' lets it`,
  );
}

function holdsExec({ value }: LoadedEntry): boolean {
  // Most entries of a large table need not be read.
  if (!/[|/]/u.test(value.text)) return false;
  const list = parseExpansionList(value.text);
  if (list.kind === "expansion-fault") return false;
  return list.nodes.some(({ kind }) => kind === "pipe" || kind === "file");
}

function operandOf(table: Table): string {
  return isAnonymous(table) ? "{ … }" : `<${table.name}>`;
}
