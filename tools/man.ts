/**
 * Makes pages for man(1) from the Markdown of man/: `npm run man [FOLDER]`.
 *
 * Writes FOLDER/man1/smtp.1 and so on, `build/man` by default, so that
 * `man -M build/man smtpd.conf` shows one. Uses the macros of man(7) and tbl(1), which
 * groff and mandoc both have. Nothing of it is committed: the Markdown is the source.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path/posix";
import { unreachable } from "#base/unreachable.ts";
import {
  type Block,
  type Inline,
  type ManualPage,
  plainText,
  readManualPage,
} from "#test/support/manual-page.ts";

/** A column of a table with more characters than this in a cell is filled. */
const MAX_UNFILLED = 36;

const SOURCES = "man/*.[1-8].md";

/** As man(1) titles the sections that we have pages in. */
const MANUALS: Readonly<Record<string, string>> = {
  "1": "General Commands Manual",
  "5": "File Formats Manual",
  "8": "System Manager's Manual",
};

const FONTS = { text: "", code: "B", emphasis: "I" } as const;

/** Characters that roff would take for something else, or print as something else. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\\", "\\e"],
  ["-", "\\-"],
  ["'", "\\(aq"],
  ["`", "\\(ga"],
  ["^", "\\(ha"],
  ["~", "\\(ti"],
  ['"', "\\(dq"],
]);

/** The page in the language of roff. */
export function roffOf(page: ManualPage): string {
  const { name, section, parts } = page;
  const title = `.TH ${name.toUpperCase()} ${section} "" Postrider "${MANUALS[section] ?? ""}"`;
  const hasTable = parts.some(({ blocks }) => blocks.some(({ kind }) => kind === "table"));
  const lines = [...(hasTable ? [`'\\" t`] : []), title, ".nh", ".ad l"];
  let last = "";
  for (const part of parts) {
    if (part.section !== last) lines.push(".SH", textOf([{ kind: "text", text: part.section }]));
    last = part.section;
    if (part.heading !== undefined) lines.push(".SS", textOf(part.heading));
    const body = part.blocks.flatMap(linesOf);
    // A heading begins a paragraph; mandoc warns of another.
    lines.push(...(body[0] === ".PP" ? body.slice(1) : body));
  }
  return `${lines.join("\n")}\n`;
}

function linesOf(block: Block): readonly string[] {
  switch (block.kind) {
    case "heading":
      return [];
    case "paragraph":
      return [".PP", textOf(block.inlines)];
    case "list":
      return block.items.flatMap(itemLines);
    case "table":
      return tableLines(block.rows);
    case "code":
      return [
        ".PP",
        ".RS 4",
        ".nf",
        ...block.text.trimEnd().split("\n").map(codeLine),
        ".fi",
        ".RE",
      ];
    default:
      return unreachable(block);
  }
}

/** A term and what is said about it, or a plain item. */
function itemLines(inlines: readonly Inline[]): readonly string[] {
  const at = inlines.findIndex(({ kind }) => kind === "break");
  if (at === -1) return [".IP \\(bu 2", textOf(inlines)];
  return [".TP", textOf(inlines.slice(0, at)), textOf(inlines.slice(at + 1))];
}

/** A wide column takes what is left of the line, and is filled as text is. A table may be longer than a page. */
function tableLines(rows: readonly (readonly (readonly Inline[])[])[]): readonly string[] {
  const [header = [], ...body] = rows;
  const isWide = header.map((_, column) =>
    rows.some((row) => plainText(row[column] ?? []).length > MAX_UNFILLED),
  );
  const cellOf = (inlines: readonly Inline[], column: number): string =>
    isWide[column] === true ? `T{\n${textOf(inlines)}\nT}` : textOf(inlines);
  const title = header.map((inlines) => textOf([{ kind: "emphasis", text: plainText(inlines) }]));
  return [
    ".PP",
    ".TS",
    "nokeep;",
    `${isWide.map((wide) => (wide ? "lx" : "l")).join(" ")}.`,
    title.join("\t"),
    ...body.map((row) => row.map(cellOf).join("\t")),
    ".TE",
  ];
}

/** One line: `.` and `'` at its start would be a request. */
function textOf(inlines: readonly Inline[]): string {
  const line = inlines
    .map(({ kind, text }) => {
      if (kind === "break") return " ";
      if (kind === "text") return withReferences(escape(text));
      return `\\f${FONTS[kind]}${escape(text)}\\fR`;
    })
    .join("");
  return /^[.']/u.test(line) ? `\\&${line}` : line;
}

/** Names of other pages in bold, as in smtpd(8). */
function withReferences(text: string): string {
  return text.replaceAll(/([a-z.]*(?:\\-)?[a-z]+)(\([1-8]\))/gu, "\\fB$1\\fR$2");
}

function codeLine(line: string): string {
  const text = escape(line.replaceAll("\t", "        "));
  return /^[.']/u.test(text) ? `\\&${text}` : text;
}

function escape(text: string): string {
  return text.replaceAll(/[^\w\s,.;:()[\]{}<>=!#$%&*/?@|+]/gu, (character) => {
    const known = ESCAPES.get(character);
    if (known !== undefined) return known;
    const code = character.codePointAt(0) ?? 0;
    return `\\[u${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

if (import.meta.main) {
  const target = process.argv[2] ?? "build/man";
  for (const path of globSync(SOURCES).toSorted()) {
    const page = readManualPage(readFileSync(path, "utf8"));
    const folder = join(target, `man${page.section}`);
    mkdirSync(folder, { recursive: true });
    const file = join(folder, basename(path, ".md"));
    writeFileSync(file, roffOf(page));
    console.log(file);
  }
}
