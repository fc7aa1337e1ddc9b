/**
 * `table …`, and a table where one is used.
 *
 * `table NAME "PATH"`, `[BACKEND:]"PATH"`, `BACKEND`, or the entries in braces. The
 * backends `static` and `file` are one. An unknown backend is a program, `table-BACKEND`.
 *
 * Source: smtpd.conf(5), table(5); OpenSMTPD parse.y.
 */
import type { Place } from "./place.ts";
import type { TableItems, TableMatchSyntax, TableOperand, TableStatement, Word } from "./syntax.ts";
import { Misfit, type TokenReader } from "./token-reader.ts";

/** Backends that read a file, or ask one; without a path they have nothing. */
const FILE_BACKENDS: ReadonlyMap<string, "file" | "db" | "passwd"> = new Map([
  ["static", "file"],
  ["file", "file"],
  ["db", "db"],
  ["passwd", "passwd"],
]);

export function parseTable(reader: TokenReader, at: Place): TableStatement {
  const name = reader.expectString("a table name");
  if (reader.isAtSign("{"))
    return { kind: "table", at, name, source: { kind: "inline", items: parseItems(reader) } };
  if (!reader.isAtString()) reader.failAt(reader.peek(), ["a path in quotes", "'{'"]);
  return { kind: "table", at, name, source: parseSource(name, reader.expectString("a path")) };
}

/** `<NAME>`, a value, or `{ … }`. */
export function parseTableOperand(reader: TokenReader): TableOperand {
  const token = reader.peek();
  if (reader.acceptSign("<")) {
    const { text: name } = reader.expectString("a table name");
    reader.expectSign(">");
    return { kind: "reference", at: token.at, name };
  }
  if (reader.isAtSign("{")) return { kind: "inline", at: token.at, items: parseItems(reader) };
  if (!reader.isAtString()) reader.failAt(token, ["a value", "'<TABLE>'", "'{'"]);
  const value = reader.expectString("a value");
  return { kind: "inline", at: token.at, items: { shape: "list", items: [value] } };
}

/** Whether a table follows, where none need be. */
export function isAtTableMatch(reader: TokenReader): boolean {
  return (
    reader.isAt("regex") || reader.isAtSign("<") || reader.isAtSign("{") || reader.isAtString()
  );
}

/** `T` or `regex T`. */
export function parseTableMatch(reader: TokenReader): TableMatchSyntax {
  const regex = reader.accept("regex");
  return { regex, table: parseTableOperand(reader) };
}

/** `[BACKEND:]PATH`, or a program's name alone. */
function parseSource(table: Word, source: Word): TableStatement["source"] {
  const { text, at } = source;
  if (text.startsWith("/")) return { kind: "file", path: text, at };
  const colon = text.indexOf(":");
  const backend = colon < 0 ? text : text.slice(0, colon);
  const parameter = colon < 0 ? undefined : text.slice(colon + 1);
  const fault = `invalid backend parameter for table: ${table.text}`;
  // `file:"/etc/mail/x"`: within a word that is not quoted, a quote is a character as any other.
  if (parameter?.startsWith('"/') === true)
    throw new Misfit(at, fault, `quotes are around all of it: "${backend}:${parameter.slice(1)}`);
  if (parameter !== undefined && !parameter.startsWith("/"))
    throw new Misfit(at, fault, `the path must be absolute: "${backend}:/…"`);
  const kind = FILE_BACKENDS.get(backend);
  if (kind === undefined) {
    if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/u.test(backend))
      return { kind: "program", backend, parameter, at };
    throw new Misfit(at, `invalid table backend: ${backend}`, "a path must be absolute");
  }
  if (parameter === undefined)
    throw new Misfit(at, fault, `write the path of the file: "${backend}:/…"`);
  return { kind, path: parameter, at };
}

/**
 * `{ ITEM, ITEM }` or `{ KEY = VALUE, … }`. A comma, newlines or nothing at all
 * separates; a comma must be followed by an item.
 */
function parseItems(reader: TokenReader): TableItems {
  reader.expectSign("{");
  reader.skipNewlines();
  const first = reader.expectString("a value");
  if (reader.isAtSign("=") || reader.isAtSign("=>")) {
    const pairs = [parseValueOf(reader, first)];
    while (parseSeparator(reader)) pairs.push(parseValueOf(reader, reader.expectString("a key")));
    return { shape: "mapping", pairs };
  }
  const items = [first];
  while (parseSeparator(reader)) items.push(reader.expectString("a value"));
  return { shape: "list", items };
}

function parseValueOf(reader: TokenReader, key: Word): { key: Word; value: Word } {
  if (!reader.acceptSign("=>") && !reader.acceptSign("=")) reader.failAt(reader.peek(), ["'='"]);
  return { key, value: reader.expectString("a value") };
}

/** False when the list has ended. */
function parseSeparator(reader: TokenReader): boolean {
  if (reader.acceptSign(",")) {
    reader.skipNewlines();
    return true;
  }
  reader.skipNewlines();
  if (reader.acceptSign("}")) return false;
  if (!reader.isAtString()) reader.failAt(reader.peek(), ["','", "'}'"]);
  return true;
}
