/**
 * One token of lookahead, and what a statement may ask of the next token.
 *
 * Where the text does not fit, these throw a Misfit, which only `readStatement`
 * catches: it files the complaint and goes on at the end of the line, or after a
 * list that the line has opened.
 */
import type { ComplaintList } from "./complaint.ts";
import { nearestWord } from "./did-you-mean.ts";
import type { Lexer, Token } from "./lexer.ts";
import type { Place } from "./place.ts";
import type { Amount, Word } from "./syntax.ts";

/** Thrown only while a statement is read, caught only by `readStatement`. */
export class Misfit extends Error {
  override readonly name = "Misfit";
  readonly at: Place;
  readonly hint: string;

  constructor(at: Place, message: string, hint = "") {
    super(message);
    this.at = at;
    this.hint = hint;
  }
}

/** A longer list of words is not shown beside the one that was meant. */
const MAX_LISTED_WORDS = 10;

/** Words that begin a statement after a list that was never closed. */
const SURE_STARTS: ReadonlySet<string> = new Set(["action", "include", "listen", "match", "table"]);

export class TokenReader {
  readonly #lexer: Lexer;
  readonly #complaints: ComplaintList;
  #next: Token | undefined;
  #openBraces = 0;

  constructor(lexer: Lexer, complaints: ComplaintList) {
    this.#lexer = lexer;
    this.#complaints = complaints;
  }

  peek(): Token {
    this.#next ??= this.#lexer.next();
    return this.#next;
  }

  take(): Token {
    const token = this.peek();
    this.#next = undefined;
    if (token.kind === "sign" && token.text === "{") this.#openBraces++;
    if (token.kind === "sign" && token.text === "}") this.#openBraces--;
    return token;
  }

  /**
   * Reads one statement with `read` and the end of its line. Undefined if it did
   * not fit. Whatever `read` looked at beyond that line is not taken.
   */
  readStatement<Result>(read: () => Result): Result | undefined {
    this.#openBraces = 0;
    try {
      const result = read();
      this.expectLineEnd();
      return result;
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      this.#complaints.error(error.at, error.message, error.hint);
      this.#skipLine();
      return undefined;
    }
  }

  /** The next token is the unquoted word `text`. */
  isAt(text: string): boolean {
    const token = this.peek();
    return (token.kind === "keyword" || token.kind === "word") && token.text === text;
  }

  isAtLineEnd(): boolean {
    const { kind } = this.peek();
    return kind === "newline" || kind === "end";
  }

  isAtString(): boolean {
    const { kind } = this.peek();
    return kind === "word" || kind === "quoted";
  }

  /** Takes the unquoted word `text` if it is next. */
  accept(text: string): boolean {
    if (!this.isAt(text)) return false;
    this.take();
    return true;
  }

  isAtSign(text: string): boolean {
    const token = this.peek();
    return token.kind === "sign" && token.text === text;
  }

  acceptSign(text: string): boolean {
    if (!this.isAtSign(text)) return false;
    this.take();
    return true;
  }

  expectSign(text: string): void {
    if (!this.acceptSign(text)) this.failAt(this.peek(), [`'${text}'`]);
  }

  expectWord(text: string): void {
    if (!this.accept(text)) this.failAt(this.peek(), [`'${text}'`]);
  }

  expectLineEnd(): void {
    const token = this.peek();
    if (!this.isAtLineEnd()) this.failAt(token, ["the end of the line"]);
    this.take();
  }

  /** A name or value; `what` says which, as in "a table name". */
  expectString(what: string): Word {
    const token = this.peek();
    if (!this.isAtString()) this.failAt(token, [what], keywordHint(token));
    this.take();
    return { text: token.text, at: token.at };
  }

  /** A whole number, in quotes or not. */
  expectNumber(what: string): Amount {
    const token = this.peek();
    const isDigits = this.isAtString() && /^[0-9]{1,15}$/u.test(token.text);
    if (token.kind !== "number" && !isDigits) this.failAt(token, [what]);
    this.take();
    return { value: Number(token.text), at: token.at };
  }

  /** What stands here, be it a word, in quotes or a number. */
  expectValue(what: string): Word {
    const token = this.peek();
    if (token.kind !== "number") return this.expectString(what);
    this.take();
    return { text: token.text, at: token.at };
  }

