/**
 * The entries of a map, from its text: what makemap(8) checks before it writes.
 *
 * The text is that of a table file (table(5)). Keys are stored in lower case, so two that
 * differ in case only are the same.
 *
 * Source: makemap(8); OpenSMTPD makemap.c.
 */
import type { StoredEntry } from "#base/ports/table-files.ts";
import { parseExpansionList } from "#model/expansion-list.ts";
import { MAX_STORED_KEY_LENGTH, MAX_STORED_VALUE_BYTES, storedKey } from "#model/table-database.ts";
import { parseTableFile, type TableFileEntry } from "#model/config/table-file.ts";

export const MAP_TYPES = ["mapping", "aliases", "set"] as const;
/** "aliases": a mapping to lists of recipients. "set": each line is a key. */
export type MapType = (typeof MAP_TYPES)[number];

export type MapEntries =
  | { readonly kind: "entries"; readonly entries: readonly StoredEntry[] }
  | { readonly kind: "faults"; readonly faults: readonly MapFault[] };

export interface MapFault {
  /** Counts from 1. */
  readonly line: number;
  readonly message: string;
}

/** After this many the rest is not worth reading. */
const MAX_FAULTS = 50;

export function mapEntries(text: string, type: MapType): MapEntries {
  const parsed = parseTableFile(text, type === "set" ? "list" : "mapping");
  if (parsed.kind === "table-fault") throw new TypeError("Cannot be: it is told what the text is");
  const faults: MapFault[] = [];
  const values = new Map<string, string>();
  for (const entry of parsed.entries) {
    const key = storedKey(entry.key);
    const reason = entryFault({ ...entry, key }, type);
    if (reason !== undefined)
      faults.push({ line: entry.line, message: `invalid entry: ${reason}` });
    else if (values.has(key))
      faults.push({ line: entry.line, message: `duplicate entry for ${key}` });
    else values.set(key, entry.value);
    if (faults.length === MAX_FAULTS) break;
  }
  if (faults.length > 0) return { kind: "faults", faults };
  return { kind: "entries", entries: Array.from(values, ([key, value]) => ({ key, value })) };
}

function entryFault({ key, value }: TableFileEntry, type: MapType): string | undefined {
  if (key === "") return "a value without a key";
  if (value === "" && type !== "set") return "a key without a value";
  if (key.length > MAX_STORED_KEY_LENGTH)
    return `the key has more than ${MAX_STORED_KEY_LENGTH} characters`;
  if (/\p{Cc}/u.test(key)) return "a control character is part of no key";
  if (Buffer.byteLength(value) > MAX_STORED_VALUE_BYTES)
    return `the value has more than ${MAX_STORED_VALUE_BYTES} bytes`;
  if (type !== "aliases") return undefined;
  const list = parseExpansionList(value);
  if (list.kind === "expansion-fault") return list.reason;
  return list.nodes.length === 0 ? "it names nobody" : undefined;
}
