/**
 * Tokens of smtpd.conf(5).
 *
 * A bare word starts with a letter, a digit, `:` or `_`; a path must be quoted. A
 * quoted string is never a keyword, and may span lines. A number is one only where
 * a blank, a newline or one of `) , / } =` follows: `35M` and `192.0.2.0/24` are
 * words. `$NAME` at the start of a token becomes the macro's value, which is then
 * read as text; within it `$` is not special.
 *
 * Whatever the input, the lexer goes on: a wrong token is of kind "fault".
 *
 * Source: OpenSMTPD parse.y (yylex).
 */
import { CharacterReader, END } from "./character-reader.ts";
import { isKeyword } from "./keywords.ts";
import type { Place } from "./place.ts";

export type Token = { readonly at: Place; readonly text: string } & (
  | { readonly kind: "keyword" | "word" | "quoted" | "newline" | "end" }
  /** A single character, or `=>`; perhaps of a macro's value. */
  | { readonly kind: "sign"; readonly isInMacro: boolean }
  | { readonly kind: "number"; readonly value: number }
  /** `text` is the complaint. */
  | { readonly kind: "fault" }
);

/** Source: OpenSMTPD parse.y (yylex). */
export const MAX_TOKEN_LENGTH = 8095;
/** Of all values together that macros put into the text: a short file could ask for gigabytes. */
const MAX_EXPANDED_LENGTH: number = 16 * 1024 * 1024;