  /** `{ NAME, NAME }`: a comma, newlines or nothing at all separates. */
  expectNames(what: string): readonly Word[] {
    this.expectSign("{");
    this.skipNewlines();
    const names = [this.expectString(what)];
    for (;;) {
      const isMore = this.acceptSign(",");
      this.skipNewlines();
      if (!isMore && this.acceptSign("}")) return names;
      names.push(this.expectString(what));
    }
  }

  skipNewlines(): void {
    while (this.peek().kind === "newline") this.take();
  }

  /** Takes the next token, which must be one of `words`. */
  expectOneOf<const Choice extends string>(words: readonly Choice[]): Choice {
    const token = this.peek();
    const isWord = token.kind === "keyword" || token.kind === "word";
    const choice = isWord ? words.find((word) => word === token.text) : undefined;
    if (choice !== undefined) {
      this.take();
      return choice;
    }
    const hint = isWord ? meantHint(token.text, words) : "";
    // A long list says less than the word that was meant.
    const isListed = words.length <= MAX_LISTED_WORDS || hint === "";
    const listed = isListed ? words.map((word) => `'${word}'`) : ["an option of this line"];
    return this.failAt(token, listed, hint);
  }

  /** Refuses `token`, where one of `expected` would have been right. */
  failAt(token: Token, expected: readonly string[], hint = ""): never {
    if (token.kind === "fault") throw new Misfit(token.at, token.text);
    const message = `unexpected ${describe(token)}, expected ${formatChoice(expected)}`;
    throw new Misfit(token.at, message, hint === "" ? signHint(token) : hint);
  }

  #skipLine(): void {
    for (;;) {
      const token = this.peek();
      if (token.kind === "end") return;
      this.take();
      if (token.kind !== "newline") continue;
      if (this.#openBraces <= 0 || SURE_STARTS.has(this.peek().text)) return;
    }
  }
}

/** Words of OpenSMTPD before 6.4 whose places have another word today. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ["certificate", "cert"],
  ["secure", "tls"],
  ["tagged", "tag"],
  ["sender", "mail-from"],
  ["recipient", "rcpt-to"],
  ["source", "src"],
  ["expire", "ttl"],
  ["via", "host"],
  ["hostname", "helo"],
  ["hostnames", "helo-src"],
  ["as", "mail-from"],
  ["mask-source", "mask-src"],
]);

export function meantHint(text: string, words: readonly string[]): string {
  const renamed = RENAMED.get(text);
  if (renamed !== undefined && words.includes(renamed))
    return `'${text}' is '${renamed}' since OpenSMTPD 6.4`;
  if (text === "allow-exec")
    return "it stands behind 'alias TABLE', 'virtual TABLE' or 'forward-file'";
  const meant = nearestWord(text, words);
  return meant === "" ? "" : `did you mean '${meant}'?`;
}

/** Why a word of the language is no name, for `token` where a name was wanted. */
export function keywordHint(token: Token): string {
  if (token.kind === "number") return "put it in quotes if it is meant as text";
  if (token.kind !== "keyword") return "";
  return `'${token.text}' is a keyword: put it in quotes to use it as a name`;
}

/** What begins with a sign that means nothing here was probably a path or a pattern. */
function signHint(token: Token): string {
  if (token.kind !== "sign" || /^[(){}<>!=,$]/u.test(token.text)) return "";
  if (/^[“”„‘’‚«»]/u.test(token.text)) return `quotes are " and '`;
  if (!isPrintable(token.text)) return "remove this character: no word begins with it";
  // The quotes around a macro's value are not a part of it.
  if (token.isInMacro) return `the macro's value needs quotes of its own: '"…"'`;
  return `text that begins with '${token.text}' must be in quotes`;
}

function isPrintable(text: string): boolean {
  return /^[^\p{C}\p{Z}]*$/u.test(text);
}

function describe(token: Token): string {
  if (token.kind === "newline") return "end of line";
  if (token.kind === "end") return "end of file";
  if (token.kind === "sign" && !isPrintable(token.text)) {
    const code = token.text.codePointAt(0) ?? 0;
    return `character U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  }
  return token.kind === "quoted" ? `"${token.text}"` : `'${token.text}'`;
}

function formatChoice(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}
