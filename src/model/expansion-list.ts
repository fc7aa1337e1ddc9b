/**
 * Expansion lists: what stands behind a name in aliases(5), in a table of virtual
 * addresses and in `~/.forward`: `bob, alice@example.org, "|/usr/bin/vacation bob"`.
 *
 * Nodes are separated by commas. A backslash takes the next character as it is,
 * quotes keep commas together; a node that stands wholly in double quotes loses them.
 * Each node is the first of NODE_KINDS' forms that it has. A file (`~/.forward`, or an
 * included one) is one such list a line, with comments from `#`, and a line that ends
 * in a backslash goes on in the next.
 *
 * Differences from OpenSMTPD (expand.c, fparseln(3)): addresses may have quoted local
 * parts and literals, as RFC 5321 has them; a `#` begins a comment only at the start of
 * a line or after a blank or comma, and never in quotes, so that it can be part of an
 * address or a command; NUL and other control characters are refused.
 *
 * Source: aliases(5), forward(5); OpenSMTPD expand.c, to.c (text_to_expandnode).
 */
import { unreachable } from "#base/unreachable.ts";
import { formatAddress, parseAddress } from "#protocols/mail/address.ts";
import { MAX_ENVELOPES } from "./envelope.ts";

export type ExpansionNode =
  /** `user@domain`, in canonical text. */
  | { readonly kind: "address"; readonly address: string }
  /** In lower case; may have a tag. No longer than a local part is. */
  | { readonly kind: "user"; readonly user: string }
  | { readonly kind: "pipe"; readonly command: string }
  | { readonly kind: "file"; readonly path: string }
  /** The reply that the recipient gets. */
  | { readonly kind: "error"; readonly code: number; readonly text: string }
  | { readonly kind: "include"; readonly path: string };

export interface ExpansionList {
  readonly kind: "expansion-list";
  readonly nodes: readonly ExpansionNode[];
}

export interface ExpansionFault {
  readonly kind: "expansion-fault";
  readonly reason: string;
  /** Both count from 1. */
  readonly line: number;
  readonly column: number;
}

/** LINE_MAX, which bounds a node in OpenSMTPD too. */
const MAX_NODE_LENGTH = 2048;
/** A recipient has that many envelopes at most (model/envelope.ts). */
export const MAX_LIST_NODES: number = MAX_ENVELOPES;
/** A list of 100,000 addresses of 80 characters. */
export const MAX_LIST_LENGTH: number = 8 * 1024 * 1024;
/** What is left of the text of an error node: a reply line has 512 octets (RFC 5321 §4.5.3.1.5). */
const MAX_ERROR_TEXT_LENGTH = 400;

/** Reads the value of a key of a table. */
export function parseExpansionList(text: string): ExpansionList | ExpansionFault {
  return new ListReader(text, "value").read();
}

/** Reads the lines of a forward or included file. */
export function parseExpansionFile(text: string): ExpansionList | ExpansionFault {
  return new ListReader(text, "file").read();
}

/** A node as it is written, for logs and people. */
export function nodeText(node: ExpansionNode): string {
  switch (node.kind) {
    case "address":
      return node.address;
    case "user":
      return node.user;
    case "pipe":
      return `|${node.command}`;
    case "file":
      return node.path;
    case "error":
      return `error:${node.code} ${node.text}`;
    case "include":
      return `include:${node.path}`;
    default:
      return unreachable(node);
  }
}

/** A fault that has no place yet. */
interface BadNode {
  readonly kind: "bad-node";
  readonly reason: string;
}

