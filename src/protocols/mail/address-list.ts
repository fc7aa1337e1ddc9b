/**
 * Address lists as To, Cc and From have them: where the addresses are, so that one can be
 * put in the place of another and everything else stays as it is, octet for octet.
 *
 * Only what is surely an address is told: what stands in angle brackets, or a word alone.
 * Linear in the length of the list; the text is one character for each octet.
 *
 * Source: RFC 5322 §3.4 (address-list, group), §3.2.2 (comments, folding).
 */

/** An addr-spec, or a local part alone: `text.slice(start, end)`. */
export interface Mailbox {
  readonly start: number;
  readonly end: number;
  readonly hasDomain: boolean;
}

export interface AddressList {
  readonly mailboxes: readonly Mailbox[];
  readonly hasGroup: boolean;
  /** Something in it is no address, or might be one more: others may read it otherwise. */
  readonly hasOther: boolean;
  /** Something in it has no address that can be told. */
  readonly hasLost: boolean;
}

/** They end a word. */
const DELIMITERS = ",;:(< \t\r\n";
/** Deeper comments are no address list. */
const MAX_COMMENT_DEPTH = 32;

/** The addresses in `text`, the body of a header with its folds; undefined if it is no list. */
export function parseAddressList(text: string): AddressList | undefined {
  const reader = new ListReader(text);
  for (let at: number | undefined = 0; at < text.length; ) {
    at = reader.take(at);
    if (at === undefined) return undefined;
  }
  return reader.finish();
}

class ListReader {
  readonly #text: string;
  readonly #mailboxes: Mailbox[] = [];
  #hasGroup = false;
  #hasOther = false;
  #hasLost = false;
  /** Of the address under way, and what it has in angle brackets. */
  #words: Mailbox[] = [];
  #bracket: Mailbox | undefined;
  #isInWord = false;

  constructor(text: string) {
    this.#text = text;
  }

  /** Takes what is at `at`; returns where to go on, or undefined where there is no list. */
  take(at: number): number | undefined {
    const unit = this.#text.charAt(at);
    if (!DELIMITERS.includes(unit)) return this.#takeWord(unit, at);
    this.#isInWord = false;
    switch (unit) {
      case ",":
      case ";":
        this.#endAddress();
        break;
      case ":":
        // What came before is the name of a group.
        this.#hasGroup = true;
        this.#forget();
        break;
      case "(":
        return endOfComment(this.#text, at);
      case "<":
        return this.#takeBracket(at);
      default: // space
    }
    return at + 1;
  }

  finish(): AddressList {
    this.#endAddress();
    return {
      mailboxes: this.#mailboxes,
      hasGroup: this.#hasGroup,
      hasOther: this.#hasOther,
      hasLost: this.#hasLost,
    };
  }

  #takeWord(unit: string, at: number): number | undefined {
    const end = unit === '"' ? endOfQuoted(this.#text, at) : at + 1;
    if (end === undefined) return undefined;
    const isAt = unit === "@";
    const last = this.#isInWord ? this.#words.pop() : undefined;
    this.#words.push({
      start: last?.start ?? at,
      end,
      hasDomain: isAt || last?.hasDomain === true,
    });
    this.#isInWord = true;
    return end;
  }

  #takeBracket(at: number): number | undefined {
    const end = endOfBracket(this.#text, at);
    if (this.#bracket !== undefined || end === undefined) return undefined;
    this.#bracket = insideOf(this.#text, at + 1, end - 1);
    return end;
  }

  #endAddress(): void {
    const [first, second] = this.#words;
    const mailbox = this.#bracket ?? (second === undefined ? first : undefined);
    if (mailbox !== undefined && mailbox.end > mailbox.start) this.#mailboxes.push(mailbox);
    else if (first !== undefined || this.#bracket !== undefined) {
      this.#hasOther = true;
      this.#hasLost = true;
    }
    // `a@b <c@d>`
    if (this.#bracket !== undefined && this.#words.some(({ hasDomain }) => hasDomain))
      this.#hasOther = true;
    this.#forget();
  }

  #forget(): void {
    this.#words = [];
    this.#bracket = undefined;
  }
}

/** `text` with `domain` behind each address that has none; undefined if nothing changes. */
export function completeAddresses(text: string, domain: string): string | undefined {
  const list = parseAddressList(text);
  const bare = list?.mailboxes.filter(({ hasDomain }) => !hasDomain) ?? [];
  if (bare.length === 0) return undefined;
  return replaced(text, bare, (address) => `${address}@${domain}`);
}

/**
 * `text` with `sender` in the place of each address. It is alone where others might read an
 * address that was not seen: in a group, or in what is no list.
 */
export function masqueradeAddresses(text: string, sender: string): string {
  const list = parseAddressList(text);
  if (list === undefined || list.hasGroup || list.hasOther || list.mailboxes.length === 0)
    return ` ${sender}${/\r?\n$/.exec(text)?.[0] ?? ""}`;
  return replaced(text, list.mailboxes, () => sender);
}

function replaced(
  text: string,
  mailboxes: readonly Mailbox[],
  by: (address: string) => string,
): string {
  let out = "";
  let copied = 0;
  for (const { start, end } of mailboxes) {
    out += text.slice(copied, start) + by(text.slice(start, end));
    copied = end;
  }
  return out + text.slice(copied);
}

/** What is between angle brackets, without the space around it. */
function insideOf(text: string, from: number, to: number): Mailbox {
  let start = from;
  let end = to;
  while (start < end && isSpace(text[start])) start++;
  while (end > start && isSpace(text[end - 1])) end--;
  // A route has "@" too; its address is complete.
  return { start, end, hasDomain: hasAt(text, start, end) };
}

function hasAt(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    if (text[at] === "@") return true;
    if (text[at] === '"') at = (endOfQuoted(text, at) ?? to) - 1;
  }
  return false;
}

function isSpace(unit: string | undefined): boolean {
  return unit === " " || unit === "\t" || unit === "\r" || unit === "\n";
}

function endOfQuoted(text: string, from: number): number | undefined {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return undefined;
}

function endOfComment(text: string, from: number): number | undefined {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "(" && ++depth > MAX_COMMENT_DEPTH) return undefined;
    else if (text[at] === ")" && --depth === 0) return at + 1;
  }
  return undefined;
}

function endOfBracket(text: string, from: number): number | undefined {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === ">") return at + 1;
    if (text[at] === "<") return undefined;
    if (text[at] !== '"') continue;
    const end = endOfQuoted(text, at);
    if (end === undefined) return undefined;
    at = end - 1;
  }
  return undefined;
}
