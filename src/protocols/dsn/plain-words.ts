/**
 * What a status code means to the person who wrote the message, and what they can do.
 *
 * Only the code is looked at, never the words of a server: those are quoted beside it.
 * Source: RFC 3463 §3; RFC 7505, RFC 6531 and RFC 8689 for codes that came later.
 */

const NO_SUCH_ADDRESS = "There is no such address. Check how it is written.";
const NO_SUCH_DOMAIN =
  "What stands behind the @ takes no mail, or does not exist. Check how it is written.";
const TOO_LARGE = "The message is too large. Send less at once, or without attachments.";
const NO_ANSWER = "Its server could not be reached.";
const FULL = "The mailbox is full. Its owner has to make room, or be told in another way.";

/** By subject and detail: `1.1` of `5.1.1`. */
const FAILURES: ReadonlyMap<string, string> = new Map([
  ["1.0", NO_SUCH_ADDRESS],
  ["1.1", NO_SUCH_ADDRESS],
  ["1.2", NO_SUCH_DOMAIN],
  ["1.3", "This is not written as an address can be."],
  ["1.6", "The mailbox has moved, and its server does not say where to."],
  ["1.7", "Its server does not accept your own address."],
  ["1.8", "Its server does not accept your own address."],
  ["1.10", "What stands behind the @ takes no mail at all."],
  ["2.1", "The mailbox is closed, or takes no mail for now."],
  ["2.2", FULL],
  ["2.3", TOO_LARGE],
  ["2.4", "The list of addresses behind it is broken. Tell whoever keeps it."],
  ["3.4", TOO_LARGE],
  ["4.1", NO_ANSWER],
  ["4.4", NO_SUCH_DOMAIN],
  ["4.6", "Servers send the message round in a circle. Tell the postmaster of one of them."],
  ["4.7", "Its server did not take the message in the time that there was for it."],
  ["6.1", "Its server cannot take a message of this kind."],
  ["6.7", "Its server knows no addresses or headers in other scripts than ASCII."],
  ["7.1", "Its server does not take this message from you."],
  ["7.30", "Its server cannot be reached over an encrypted connection, which was asked for."],
]);

const DELAYS: ReadonlyMap<string, string> = new Map([
  ["2.2", FULL],
  ["3.1", "The disk of its server is full."],
  ["4.1", NO_ANSWER],
  ["4.2", "The connection to its server broke off."],
  ["4.3", "Its server could not be found: the name service did not answer."],
  ["7.1", "Its server asks to try again later."],
]);

/** By subject alone. */
const FAILED_SUBJECTS: readonly string[] = [
  "Its server refused the message.",
  "Its server does not accept one of the addresses.",
  "The mailbox cannot take the message.",
  "Its server cannot take the message.",
  "The message could not be brought to its server.",
  "Its server and this one could not agree on how to speak to each other.",
  "Its server cannot take what the message holds.",
  "Its server does not take this message. It may take it for spam.",
];

const NOT_YET = "Its server could not take the message yet.";

/** `status` as in RFC 3463. */
export function whyFailed(status: string): string {
  const [, subject = "0", detail = "0"] = status.split(".");
  return (
    FAILURES.get(`${subject}.${detail}`) ??
    FAILED_SUBJECTS[Number(subject)] ??
    "Its server refused the message."
  );
}

export function whyDelayed(status: string): string {
  const [, subject = "0", detail = "0"] = status.split(".");
  return DELAYS.get(`${subject}.${detail}`) ?? NOT_YET;
}
