/** Prints tables, where they are declared and where they are used. */
import { unreachable } from "#base/unreachable.ts";
import { isAnonymous } from "./anonymous-table.ts";
import { line, type PrintedLine } from "./printed-line.ts";
import { printWord, quote } from "./quote.ts";
import type { Table, TableMatch } from "./table.ts";

export function printTable(table: Table): PrintedLine {
  return line(`table ${printWord(table.name)} ${printSource(table)}`, table.at);
}

/** `<NAME>`, a value or `{ … }`. */
export function printOperand(table: Table): string {
  if (!isAnonymous(table)) return `<${printWord(table.name)}>`;
  const isOneValue = table.shape === "list" && table.entries.size === 1;
  return isOneValue ? [...table.entries.keys()].map(printWord).join("") : printItems(table);
}

export function printMatch({ table, regex }: TableMatch): string {
  return regex ? `regex ${printOperand(table)}` : printOperand(table);
}

/** `NAME` or `{ NAME, NAME }`, for lists of things that have names. */
export function printNames(named: readonly { readonly name: string }[]): string {
  const names = named.map(({ name }) => printWord(name));
  return names.length === 1 ? names.join("") : `{ ${names.join(", ")} }`;
}

function printSource(table: Table): string {
  const { source } = table;
  switch (source.kind) {
    case "file":
    case "db":
    case "passwd":
      return quote(`${source.kind}:${source.path}`);
    case "program":
      return source.parameter === undefined
        ? printWord(source.backend)
        : quote(`${source.backend}:${source.parameter}`);
    case "inline":
    case "builtin":
      return printItems(table);
    default:
      return unreachable(source);
  }
}

function printItems(table: Table): string {
  const items = Array.from(table.entries, ([key, value]) =>
    table.shape === "list" ? printWord(key) : `${printWord(key)} = ${printWord(value)}`,
  );
  return `{ ${items.join(", ")} }`;
}
