/**
 * The command line of makemap(8), and the one that sendmail's has: `makemap TYPE OUT`,
 * which reads the standard input and makes `OUT.db`.
 */
import { readOptions } from "./command-line.ts";
import { MAP_TYPES, type MapType } from "./map-entries.ts";

export const MAKEMAP_USAGE: string =
  "usage: makemap [-U] [-d hash|btree] [-o out] [-t aliases|set] file\n" +
  "       makemap hash|btree out < file";

/** The standard input in the place of a file. */
export const STANDARD_INPUT = "-";

export type MakemapArguments =
  | { readonly kind: "make"; readonly source: string; readonly out: string; readonly type: MapType }
  /** -U: prints the entries. */
  | { readonly kind: "dump"; readonly file: string }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly message: string };

/** Formats of OpenSMTPD's database. A SQLite file is what is made whatever is asked for. */
const FORMATS: readonly string[] = ["hash", "btree"];

const OPTIONS = {
  U: { type: "boolean", short: "U", default: false },
  d: { type: "string", short: "d", default: "hash" },
  h: { type: "boolean", short: "h", default: false },
  o: { type: "string", short: "o" },
  t: { type: "string", short: "t", default: "mapping" },
} as const;

export function parseMakemapArguments(words: readonly string[]): MakemapArguments {
  const line = readOptions(words, OPTIONS);
  if (line.kind === "wrong") return wrong(line.why);
  const { values, words: positionals } = line;
  if (values.h) return { kind: "help" };
  const [first, second, ...more] = positionals;
  if (first === undefined) return wrong("a file is missing");
  if (second !== undefined) {
    if (more.length > 0 || words.length > positionals.length) return wrong("too many arguments");
    return sendmailForm(first, second);
  }
  if (values.U) return { kind: "dump", file: first };
  return makeFrom(first, values);
}

function makeFrom(
  source: string,
  { d: format, o: out, t: type }: { d: string; o?: string; t: string },
): MakemapArguments {
  if (!FORMATS.includes(format)) return wrong(`unsupported format: ${format}`);
  if (!isMapType(type)) return wrong(`unsupported type: ${type}`);
  if (out === undefined && source === STANDARD_INPUT)
    return wrong("the standard input has no name: -o says where to write");
  return { kind: "make", source, out: out ?? `${source}.db`, type };
}

function sendmailForm(format: string, name: string): MakemapArguments {
  if (!FORMATS.includes(format)) return wrong(`unsupported format: ${format}`);
  const out = name.endsWith(".db") ? name : `${name}.db`;
  return { kind: "make", source: STANDARD_INPUT, out, type: "mapping" };
}

function isMapType(word: string): word is MapType {
  return (MAP_TYPES as readonly string[]).includes(word);
}

function wrong(message: string): MakemapArguments {
  return { kind: "wrong", message };
}
