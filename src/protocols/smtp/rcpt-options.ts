/**
 * What a client asks for with the parameters of RCPT: notices about that recipient, and
 * how it was called at first. They hold for that recipient alone; OpenSMTPD lets them
 * leak into the ones that follow.
 *
 * Source: RFC 3461 §4.1 (NOTIFY), §4.2 (ORCPT); RFC 6533 §3 (ORCPT beyond ASCII).
 */
import type { Extensions } from "./extensions.ts";
import { type Parameter, type ParameterTraits, readParameters } from "./parameters.ts";
import type { Reply } from "./reply.ts";
import { BAD_ORIGINAL_RECIPIENT, BAD_PARAMETER, NEVER_AND_MORE } from "./status.ts";
import { isUtf8AddressText, isXtext } from "./xtext.ts";

/** What the sender wants to be told of; "never" stands alone. They are stored by their place here. */
export const NOTIFY_WORDS = ["never", "success", "failure", "delay"] as const;
export type NotifyWord = (typeof NOTIFY_WORDS)[number];

export interface RcptOptions {
  /** Undefined: nothing was said. */
  readonly notify: readonly NotifyWord[] | undefined;
  /** `rfc822;` and xtext, as written, or "". */
  readonly originalRecipient: string;
}

type Draft = { -readonly [Name in keyof RcptOptions]: RcptOptions[Name] };
type Traits = ParameterTraits<Draft>;

/** RFC 3461 §4.2. */
const MAX_ORIGINAL_RECIPIENT_LENGTH = 500;

export const NO_RCPT_OPTIONS: RcptOptions = Object.freeze({
  notify: undefined,
  originalRecipient: "",
});

/** What the parameters of RCPT ask for, or the reply that refuses them. */
export function parseRcptOptions(
  parameters: readonly Parameter[],
  extensions: Extensions,
): RcptOptions | Reply {
  if (parameters.length === 0) return NO_RCPT_OPTIONS;
  const draft: Draft = { ...NO_RCPT_OPTIONS };
  return readParameters(parameters, KNOWN, draft, extensions) ?? draft;
}

const withDsn = ({ dsn }: Extensions): boolean => dsn;

const KNOWN: ReadonlyMap<string, Traits> = new Map<string, Traits>([
  ["NOTIFY", { isOffered: withDsn, read: readNotify }],
  ["ORCPT", { isOffered: withDsn, read: readOriginalRecipient }],
]);

/** RFC 3461 §4.1: in capitals or not. Undefined: it is none. */
export function notifyWord(written: string): NotifyWord | undefined {
  const word = written.toLowerCase();
  return NOTIFY_WORDS.find((each) => each === word);
}

function readNotify(value: string, draft: Draft): Reply | undefined {
  const words = new Set<NotifyWord>();
  for (const written of value.split(",")) {
    const word = notifyWord(written);
    if (word === undefined || words.has(word)) return BAD_PARAMETER;
    words.add(word);
  }
  if (words.has("never") && words.size > 1) return NEVER_AND_MORE;
  draft.notify = [...words];
  return undefined;
}

function readOriginalRecipient(value: string, draft: Draft): Reply | undefined {
  const [, type, address] = /^([A-Za-z0-9-]+);(.+)$/.exec(value) ?? [];
  if (type === undefined || address === undefined || value.length > MAX_ORIGINAL_RECIPIENT_LENGTH)
    return BAD_ORIGINAL_RECIPIENT;
  const isValid = type.toLowerCase() === "utf-8" ? isUtf8AddressText(address) : isXtext(address);
  if (!isValid) return BAD_ORIGINAL_RECIPIENT;
  draft.originalRecipient = value;
  return undefined;
}
