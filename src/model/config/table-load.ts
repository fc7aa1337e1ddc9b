/**
 * The entries of a table, from the configuration or the file that it names, each with
 * its place. A table that is asked at each look-up (`db:`, a program) has none here.
 */
import { unreachable } from "#base/unreachable.ts";
import type { ComplaintList } from "./complaint.ts";
import type { FilesFault, ReadFile, ReadHead } from "./config-source.ts";
import { DB_HEAD_BYTES, dbFileFault } from "./db-file.ts";
import { parsePasswdFile } from "./passwd-file.ts";
import type { Place } from "./place.ts";
import type { TableItems, TableStatement, Word } from "./syntax.ts";
import type { Table, TableSource } from "./table.ts";
import { parseTableFile } from "./table-file.ts";

export interface LoadedTable {
  readonly table: Table;
  readonly entries: readonly LoadedEntry[];
  /** What complaints about its entries may show; "" for the configuration itself. */
  readonly text: string;
}

export interface LoadedEntry {
  readonly key: Word;
  /** "" in a list. */
  readonly value: Word;
}

export interface Readers {
  readonly read: ReadFile;
  readonly readHead: ReadHead | undefined;
}

type Named = Pick<TableStatement, "name" | "source">;

/** Undefined if there is a complaint. */
export function loadTable(
  { name, source }: Named,
  readers: Readers,
  complaints: ComplaintList,
): LoadedTable | undefined {
  switch (source.kind) {
    case "inline":
      return loadInline(name.text, name.at, source.items);
    case "file":
    case "passwd":
      return loadFile(name, source, readers.read, complaints);
    case "db": {
      const { kind, path } = source;
      const fault = dbFault(path, readers.readHead);
      if (fault === undefined) return remoteTable(name, { kind, path });
      complaints.error(source.at, invalidFile(path, name.text), fault);
      return undefined;
    }
    case "program": {
      const { kind, backend, parameter } = source;
      return remoteTable(name, { kind, backend, parameter });
    }
    default:
      return unreachable(source);
  }
}

export function loadInline(name: string, at: Place, items: TableItems): LoadedTable {
  const entries = inlineEntries(items);
  return loaded({ name, at, source: { kind: "inline" }, shape: items.shape }, entries, "");
}

/** One of the lists that the server makes. */
export function loadBuiltin(name: string, at: Place, texts: readonly string[]): LoadedTable {
  const entries = texts.map((text) => ({ key: { text, at }, value: { text: "", at } }));
  return loaded({ name, at, source: { kind: "builtin" }, shape: "list" }, entries, "");
}

function loadFile(
  name: Word,
  source: { readonly kind: "file" | "passwd"; readonly path: string; readonly at: Place },
  read: ReadFile,
  complaints: ComplaintList,
): LoadedTable | undefined {
  const { kind, path } = source;
  const text = read(path);
  const message = invalidFile(path, name.text);
  if (typeof text !== "string") {
    complaints.error(source.at, message, text.message);
    return undefined;
  }
  const result = kind === "passwd" ? parsePasswdFile(text) : parseTableFile(text);
  // Its lines hold passwords.
  complaints.addFile(path, kind === "passwd" || result.kind === "table" ? "" : text);
  if (result.kind === "table-fault") {
    complaints.error({ file: path, line: result.line, column: 1 }, result.reason);
    complaints.error(source.at, message);
    return undefined;
  }
  const entries = result.entries.map(({ key, value, line }): LoadedEntry => {
    const at = { file: path, line, column: 1 };
    return { key: { text: key, at }, value: { text: value, at } };
  });
  const table = { name: name.text, at: name.at, source: { kind, path }, shape: result.shape };
  return loaded(table, entries, kind === "passwd" ? "" : text);
}

/** Why the file cannot be a `db:` table; undefined if it can, or if nobody may look. */
function dbFault(path: string, readHead: ReadHead | undefined): string | undefined {
  const head = readHead?.(path, DB_HEAD_BYTES);
  if (head === undefined) return undefined;
  if (isFilesFault(head)) {
    // Whoever checks the file may have fewer rights than who starts the server.
    return head.code === "EACCES" || head.code === "EPERM" ? undefined : head.message;
  }
  const fault = dbFileFault(path, head);
  return fault && `${fault.message}; ${fault.hint}`;
}

function isFilesFault(head: Uint8Array | FilesFault): head is FilesFault {
  return "kind" in head;
}

function invalidFile(path: string, table: string): string {
  return `invalid configuration file ${path} for table ${table}`;
}

function inlineEntries(items: TableItems): readonly LoadedEntry[] {
  if (items.shape === "mapping") return items.pairs;
  return items.items.map((key) => ({ key, value: { text: "", at: key.at } }));
}

function remoteTable(name: Word, source: TableSource): LoadedTable {
  return loaded({ name: name.text, at: name.at, source, shape: "remote" }, [], "");
}

function loaded(
  table: Omit<Table, "entries">,
  entries: readonly LoadedEntry[],
  text: string,
): LoadedTable {
  const pairs = entries.map(({ key, value }): [string, string] => [key.text, value.text]);
  return { table: { ...table, entries: new Map(pairs) }, entries, text };
}
