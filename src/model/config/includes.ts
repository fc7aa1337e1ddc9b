/**
 * The files that aliases include (`include:/PATH`): read with the configuration, since
 * who expands an alias may read no file. A file may include others.
 *
 * A file that cannot be read, or not understood, is a warning: mail for the alias is
 * deferred until somebody mends it (OpenSMTPD: left out, so that nobody misses it).
 *
 * Source: aliases(5); OpenSMTPD aliases.c (aliases_expand_include).
 */
import { parseExpansionFile, parseExpansionList } from "#model/expansion-list.ts";
import type { Action } from "./action.ts";
import type { ComplaintList } from "./complaint.ts";
import type { ReadFile } from "./config-source.ts";
import type { Place } from "./place.ts";
import type { Table } from "./table.ts";

/** Files of one configuration. */
const MAX_INCLUDES = 1000;
/** Of all of them: they travel with the configuration. */
const MAX_INCLUDED_LENGTH: number = 32 * 1024 * 1024;

/** A path, and the line that names it. */
interface Wanted {
  readonly path: string;
  readonly at: Place;
}

/** The texts of all that the tables of `actions` include, by path; a file that could not be read is not there. */
export function loadIncludes(
  actions: Iterable<Action>,
  read: ReadFile,
  complaints: ComplaintList,
): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  const wanted = [...aliasTables(actions)].flatMap(pathsInTable);
  const asked = new Set<string>();
  let length = 0;
  // Grows while it is walked: included files include others.
  for (const { path, at } of wanted) {
    if (asked.has(path)) continue;
    asked.add(path);
    if (asked.size > MAX_INCLUDES) {
      complaints.warning(at, `more than ${MAX_INCLUDES} included files: ${path} is not read`);
      return texts;
    }
    const text = read(path);
    if (typeof text !== "string") {
      complaints.warning(at, `cannot read ${path}: ${text.message}`, DEFERRED);
      continue;
    }
    length += text.length;
    if (length > MAX_INCLUDED_LENGTH) {
      complaints.warning(at, `included files are too large: ${path} is not kept`, DEFERRED);
      return texts;
    }
    texts.set(path, text);
    const list = parseExpansionFile(text);
    if (list.kind === "expansion-fault") {
      const { line, column } = list;
      complaints.warning({ file: path, line, column }, list.reason, DEFERRED);
      continue;
    }
    for (const node of list.nodes)
      if (node.kind === "include") wanted.push({ path: node.path, at });
  }
  return texts;
}

const DEFERRED = "mail for the alias is deferred as long";

function aliasTables(actions: Iterable<Action>): ReadonlySet<Table> {
  const tables = new Set<Table>();
  for (const action of actions) {
    if (action.kind !== "relay" && action.aliases !== undefined) tables.add(action.aliases.table);
  }
  return tables;
}

function pathsInTable(table: Table): readonly Wanted[] {
  const wanted: Wanted[] = [];
  for (const value of table.entries.values()) {
    if (!/include:/iu.test(value)) continue;
    const list = parseExpansionList(value);
    if (list.kind === "expansion-fault") continue;
    for (const node of list.nodes)
      if (node.kind === "include") wanted.push({ path: node.path, at: table.at });
  }
  return wanted;
}
