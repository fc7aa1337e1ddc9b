/** `table …`, and a table where one is used. Source: smtpd.conf(5), table(5). */
import type { Place } from "./config.ts";
import { isNotBuilt } from "./not-built.ts";
import type { TableItems, TableOperand, TableStatement, Word } from "./syntax.ts";
import { Misfit, notBuilt, type TokenReader } from "./token-reader.ts";

/** Backends that read a whole file at start. */
const FILE_BACKENDS: readonly string[] = ["file", "static"];

export function parseTable(reader: TokenReader, at: Place): TableStatement {
  const name = reader.expectString("a table name");
  if (reader.isAtSign("{")) {
    return { kind: "table", at, name, source: { kind: "inline", items: parseItems(reader) } };
  }
  if (!reader.isAtString()) reader.failAt(reader.peek(), ["a path in quotes", "'{'"]);
  const source = reader.expectString("a path");
  const path = parseBackend(name, source);
  return { kind: "table", at, name, source: { kind: "file", path, at: source.at } };
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
  if (token.kind === "keyword" && isNotBuilt("table operand", token.text)) throw notBuilt(token);
  if (!reader.isAtString()) reader.failAt(token, ["a value", "'<TABLE>'", "'{'"]);
  const value = reader.expectString("a value");
  return { kind: "inline", at: token.at, items: { shape: "list", items: [value] } };
}

/** The path of `[BACKEND:]PATH`. */
function parseBackend(table: Word, source: Word): string {
  if (source.text.startsWith("/")) return source.text;
  const colon = source.text.indexOf(":");
  const backend = colon < 0 ? source.text : source.text.slice(0, colon);
  const path = colon < 0 ? "" : source.text.slice(colon + 1);
  if (path !== "" && !path.startsWith("/"))
    throw new Misfit(
      source.at,
      `invalid backend parameter for table: ${table.text}`,
      `the path must be absolute: "${backend}:/…"`,
    );
  if (!FILE_BACKENDS.includes(backend))
    throw new Misfit(source.at, `table backend '${backend}' is not built yet`);
  if (path === "")
    throw new Misfit(
      source.at,
      `invalid backend parameter for table: ${table.text}`,
      `write the path of the file: "${backend}:/…"`,
    );
  return path;
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
