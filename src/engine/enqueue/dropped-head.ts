/**
 * The first two lines of a file that waits in the drop folder: for how many of its recipients
 * the daemon has it, and what the daemon is to be told. The text is behind them.
 *
 *     postrider-mail 1 00000000
 *     {"reversePath":"ann@example.org","forwardPaths":["bob@example.org"],"is8bit":false}
 *     Received: …
 *
 * Promises: what was written is read back as it was; nothing that a path holds can end its
 * line. The count is always as long, so that it can be overwritten where it stands. What is
 * read may be anybody's: it is checked whole, and is not more than its writer could say over
 * the socket himself.
 */
import { NOTIFY_WORDS, type NotifyWord } from "#protocols/smtp/rcpt-options.ts";
import { isXtext } from "#protocols/smtp/xtext.ts";
import { MAX_RECIPIENTS, type OutgoingMail } from "./outgoing-mail.ts";

/** Of both lines. */
export const MAX_HEAD_BYTES: number = 16 * 1024 * 1024;

const MAGIC = "postrider-mail 1 ";
const COUNT_DIGITS = 8;
const FIRST_LINE = new RegExp(`^${MAGIC}(\\d{${COUNT_DIGITS}})$`, "u");
const LF = 0x0a;

export type DroppedHead =
  /** More bytes are needed to say. */
  | { readonly kind: "incomplete" }
  | { readonly kind: "wrong"; readonly why: string }
  | {
      readonly kind: "head";
      readonly mail: OutgoingMail;
      /** Of its recipients, from the first: the daemon has it for them. */
      readonly takenFor: number;
      /** Where the text begins. */
      readonly bytes: number;
    };

/** Both lines, of mail that the daemon has for nobody yet; undefined: it has too many recipients. */
export function encodeDroppedHead(mail: OutgoingMail): Uint8Array | undefined {
  const { reversePath, forwardPaths, notify, returns, envelopeId, is8bit } = mail;
  if (forwardPaths.length > MAX_RECIPIENTS) return undefined;
  const terms = JSON.stringify({ reversePath, forwardPaths, notify, returns, envelopeId, is8bit });
  const head = Buffer.from(`${MAGIC}${countText(0)}\n${terms}\n`);
  return head.length > MAX_HEAD_BYTES ? undefined : head;
}

/** What stands in a file where the count does, and what is written there for another. */
export function encodeTakenFor(takenFor: number): {
  readonly at: number;
  readonly text: Uint8Array;
} {
  return { at: MAGIC.length, text: Buffer.from(countText(takenFor)) };
}

/** @param start of a file. */
export function decodeDroppedHead(start: Uint8Array): DroppedHead {
  const firstEnd = start.indexOf(LF);
  const firstLine = latin1(start.subarray(0, firstEnd < 0 ? MAGIC.length : firstEnd));
  const isBegun = firstEnd < 0 && start.length <= MAGIC.length + COUNT_DIGITS;
  if (isBegun && MAGIC.startsWith(firstLine)) return { kind: "incomplete" };
  const count = FIRST_LINE.exec(firstLine)?.[1];
  if (count === undefined) return wrong("it does not begin as one of ours");
  const end = start.indexOf(LF, firstEnd + 1);
  if (end < 0) {
    return start.length < MAX_HEAD_BYTES
      ? { kind: "incomplete" }
      : wrong("its second line is too long");
  }
  const mail = readTerms(start.subarray(firstEnd + 1, end));
  if (mail === undefined) return wrong("its second line cannot be read");
  const takenFor = Number(count);
  if (takenFor >= mail.forwardPaths.length) return wrong("it is for nobody any more");
  return { kind: "head", mail, takenFor, bytes: end + 1 };
}

function readTerms(line: Uint8Array): OutgoingMail | undefined {
  const terms = parseTerms(line);
  if (terms === undefined) return undefined;
  const { reversePath, forwardPaths, notify, returns, envelopeId, is8bit } = terms;
  if (typeof reversePath !== "string" || typeof is8bit !== "boolean") return undefined;
  if (typeof envelopeId !== "string" || !isXtext(envelopeId)) return undefined;
  if (!isListOf(forwardPaths, isPath) || forwardPaths.length > MAX_RECIPIENTS) return undefined;
  if (notify !== undefined && !isListOf(notify, isNotifyWord)) return undefined;
  if (returns !== undefined && returns !== "full" && returns !== "headers") return undefined;
  return { reversePath, forwardPaths, notify, returns, envelopeId, is8bit };
}

/** Undefined: neither UTF-8 nor JSON, or no object. */
function parseTerms(line: Uint8Array): Partial<Record<keyof OutgoingMail, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** With one item at least. */
function isListOf<Item>(
  value: unknown,
  isItem: (item: unknown) => item is Item,
): value is readonly Item[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => isItem(item));
}

/** Whether it fits in a command is looked at where it is sent (client-session-mail.ts). */
function isPath(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isNotifyWord(value: unknown): value is NotifyWord {
  return NOTIFY_WORDS.some((word) => word === value);
}

function countText(count: number): string {
  return String(count).padStart(COUNT_DIGITS, "0");
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function wrong(why: string): DroppedHead {
  return { kind: "wrong", why };
}
