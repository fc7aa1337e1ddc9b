/**
 * The text of a table file, table(5).
 *
 * The first line that is not blank or a comment decides: a key alone makes a list,
 * of whole lines; a key and a value make a mapping. A comment `# @list` before it
 * makes a list whatever the items look like, which bare IPv6 addresses need.
 *
 * Source: OpenSMTPD table(5); table_static.c.
 */

export interface TableFileEntry {
  readonly key: string;
  /** "" in a list. */
  readonly value: string;
  /** Counts from 1. */
  readonly line: number;
}

export type TableFileResult =
  | {
      readonly kind: "table";
      readonly shape: "list" | "mapping";
      readonly entries: readonly TableFileEntry[];
    }
  | { readonly kind: "table-fault"; readonly line: number; readonly reason: string };

/**
 * @param as what it is, whatever its first line looks like; makemap(8) is told so, and says
 *   itself what is wrong with an entry: one of a mapping may have the value "".
 */
export function parseTableFile(text: string, as?: "list" | "mapping"): TableFileResult {
  const entries: TableFileEntry[] = [];
  let shape = as;
  for (const [index, raw] of text.split("\n").entries()) {
    const content = raw.trim();
    const line = index + 1;
    if (/^#\s*@list$/u.test(content)) shape ??= "list";
    if (content === "" || content.startsWith("#")) continue;
    const [key, value] = splitLine(content);
    shape ??= value === "" ? "list" : "mapping";
    if (shape === "list") entries.push({ key: content, value: "", line });
    else if (value === "" && as === undefined)
      return { kind: "table-fault", line, reason: "invalid map entry" };
    else entries.push({ key, value, line });
  }
  return { kind: "table", shape: shape ?? "mapping", entries };
}

/** The key ends at a blank or colon, or at the bracket that closes an address. */
function splitLine(line: string): readonly [key: string, value: string] {
  const bracket = line.startsWith("[") ? line.indexOf("]") : -1;
  const end = bracket < 0 ? line.search(/[ \t:]/u) : bracket + 1;
  if (end < 0) return [line, ""];
  // One separator goes: `key : value` has the value `: value`, and `:include:` relies on that.
  return [line.slice(0, end), line.slice(end + 1).trimStart()];
}
