/**
 * Characters of a configuration: joins continued lines, inserts macro values and
 * included files, and knows the place of each character.
 *
 * A macro's value is text put in front of what follows its name, so a token may
 * begin in the value and end after it (`$net/24`). Its characters have the place of
 * the `$`. A file ends in a newline, whether it has one or not. CRLF counts as a
 * newline, and the byte order mark that some editors begin a file with is skipped.
 *
 * Source: OpenSMTPD parse.y (lgetc, igetc).
 */
import type { Place } from "./place.ts";

/** The end of all input, where a character was asked for. */
export const END = "";

interface FileText {
  readonly kind: "file";
  readonly name: string;
  readonly text: string;
  at: number;
  line: number;
  lineStart: number;
  /** The newline that ends the file has been read. */
  ended: boolean;
}

interface MacroText {
  readonly kind: "macro";
  readonly text: string;
  readonly place: Place;
  at: number;
}

export class CharacterReader {
  readonly #inputs: (FileText | MacroText)[] = [];

  /** Reads `text` next, before what is left of the present file. */
  openFile(name: string, text: string): void {
    const unified = text.replace(/^\uFEFF/u, "").replaceAll("\r\n", "\n");
    this.#inputs.push({
      kind: "file",
      name,
      text: unified,
      at: 0,
      line: 1,
      lineStart: 0,
      ended: unified.endsWith("\n"),
    });
  }

  /** Reads `text` next, in the place of a macro's name that stood at `place`. */
  openMacro(text: string, place: Place): void {
    this.#inputs.push({ kind: "macro", text, place, at: 0 });
  }

  /** A macro's value is being read, where `$` means nothing. */
  get isInMacro(): boolean {
    this.peekRaw();
    return this.#inputs.at(-1)?.kind === "macro";
  }

  /** How many files are open: 1 within the main file, more within an included one. */
  get fileDepth(): number {
    return this.#inputs.filter((input) => input.kind === "file").length;
  }

  /** The place of the next character. */
  place(): Place {
    this.peekRaw();
    const top = this.#inputs.at(-1);
    if (top === undefined) throw new TypeError("Cannot tell a place: no file is open");
    if (top.kind === "macro") return top.place;
    return { file: top.name, line: top.line, column: top.at - top.lineStart + 1 };
  }

  /** The next character as it stands, for use within quotes; END at the end. */
  peekRaw(): string {
    for (;;) {
      const top = this.#inputs.at(-1);
      if (top === undefined) return END;
      const character = top.text[top.at];
      if (character !== undefined) return character;
      if (top.kind === "file" && !top.ended) return "\n";
      // The main file stays, so that complaints about the end have a place.
      if (this.#inputs.length === 1) return END;
      this.#inputs.pop();
    }
  }

  takeRaw(): string {
    const character = this.peekRaw();
    const top = this.#inputs.at(-1);
    if (character === END || top === undefined) return END;
    if (top.kind === "file" && top.at >= top.text.length) top.ended = true;
    else top.at++;
    if (character === "\n" && top.kind === "file") {
      top.line++;
      top.lineStart = top.at;
    }
    return character;
  }

  /**
   * Takes the longest run that `pattern` has here, all at once; "" if it has none.
   *
   * @param pattern sticky, and without newline and backslash, which need a closer look.
   */
  takeRun(pattern: RegExp): string {
    this.peekRaw();
    const top = this.#inputs.at(-1);
    if (top === undefined) return "";
    pattern.lastIndex = top.at;
    if (!pattern.test(top.text)) return "";
    const run = top.text.slice(top.at, pattern.lastIndex);
    top.at = pattern.lastIndex;
    return run;
  }

  /** The next character outside quotes: continued lines are one, `\x` is x. */
  peek(): string {
    for (;;) {
      const character = this.peekRaw();
      if (character !== "\\") return character;
      const top = this.#inputs.at(-1);
      const escaped = top?.text[top.at + 1];
      if (escaped !== undefined && escaped !== "\n") return escaped;
      this.takeRaw();
      if (escaped === "\n") this.takeRaw();
    }
  }

  take(): string {
    const character = this.peek();
    if (this.peekRaw() === "\\") this.takeRaw();
    this.takeRaw();
    return character;
  }
}
