/**
 * Extended regular expressions, as regcomp(3) takes them, in the syntax of RE2.
 *
 * They mean what they mean to the C library, with what people write besides:
 *
 * - `\d`, `\w`, `\s`, `\b` and their capitals are those of Perl, as people mean them: a
 *   C library takes `\d` for a `d`. `\<`, `\>`, `[[:<:]]` and `[[:>:]]` are `\b`.
 * - A `?` after a repetition asks for the shortest match, which is the same here.
 * - `(?i)` in front is taken, and changes nothing: case never counts (regex.ts).
 * - Back-references are refused: they cannot be matched in bounded time.
 *
 * test/interop/regular-expressions.test.ts compares with the C library.
 *
 * Source: POSIX.1-2024 XBD §9.4 (syntax); smtpd.conf(5).
 */
import { translateBrackets } from "./posix-brackets.ts";

export type Translation =
  | { readonly kind: "re2"; readonly source: string }
  | { readonly kind: "regex-fault"; readonly reason: string };

/** OpenSMTPD's bound for the key of a table. */
export const MAX_PATTERN_LENGTH = 1023;
/** RE2's; POSIX promises 255 (RE_DUP_MAX). */
const MAX_REPEATS = 1000;

/** Letters whose escapes RE2 knows under the same meaning. */
const SHARED_ESCAPES = "dDwWsSbBntrfv";
const OTHER_ESCAPES: Readonly<Record<string, string>> = {
  "<": "\\b",
  ">": "\\b",
  "`": "\\A",
  "'": "\\z",
};

/** The pattern for RE2, or what is wrong with it. */
export function translateRegex(pattern: string): Translation {
  if (pattern.length > MAX_PATTERN_LENGTH)
    return { kind: "regex-fault", reason: `longer than ${MAX_PATTERN_LENGTH} characters` };
  return new Translator(pattern.replace(/^\(\?i\)/u, "")).translate();
}

/** What came before in the sequence: only an atom or a repetition may be repeated. */
type Previous = "nothing" | "atom" | "repetition";

class Translator {
  readonly #pattern: string;
  #at = 0;
  /** The parts of the result so far; a group that has ended is one. */
  readonly #parts: string[] = [];
  /** Indexes in `#parts` of the open groups. */
  readonly #groups: number[] = [];
  #previous: Previous = "nothing";
  #fault: string | undefined;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  translate(): Translation {
    while (this.#at < this.#pattern.length && this.#fault === undefined) this.#step();
    if (this.#groups.length > 0) this.#fault ??= "'(' without ')'";
    return this.#fault === undefined
      ? { kind: "re2", source: this.#parts.join("") }
      : { kind: "regex-fault", reason: this.#fault };
  }

  #step(): void {
    const character = this.#next();
    switch (character) {
      case "\\":
        return this.#escape();
      case "[":
        return this.#brackets();
      case "(":
        return this.#openGroup();
      case ")":
        return this.#closeGroup();
      case "*":
      case "+":
      case "?":
        return this.#repeat(character);
      case "{":
        return this.#repeatCounted();
      case "|":
      case "^":
      case "$":
        return this.#push(character, "nothing");
      case ".":
        return this.#push(".", "atom");
      default:
        return this.#push(quoted(character), "atom");
    }
  }

  #next(): string {
    const character = String.fromCodePoint(this.#pattern.codePointAt(this.#at) ?? 0);
    this.#at += character.length;
    return character;
  }

  #push(part: string, is: Previous): void {
    this.#parts.push(part);
    this.#previous = is;
  }

  #escape(): void {
    if (this.#at === this.#pattern.length) {
      this.#fault = "'\\' at the end";
      return;
    }
    const character = this.#next();
    if (/[1-9]/u.test(character)) this.#fault = "back-references are not supported";
    else if (SHARED_ESCAPES.includes(character)) this.#push(`\\${character}`, "atom");
    else this.#push(OTHER_ESCAPES[character] ?? quoted(character), "atom");
  }

  #openGroup(): void {
    if (this.#pattern[this.#at] === "?") {
      this.#fault = "'(?' is not in the extended syntax: write '(' for a group";
      return;
    }
    this.#groups.push(this.#parts.length);
    this.#push("(?:", "nothing");
  }

  /** Without an open group it is a character like any other. */
  #closeGroup(): void {
    const start = this.#groups.pop();
    if (start === undefined) return this.#push("\\)", "atom");
    return this.#push(`${this.#parts.splice(start).join("")})`, "atom");
  }

  #repeatCounted(): void {
    const count = /\{(\d*)(,?)(\d*)\}/uy;
    count.lastIndex = this.#at - 1;
    const [whole = "", from = "", comma = "", to = ""] = count.exec(this.#pattern) ?? [];
    const isCount = from !== "" || comma !== "";
    if (!isCount) {
      this.#fault = "'{' without a count: write '\\{' for the character";
      return;
    }
    const least = Number(from);
    const most = comma === "" || to === "" ? least : Number(to);
    if (most < least) this.#fault = `${whole}: the second count is the smaller`;
    else if (most > MAX_REPEATS) this.#fault = `${whole}: more than ${MAX_REPEATS} times`;
    this.#at = count.lastIndex;
    this.#repeat(`{${least}${comma}${to}}`);
  }

  #repeat(operator: string): void {
    if (this.#previous === "nothing") {
      this.#fault ??= `'${operator}' with nothing to repeat before it`;
      return;
    }
    // The shortest match is as good as the longest where only the fact of one counts.
    if (this.#previous === "repetition" && operator === "?") return;
    const part = this.#parts.pop() ?? "";
    // RE2 takes no repetition of a repetition, but one of a group.
    const repeated = this.#previous === "repetition" ? `(?:${part})` : part;
    this.#push(`${repeated}${operator}`, "repetition");
  }

  #brackets(): void {
    const brackets = translateBrackets(this.#pattern, this.#at - 1);
    if (brackets.kind === "regex-fault") {
      this.#fault = brackets.reason;
      return;
    }
    this.#at = brackets.end;
    this.#push(brackets.source, "atom");
  }
}

function quoted(character: string): string {
  return /^[!-/:-@[-`{-~]$/u.test(character) ? `\\${character}` : character;
}