/** What is taken all at once: the runs of text that hold no escape and no end of line. */
const RUNS = {
  blanks: /[ \t]+/y,
  comment: /[^\\\n]+/y,
  word: /[A-Za-z0-9"$%&'*+\-./:;?@[\]^_`|~]+/y,
  digits: /[0-9]+/y,
  '"': /[^"\\\n]+/y,
  "'": /[^'\\\n]+/y,
} as const;

export class Lexer {
  readonly #characters = new CharacterReader();
  readonly #macros = new Map<string, string>();
  readonly #fixedMacros: ReadonlyMap<string, string>;
  #expandedLength = 0;

  /** `fixedMacros` win over definitions in the text. */
  constructor(fixedMacros: ReadonlyMap<string, string>) {
    this.#fixedMacros = fixedMacros;
  }

  get fileDepth(): number {
    return this.#characters.fileDepth;
  }

  /** Reads `text` from the next token on, before the rest of the present file. */
  openFile(name: string, text: string): void {
    this.#characters.openFile(name, text);
  }

  defineMacro(name: string, value: string): void {
    this.#macros.set(name, value);
  }

  /** The next token; "end" again and again once all is read. */
  next(): Token {
    const characters = this.#characters;
    for (;;) {
      this.#skipBlanks();
      if (characters.peek() !== "$" || characters.isInMacro) break;
      const fault = this.#expandMacro();
      if (fault !== undefined) return fault;
    }
    const at = characters.place();
    const first = characters.peek();
    if (first === END) return { kind: "end", text: "", at };
    if (first === "\n") {
      characters.take();
      return { kind: "newline", text: "", at };
    }
    if (first === '"' || first === "'") return this.#quoted(at);
    if (isDigit(first) || first === "-") return this.#number(at);
    if (canStartWord(first)) return this.#word(at, "");
    return this.#sign(at);
  }

  #skipBlanks(): void {
    const characters = this.#characters;
    characters.takeRun(RUNS.blanks);
    while (characters.peek() === " " || characters.peek() === "\t") characters.take();
    if (characters.peek() !== "#") return;
    characters.takeRun(RUNS.comment);
    while (characters.peek() !== "\n" && characters.peek() !== END) {
      characters.take();
      characters.takeRun(RUNS.comment);
    }
  }

  #expandMacro(): Token | undefined {
    const characters = this.#characters;
    const at = characters.place();
    characters.take();
    let name = "";
    while (/^[A-Za-z0-9_]$/u.test(characters.peek()) && name.length < MAX_TOKEN_LENGTH)
      name += characters.take();
    const value = this.#fixedMacros.get(name) ?? this.#macros.get(name);
    if (name === "") return faultToken(at, "'$' begins the name of a macro, and none is here");
    if (value === undefined) return faultToken(at, `macro '${name}' not defined`);
    if (this.#expandedLength + value.length > MAX_EXPANDED_LENGTH)
      return faultToken(at, `macros stand for more than ${MAX_EXPANDED_LENGTH} characters`);
    this.#expandedLength += value.length;
    characters.openMacro(value, at);
    return undefined;
  }

  #quoted(at: Place): Token {
    const characters = this.#characters;
    const depth = characters.fileDepth;
    const quote = characters.take() === '"' ? '"' : "'";
    let text = "";
    for (;;) {
      text += characters.takeRun(RUNS[quote]);
      const isAtEnd = characters.peekRaw() === END || characters.fileDepth < depth;
      if (isAtEnd) return faultToken(at, "reached end of file while parsing quoted string");
      const character = characters.takeRaw();
      if (text.length > MAX_TOKEN_LENGTH) return faultToken(at, "string too long");
      if (character === quote) return { kind: "quoted", text, at };
      if (character !== "\\") {
        if (character !== "\n") text += character;
        continue;
      }
      const next = characters.peekRaw();
      if (next === "\n") characters.takeRaw();
      else text += next === quote || next === " " || next === "\t" ? characters.takeRaw() : "\\";
    }
  }

  #number(at: Place): Token {
    const characters = this.#characters;
    const { isInMacro } = characters;
    let text = characters.take();
    while (isDigit(characters.peek()) && text.length < MAX_TOKEN_LENGTH) text += characters.take();
    if (text === "-") return { kind: "sign", text, at, isInMacro };
    if (!canEndNumber(characters.peek()))
      return text.startsWith("-") ? { kind: "sign", text, at, isInMacro } : this.#word(at, text);
    const value = Number(text);
    if (!Number.isSafeInteger(value))
      return faultToken(at, `"${text}" invalid number: ${value < 0 ? "too small" : "too large"}`);
    return { kind: "number", text, value, at };
  }

  #word(at: Place, start: string): Token {
    const characters = this.#characters;
    let text = start;
    text += characters.takeRun(RUNS.word);
    // What an escape gives, a continued line, the end of a macro.
    while (isInWord(characters.peek())) text += characters.takeRun(RUNS.word) || characters.take();
    if (text.length > MAX_TOKEN_LENGTH) return faultToken(at, "string too long");
    return isKeyword(text) ? { kind: "keyword", text, at } : { kind: "word", text, at };
  }

  #sign(at: Place): Token {
    const { isInMacro } = this.#characters;
    const text = this.#characters.take();
    // A character beyond the basic plane comes in two halves.
    if (/^[\uD800-\uDBFF]$/u.test(text))
      return { kind: "sign", text: text + this.#characters.take(), at, isInMacro };
    if (text !== "=" || this.#characters.peek() !== ">")
      return { kind: "sign", text, at, isInMacro };
    this.#characters.take();
    return { kind: "sign", text: "=>", at, isInMacro };
  }
}

/** A word that the lexer reads back as it is, when unquoted. */
export function isBareWord(text: string): boolean {
  if (text.length > MAX_TOKEN_LENGTH || isKeyword(text)) return false;
  // Digits are a number where a slash follows, too.
  if (/^[0-9]+(\/|$)/u.test(text) || text.includes("\\")) return false;
  return canStartWord(text[0] ?? END) && Array.from(text).every(isInWord);
}

function faultToken(at: Place, text: string): Token {
  return { kind: "fault", text, at };
}

function isDigit(character: string): boolean {
  return character >= "0" && character <= "9" && character.length === 1;
}

function canStartWord(character: string): boolean {
  return /^[A-Za-z0-9:_]$/u.test(character);
}

/** Letters, digits and ASCII punctuation except `( ) { } < > ! = # ,`. */
function isInWord(character: string): boolean {
  return /^[A-Za-z0-9"$%&'*+\-./:;?@[\\\]^_`|~]$/u.test(character);
}

function canEndNumber(character: string): boolean {
  return character === END || /^[\s),/}=]$/u.test(character);
}
