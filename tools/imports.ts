/**
 * Reads which modules a source file imports, and its code without comments and
 * quoted texts. By pattern and not by parsing: the formatter puts every import at
 * the start of a line, which is what makes that safe.
 */

/** One module that a file names. */
export interface Import {
  readonly specifier: string;
  /** Names taken from it; `["*"]` for a namespace, a default, or an `import(…)`. */
  readonly names: readonly string[];
  /** True for `export … from`. */
  readonly reexported: boolean;
  /** Counts from 1. */
  readonly line: number;
}

const FROM =
  /^(import|export)\s+(?:type\s+)?(\*(?:\s+as\s+\w+)?|\{[^}]*\}|\w+(?:\s*,\s*\{[^}]*\})?)\s+from\s+["']([^"']+)["']/gm;
const WITHOUT_NAMES = /^import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;

const QUOTED = `"(?:[^"\\\\\\n]|\\\\.)*"|'(?:[^'\\\\\\n]|\\\\.)*'|\`(?:[^\`\\\\]|\\\\.)*\``;
const COMMENT_OR_QUOTED = new RegExp(`(${QUOTED})|/\\*[\\s\\S]*?\\*/|//[^\\n]*`, "g");

/** Every module that `source` names, in the order of the file. */
export function importsOf(source: string): readonly Import[] {
  const text = withoutComments(source);
  const found: Import[] = [];
  const lineAt = (offset: number): number => text.slice(0, offset).split("\n").length;
  for (const match of text.matchAll(FROM)) {
    const [, keyword, clause = "", specifier = ""] = match;
    const reexported = keyword === "export";
    found.push({ specifier, names: namesIn(clause), reexported, line: lineAt(match.index) });
  }
  for (const match of text.matchAll(WITHOUT_NAMES)) {
    const specifier = match[1] ?? match[2] ?? "";
    found.push({ specifier, names: ["*"], reexported: false, line: lineAt(match.index) });
  }
  return found.toSorted((a, b) => a.line - b.line);
}

/** `source` with every comment blanked out; line numbers stay. */
function withoutComments(source: string): string {
  return source.replace(COMMENT_OR_QUOTED, (whole, quoted?: string) => quoted ?? blank(whole));
}

/** `source` with every comment and quoted text blanked out; line numbers stay. */
export function withoutText(source: string): string {
  return source.replace(COMMENT_OR_QUOTED, (whole, quoted?: string) =>
    // Code inside `${…}` must stay visible, so a template with some is left as it is.
    quoted?.startsWith("`") && quoted.includes("${") ? quoted : blank(whole),
  );
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}

function namesIn(clause: string): readonly string[] {
  const braces = /\{([^}]*)\}/.exec(clause)?.[1];
  if (braces === undefined || !clause.startsWith("{")) return ["*"];
  const names = braces.split(",").map((name) => name.trim());
  return names
    .filter((name) => name !== "")
    .map((name) => name.replace(/^type\s+/, "").replace(/\s+as\s.*$/, ""));
}
