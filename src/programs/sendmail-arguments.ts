/**
 * The command line of sendmail(8), as other programs write it.
 *
 * Options are those of Sendmail that programs still use; what has no meaning here is taken with
 * its value and ignored, so that no value is ever taken for a recipient. Options end at the first
 * word that is none, or at `--`: an address that a stranger wrote belongs behind that. What looks
 * like an option behind the first address is refused: taken for an address, as getopt(3) would
 * have it, it would be mail to nobody, from another sender than was meant.
 *
 * Source: sendmail(8) of OpenSMTPD, Postfix and Sendmail; getopt(3).
 */
import { MAX_ENVELOPE_ID_LENGTH, returnsOf } from "#protocols/smtp/mail-options.ts";
import { type NotifyWord, notifyWord } from "#protocols/smtp/rcpt-options.ts";
import { encodeXtext, isXtext } from "#protocols/smtp/xtext.ts";
import type { MailOrder } from "#engine/enqueue/prepare-mail.ts";
import { operandsBehind } from "./getopt.ts";

export const SENDMAIL_USAGE =
  "usage: sendmail [-itv] [-f from] [-F name] [-N notify] [-R return] [-r from] [-V envid] [-b mode] [-q] [address ...]";

export type SendmailOrder =
  /** Hands in a message. */
  | { readonly kind: "message"; readonly order: MailOrder; readonly isVerbose: boolean }
  /** `-bs`: speaks SMTP on the standard input and output. */
  | { readonly kind: "smtp" }
  /** `-bp`: lists the queue. */
  | { readonly kind: "mailq" }
  /** `-bi`, `-I`: makes the database of the aliases. `words`: what newaliases(8) is told of it. */
  | { readonly kind: "newaliases"; readonly words: readonly string[] }
  /** `-q`: the queue is tried now. */
  | { readonly kind: "flush" }
  | { readonly kind: "wrong"; readonly message: string };

/** Options that are on or off. */
const FLAGS = "iGImnstUvx";
/** Options with a value: behind the letter, or the next word. */
const OPTIONS = "ABbCDeFfhLMNOopRrVX";
/** Options whose value can only be behind the letter. */
const ATTACHED = "dEJqQ";

interface Draft {
  readonly values: Map<string, string>;
  readonly flags: Set<string>;
  /** Of `-o` and of `-O`, which may be there several times. */
  readonly settings: string[];
  readonly longSettings: string[];
}

export function parseSendmailArguments(words: readonly string[]): SendmailOrder {
  const draft: Draft = { values: new Map(), flags: new Set(), settings: [], longSettings: [] };
  let optionWords = 0;
  const operands = operandsBehind(words, (word, next) => {
    const taken = takeWord(draft, word, next);
    if (typeof taken === "number") optionWords += 1 + taken;
    return taken;
  });
  if (typeof operands === "string") return wrong(operands);
  const behind = words[optionWords] === "--" ? [] : operands.slice(1);
  const stray = behind.find((word) => word.startsWith("-"));
  return stray === undefined ? orderOf(draft, operands) : wrong(misplaced(stray));
}

function misplaced(word: string): string {
  return `${word} behind an address is no option: options come first, and -- before an address that begins so`;
}

/** Takes the letters of one word; returns how many further words were used, or what is wrong. */
function takeWord(draft: Draft, word: string, next: string | undefined): number | string {
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at);
    const attached = word.slice(at + 1);
    if (FLAGS.includes(letter)) {
      draft.flags.add(letter);
    } else if (ATTACHED.includes(letter)) {
      draft.values.set(letter, attached);
      return 0;
    } else if (OPTIONS.includes(letter)) {
      const value = attached === "" ? next : attached;
      if (value === undefined) return `option requires an argument -- ${letter}`;
      draft.values.set(letter, value);
      if (letter === "o") draft.settings.push(value);
      if (letter === "O") draft.longSettings.push(value);
      return attached === "" ? 1 : 0;
    } else {
      return `unknown option -- ${letter}`;
    }
  }
  return 0;
}

function orderOf(draft: Draft, addressees: readonly string[]): SendmailOrder {
  const { values, flags } = draft;
  const mode = values.get("b") ?? "m";
  if (mode === "i" || flags.has("I")) {
    return { kind: "newaliases", words: draft.longSettings.map((setting) => `-O${setting}`) };
  }
  if (mode === "p") return { kind: "mailq" };
  if (mode === "s") return { kind: "smtp" };
  if (mode !== "m") return wrong(`mode not supported -- b${mode}`);
  const queue = values.get("q");
  if (queue === "" || queue === "f") return { kind: "flush" };
  if (queue !== undefined) return wrong(`mode not supported -- q${queue}`);
  const notices = noticesOf(values);
  if (typeof notices === "string") return wrong(notices);
  const order: MailOrder = {
    // The same by another name; `-r` is the old one.
    sender: values.get("f") ?? values.get("r"),
    fullName: values.get("F"),
    addressees,
    readsHeaders: flags.has("t"),
    dotEnds: !flags.has("i") && !draft.settings.includes("i"),
    ...notices,
  };
  return { kind: "message", order, isVerbose: flags.has("v") };
}

type Notices = Pick<MailOrder, "notify" | "returns" | "envelopeId">;

/** What the sender wants to be told; a string says what is wrong. Source: RFC 3461 §4. */
function noticesOf(values: ReadonlyMap<string, string>): Notices | string {
  const notify = notifyOf(values.get("N"));
  if (typeof notify === "string") return notify;
  const asked = values.get("R");
  const returns = asked === undefined ? undefined : returnsOf(asked);
  if (asked !== undefined && returns === undefined) return `invalid return: ${asked}`;
  const id = values.get("V") ?? "";
  const envelopeId = isXtext(id) ? id : encodeXtext(id);
  if (envelopeId.length > MAX_ENVELOPE_ID_LENGTH || /[^ -~]/.test(id))
    return `invalid envelope id: ${id}`;
  return { notify, returns, envelopeId };
}

function notifyOf(text: string | undefined): Notices["notify"] | string {
  if (text === undefined) return undefined;
  const words = new Set<NotifyWord>();
  for (const written of text.split(",")) {
    const word = notifyWord(written.trim());
    if (word === undefined) return `invalid notify: ${text}`;
    words.add(word);
  }
  return words.has("never") && words.size > 1 ? `invalid notify: ${text}` : [...words];
}

function wrong(message: string): SendmailOrder {
  return { kind: "wrong", message };
}
