/**
 * Dialogs: transcripts of SMTP sessions, as tests (test/dialogs/**\/*.smtp).
 *
 *   # name            the file's own path
 *   prose             why the case exists
 *   ! SETTING VALUE   how the server is set up (dialog-server.ts has the list)
 *   C: LINE           the client sends it with CRLF, unless it ends in \n, \r or \c
 *   S: LINE           the server says it; "…" stands for the rest of the line
 *   T: SECONDS        so much time passes, with nobody sending
 *   E: closed         the server ends the session; without this line it must not
 *   Q: FROM -> TO TO  the queue took a message; every one it took must be listed
 *   A: ACTION ACTION  the actions of that message's envelopes, in their order
 *   H: LINE           the trace header that was put before that message
 *   | LINE            the text of that message, if the dialog cares
 *
 * Escapes: \r \n \t \\ \xNN, \c (no CRLF) and \{TEXT*COUNT} for a long run.
 */

export type Turn =
  /** `wire` has one character for each octet. */
  | { readonly kind: "client"; readonly wire: string }
  | { readonly kind: "server"; readonly pattern: string; readonly lineNumber: number }
  | { readonly kind: "time"; readonly ms: number };

export interface StoredMessage {
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  /** Undefined if any will do. */
  readonly actions: readonly string[] | undefined;
  readonly trace: readonly string[];
  /** Patterns of the lines behind the trace header; undefined if any text will do. */
  readonly lines: readonly string[] | undefined;
}

export interface Dialog {
  readonly path: string;
  /** The text of the configuration beside it, if there is one. */
  readonly config: string | undefined;
  readonly settings: ReadonlyMap<string, string>;
  readonly turns: readonly Turn[];
  readonly closes: boolean;
  readonly stored: readonly StoredMessage[];
}

interface Draft {
  settings: Map<string, string>;
  turns: Turn[];
  closes: boolean;
  stored: {
    reversePath: string;
    forwardPaths: string[];
    actions: string[] | undefined;
    trace: string[];
    lines: string[];
  }[];
}

/** @throws {SyntaxError} with the line's number: a mistake in the test itself. */
export function parseDialog(path: string, text: string, config?: string): Dialog {
  const draft: Draft = { settings: new Map(), turns: [], closes: false, stored: [] };
  for (const [index, line] of text.split("\n").entries()) {
    try {
      takeLine(draft, line, index + 1);
    } catch (cause) {
      throw new SyntaxError(`${path}:${index + 1}: ${line}`, { cause });
    }
  }
  const stored = draft.stored.map((message) => ({
    ...message,
    lines: message.lines.length === 0 ? undefined : message.lines,
  }));
  const { settings, turns, closes } = draft;
  return { path, config, settings, turns, closes, stored };
}

/** Whether `line` is what `pattern` says. */
export function matchesLine(pattern: string, line: string): boolean {
  const dots = pattern.indexOf("…");
  if (dots < 0) return line === pattern;
  return line.startsWith(pattern.slice(0, dots).trimEnd());
}

function takeLine(draft: Draft, line: string, lineNumber: number): void {
  const value = line.slice(3);
  const message = draft.stored.at(-1);
  switch (line.slice(0, 2)) {
    case "C:":
      draft.turns.push({ kind: "client", wire: unescape(value, "line") });
      break;
    case "S:":
      draft.turns.push({ kind: "server", pattern: unescape(value, "text"), lineNumber });
      break;
    case "T:":
      draft.turns.push({ kind: "time", ms: Number(value) * 1000 });
      break;
    case "E:":
      draft.closes = true;
      break;
    case "Q:":
      draft.stored.push(parseStored(value));
      break;
    case "A:":
      if (message !== undefined) message.actions = value.split(" ");
      break;
    case "H:":
      message?.trace.push(unescape(value, "text"));
      break;
    case "| ":
    case "|":
      message?.lines.push(unescape(line.slice(2), "text"));
      break;
    case "! ":
      draft.settings.set(...parseSetting(line.slice(2)));
      break;
    default: // prose
      if (/^[A-Z]:/.test(line)) throw new SyntaxError("Unknown kind of line");
  }
}

function parseSetting(text: string): [string, string] {
  const space = text.indexOf(" ");
  return [text.slice(0, space), text.slice(space + 1)];
}

function parseStored(text: string): Draft["stored"][number] {
  const [from = "", to = ""] = text.split(" -> ");
  return {
    reversePath: from.slice(1, -1),
    forwardPaths: [...to.matchAll(/<([^<>]*)>/g)].map((match) => match[1] ?? ""),
    actions: undefined,
    trace: [],
    lines: [],
  };
}

/** `text` with its escapes undone; a "line" gets its CRLF unless it ends in one of \r, \n and \c. */
function unescape(text: string, kind: "line" | "text"): string {
  const plain = text.replaceAll(/\\(?:x[0-9a-fA-F]{2}|\{.+?\*\d+\}|.)/g, meaningOf);
  return kind === "text" || /\\[nrc]$/.test(text) ? plain : `${plain}\r\n`;
}

/** What one escape, backslash included, stands for. */
function meaningOf(escape: string): string {
  if (/^\\x./.test(escape)) return String.fromCharCode(Number.parseInt(escape.slice(2), 16));
  if (escape.startsWith("\\{")) {
    const star = escape.lastIndexOf("*");
    return unescape(escape.slice(2, star), "text").repeat(Number(escape.slice(star + 1, -1)));
  }
  const character = ESCAPES.get(escape.slice(1));
  if (character === undefined) throw new SyntaxError(`Unknown escape ${escape}`);
  return character;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["r", "\r"],
  ["n", "\n"],
  ["t", "\t"],
  ["\\", "\\"],
  ["c", ""],
]);
