/**
 * The texts of `queue encryption` keys, where they are not in smtpd.conf(5) itself: in a file,
 * or as one line that is typed or piped.
 *
 * A file has a key a line. The first one encrypts, all of them decrypt, so that a key is
 * replaced by a new first line and goes when nothing needs it any more. The word `none` in the
 * first line ends encryption: new mail is not encrypted, what waits can be read. Empty lines,
 * and what begins with `#`, mean nothing.
 */
import { QUEUE_KEY_LENGTH } from "./defaults.ts";

/** More than anybody rotates through while mail waits. */
export const MAX_QUEUE_KEYS = 16;

/** Undefined: encrypt nothing new; only in the first place. */
export type QueueKeys = readonly (string | undefined)[];

/** As OpenSMTPD has it: the characters are the key. */
export function isQueueKey(text: string): boolean {
  return text.length === QUEUE_KEY_LENGTH && /^[!-~]+$/u.test(text);
}

/** The keys, or what is wrong with the text; which does not say what stands there. */
export function parseQueueKeys(text: string): QueueKeys | string {
  const keys: (string | undefined)[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    if (keys.length === MAX_QUEUE_KEYS) return `more than ${MAX_QUEUE_KEYS} keys`;
    if (line === "none" && keys.length === 0) keys.push(undefined);
    else if (isQueueKey(line)) keys.push(line);
    else return `line ${index + 1}: a queue key has ${QUEUE_KEY_LENGTH} characters`;
  }
  return keys.length === 0 ? "there is no key" : keys;
}
