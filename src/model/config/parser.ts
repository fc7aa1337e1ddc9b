/**
 * From tokens to the syntax tree: one statement a line, each read by the file that
 * is named for it.
 *
 * Macros and included files take effect at the end of the line that names them.
 * A line that does not fit costs one complaint; reading goes on after it.
 *
 * Source: smtpd.conf(5); OpenSMTPD parse.y.
 */
import type { ComplaintList } from "./complaint.ts";
import type { ReadFile } from "./config-source.ts";
import { MAX_INCLUDE_DEPTH, MAX_INCLUDED_FILES } from "./defaults.ts";
import { Lexer } from "./lexer.ts";
import { LEGACY_STATEMENTS } from "./legacy.ts";
import { parseAction } from "./parse-action.ts";
import { parseFilter, parseProc } from "./parse-filter.ts";
import { parseMda, parseMta, parseScheduler } from "./parse-limits.ts";
import { parseListen } from "./parse-listen.ts";
import { parseMatch } from "./parse-match.ts";
import { parseOAuth } from "./parse-oauth.ts";
import { parseCa, parsePki } from "./parse-pki.ts";
import {
  parseAdmd,
  parseBounce,
  parseCompat,
  parseQueue,
  parseSrs,
  parseTrace,
} from "./parse-settings.ts";
import { parseSmtp } from "./parse-smtp.ts";
import { parseTable } from "./parse-table.ts";
import type { Place } from "./place.ts";
import type { Statement, Word } from "./syntax.ts";
import { keywordHint, meantHint, Misfit, TokenReader } from "./token-reader.ts";

/** What one line says: a statement, or something to the parser itself. */
type Line =
  | Statement
  | { readonly kind: "macro"; readonly name: Word; readonly value: string }
  | { readonly kind: "include"; readonly path: Word };

type ParseStatement = (reader: TokenReader, at: Place) => Line;

const STATEMENTS: ReadonlyMap<string, ParseStatement> = new Map<string, ParseStatement>([
  ["action", parseAction],
  ["admd", parseAdmd],
  ["bounce", parseBounce],
  ["ca", parseCa],
  ["compat", parseCompat],
  ["filter", parseFilter],
  ["include", (reader) => ({ kind: "include", path: reader.expectString("a path in quotes") })],
  ["listen", parseListen],
  ["match", parseMatch],
  ["mda", parseMda],
  ["mta", parseMta],
  ["oauth", parseOAuth],
  ["pki", parsePki],
  ["proc", parseProc],
  ["queue", parseQueue],
  ["scheduler", parseScheduler],
  ["smtp", parseSmtp],
  ["srs", parseSrs],
  ["table", parseTable],
  ["trace", parseTrace],
]);

export interface ParserInput {
  readonly file: string;
  readonly text: string;
  readonly read: ReadFile;
  /** Macros that win over definitions in the text. */
  readonly macros: ReadonlyMap<string, string>;
}

export function parse(input: ParserInput, complaints: ComplaintList): readonly Statement[] {
  const lexer = new Lexer(input.macros);
  const reader = new TokenReader(lexer, complaints);
  const statements: Statement[] = [];
  const openFile = (name: string, text: string): void => {
    complaints.addFile(name, text);
    lexer.openFile(name, text);
  };
  let includedFiles = 0;
  openFile(input.file, input.text);
  for (;;) {
    reader.skipNewlines();
    if (reader.peek().kind === "end" || complaints.isFull) return statements;
    const line = reader.readStatement(() => parseLine(reader));
    if (line === undefined) continue;
    if (line.kind === "macro") {
      lexer.defineMacro(line.name.text, line.value);
    } else if (line.kind === "include") {
      includedFiles++;
      const isTooMuch = lexer.fileDepth > MAX_INCLUDE_DEPTH || includedFiles > MAX_INCLUDED_FILES;
      const path = resolveBeside(line.path.at.file, line.path.text);
      const text = isTooMuch ? TOO_MANY_INCLUDES : input.read(path);
      if (typeof text === "string") openFile(path, text);
      else complaints.error(line.path.at, `failed to include file ${path}`, text.message);
    } else {
      statements.push(line);
    }
  }
}

const TOO_MANY_INCLUDES = {
  kind: "files-fault",
  code: "ELOOP",
  message: `at most ${MAX_INCLUDE_DEPTH} files within each other, ${MAX_INCLUDED_FILES} in all`,
} as const;

function parseLine(reader: TokenReader): Line {
  const token = reader.peek();
  const isWord = token.kind === "keyword" || token.kind === "word" || token.kind === "quoted";
  if (!isWord) return reader.failAt(token, ["a statement"]);
  reader.take();
  if (token.kind !== "keyword" && reader.acceptSign("=")) return parseMacro(reader, token);
  if (token.kind !== "quoted" && !reader.isAtSign("=")) {
    const parseStatement = STATEMENTS.get(token.text) ?? LEGACY_STATEMENTS.get(token.text);
    if (parseStatement !== undefined) return parseStatement(reader, token.at);
  }
  const isMacro = reader.isAtSign("=");
  const hint = isMacro ? keywordHint(token) : meantHint(token.text, [...STATEMENTS.keys()]);
  return reader.failAt(token, ["a statement or NAME = VALUE"], hint);
}

function parseMacro(reader: TokenReader, name: Word): Line {
  if (/\s/u.test(name.text)) throw new Misfit(name.at, "macro name cannot contain whitespace");
  if (!/^[A-Za-z0-9_]+$/u.test(name.text))
    throw new Misfit(name.at, `invalid macro name: ${name.text}`, "use letters, digits and '_'");
  const value = reader.peek();
  if (value.kind === "number") {
    reader.take();
    return { kind: "macro", name, value: value.text };
  }
  return { kind: "macro", name, value: reader.expectString("a value in quotes").text };
}

/** A relative path is beside the file that names it, not in the daemon's working folder. */
function resolveBeside(file: string, path: string): string {
  if (path.startsWith("/")) return path;
  return file.slice(0, file.lastIndexOf("/") + 1) + path;
}