class ListReader {
  readonly #text: string;
  readonly #isFile: boolean;
  readonly #nodes: ExpansionNode[] = [];
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string, what: "value" | "file") {
    this.#text = text;
    this.#isFile = what === "file";
  }

  read(): ExpansionList | ExpansionFault {
    if (this.#text.length > MAX_LIST_LENGTH)
      return { kind: "expansion-fault", reason: "the list is too long", line: 1, column: 1 };
    while (this.#at < this.#text.length) {
      const fault = this.#readNode();
      if (fault !== undefined) return fault;
    }
    return { kind: "expansion-list", nodes: this.#nodes };
  }

  /** Reads up to the next comma or line end, and beyond it. */
  #readNode(): ExpansionFault | undefined {
    this.#skipBlanks();
    const [start, line, lineStart] = [this.#at, this.#line, this.#lineStart];
    const fault = (reason: string): ExpansionFault => {
      const column = start - lineStart + 1;
      return { kind: "expansion-fault", reason, line, column };
    };
    const raw = this.#readText();
    if (typeof raw !== "string") return fault(raw.reason);
    const text = raw.trim();
    if (text === "") return undefined;
    if (this.#nodes.length >= MAX_LIST_NODES) return fault("the list has too many entries");
    const node = parseNode(text);
    if (node.kind === "bad-node") return fault(node.reason);
    this.#nodes.push(node);
    return undefined;
  }

  /** The text of a node without its escapes, up to what ends it. */
  #readText(): string | BadNode {
    let text = "";
    let quote = "";
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at] ?? "";
      if (this.#isFile && character === "\n") break;
      this.#at++;
      if (quote === "" && character === ",") break;
      if (quote === "" && this.#startsComment(character)) {
        this.#skipLine();
        break;
      }
      const piece = character === "\\" ? this.#escaped() : character;
      if (piece === undefined) return bad("a backslash is the last character");
      if (character === '"' || character === "'") quote = nextQuote(quote, character);
      text += piece;
      if (text.length > MAX_NODE_LENGTH) return bad("the entry is too long");
    }
    return quote === "" ? text : bad(`a quote (${quote}) is not closed`);
  }

  /** What stands behind a backslash; "" if it is the end of a line, which then goes on. */
  #escaped(): string | undefined {
    if (this.#isFile && this.#text.startsWith("\r\n", this.#at)) this.#at++;
    const character = this.#text[this.#at];
    if (this.#isFile && character === "\n") {
      this.#newLine();
      return "";
    }
    if (character !== undefined) this.#at++;
    return character;
  }

  #startsComment(character: string): boolean {
    if (!this.#isFile || character !== "#") return false;
    const before = this.#at - 2;
    return before < this.#lineStart || " \t,".includes(this.#text[before] ?? "");
  }

  #skipBlanks(): void {
    for (;;) {
      const character = this.#text[this.#at];
      if (this.#isFile && character === "\n") this.#newLine();
      else if (character === " " || character === "\t" || character === "\r") this.#at++;
      else return;
    }
  }

  #skipLine(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end < 0 ? this.#text.length : end;
  }

  #newLine(): void {
    this.#at++;
    this.#line++;
    this.#lineStart = this.#at;
  }
}

/** The quote that is open after `character`, a quote, in one that was open already or not (""). */
function nextQuote(open: string, character: string): string {
  if (open === "") return character;
  return open === character ? "" : open;
}

function bad(reason: string): BadNode {
  return { kind: "bad-node", reason };
}

/** The node that `written` is, which is not empty and has no blanks around it. */
function parseNode(written: string): ExpansionNode | BadNode {
  const text = unquoted(written);
  if (/\p{Cc}/u.test(text)) return bad("a control character is part of no entry");
  const error = /^:?error:(.*)$/isu.exec(text)?.[1];
  if (error !== undefined) return parseErrorNode(error);
  const include = /^:?include:(.*)$/isu.exec(text)?.[1];
  if (include !== undefined) {
    if (include.startsWith("/")) return { kind: "include", path: include };
    return bad("an included file has an absolute path: include:/PATH");
  }
  if (text.startsWith("|")) {
    const command = text.slice(1).trim();
    return command === "" ? bad("no command after |") : { kind: "pipe", command };
  }
  if (text.startsWith("/")) return { kind: "file", path: text };
  if (text.includes("@")) return parseAddressNode(text);
  if (/^[\w.+-]{1,255}$/.test(text)) return { kind: "user", user: text.toLowerCase() };
  return bad(`neither an address nor a user, a command, a file: '${text.slice(0, 80)}'`);
}

function unquoted(text: string): string {
  const isQuoted = text.length > 1 && text.startsWith('"') && text.endsWith('"');
  return isQuoted ? text.slice(1, -1).trim() : text;
}

function parseErrorNode(text: string): ExpansionNode | BadNode {
  const [, code, words] = /^([45]\d\d) ([a-z\d].*)$/isu.exec(text) ?? [];
  if (code === undefined || words === undefined)
    return bad("an error is error:NNN TEXT, with a code of 400 to 599");
  // It becomes a line that a peer reads.
  const printable = words.replaceAll(/[^ -~]/gu, "?").slice(0, MAX_ERROR_TEXT_LENGTH);
  return { kind: "error", code: Number(code), text: printable };
}

function parseAddressNode(text: string): ExpansionNode | BadNode {
  const address = parseAddress(text, "");
  if ("kind" in address) return bad(`not an address: '${text.slice(0, 80)}'`);
  return { kind: "address", address: formatAddress(address) };
}
