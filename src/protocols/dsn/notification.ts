/**
 * The part of a report that people read: who, what happened, what the far server said,
 * what to do, and how long this server goes on.
 *
 * What strangers wrote is quoted behind a mark, so that it is seen to be someone else's.
 */
import { unreachable } from "#base/unreachable.ts";
import { formatDate } from "#protocols/mail/date.ts";
import {
  type Action,
  isReply,
  type ReportedMessage,
  type ReportedRecipient,
} from "./delivery-status.ts";
import { whyDelayed, whyFailed } from "./plain-words.ts";
import { printable, printableAddress, wrapped } from "./printable.ts";

/** Recipients that the text names; the rest is counted there and in full in the second part. */
const MAX_LISTED = 50;
/** Of a diagnostic, in the text. */
const MAX_QUOTED_BYTES = 500;
const INDENT = "    ";

const WHAT_HAPPENED: Readonly<Record<Action, string>> = {
  failed: "could not be delivered to:",
  delayed: "could not be delivered yet to:",
  delivered: "was delivered to:",
  relayed: "was handed on to another server, for:",
  expanded: "was sent on to the members of a list, for:",
};

/** Lines of any printable characters, to be put in a charset. `remarks` say what is given back, and more. */
export function notificationLines(
  report: ReportedMessage,
  remarks: readonly string[],
): readonly string[] {
  const { serverName, action, arrivedAtMs, recipients } = report;
  const lines = [
    `This is the mail server ${printable(serverName, MAX_QUOTED_BYTES, "utf8")}.`,
    "",
    `Your message of ${formatDate(arrivedAtMs)}`,
    WHAT_HAPPENED[action],
  ];
  const listed = distinct(recipients.map((each) => recipientLines(action, each)));
  for (const block of listed.slice(0, MAX_LISTED)) lines.push("", ...block);
  const unlisted = listed.length - MAX_LISTED;
  if (unlisted > 0) lines.push("", `  and ${unlisted} more, named in the report that is attached.`);
  lines.push("", ...[...ending(report), ...remarks].flatMap((each) => wrapped(each, "")));
  return lines;
}

/** A list's members may have failed alike, and are told as the list (RFC 3461 §5.2.7.4). */
function distinct(blocks: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return [...new Map(blocks.map((block) => [block.join("\n"), block])).values()];
}

function recipientLines(action: Action, reported: ReportedRecipient): readonly string[] {
  const { recipient, status } = reported;
  const lines = [`  <${printableAddress(recipient, "utf8")}>`];
  switch (action) {
    case "failed":
      return [...lines, ...wrapped(whyFailed(status), INDENT), ...said(reported)];
    case "delayed":
      return [...lines, ...wrapped(whyDelayed(status), INDENT), ...said(reported)];
    case "relayed":
      return [...lines, ...said(reported)];
    case "delivered":
    case "expanded":
      return lines;
    default:
      return unreachable(action);
  }
}

function said(reported: ReportedRecipient): readonly string[] {
  const remote = printable(reported.remote, MAX_QUOTED_BYTES, "utf8");
  const diagnostic = printable(reported.diagnostic, MAX_QUOTED_BYTES, "utf8");
  if (diagnostic === "") return [];
  const who = remote === "" ? "This server" : remote;
  const verb = remote === "" || !isReply(diagnostic) ? "notes" : "said";
  const subject = remote !== "" && verb === "notes" ? `About ${remote} this server` : who;
  return [...wrapped(`${subject} ${verb}:`, INDENT), ...wrapped(diagnostic, `${INDENT}> `)];
}

function ending({ action, recipients }: ReportedMessage): readonly string[] {
  switch (action) {
    case "failed":
      return ["This server has given up, and tries nothing more for them."];
    case "delayed": {
      const untilMs = Math.max(...recipients.map(({ retryUntilMs }) => retryUntilMs));
      return [
        `This server keeps trying until ${formatDate(untilMs)}. You do not have to send the message again.`,
      ];
    }
    case "relayed":
      return ["The other server may send no reports: this can be the last that you hear of it."];
    case "delivered":
      return ["You asked to be told."];
    case "expanded":
      return ["You asked to be told. You will not be told of the delivery to each member."];
    default:
      return unreachable(action);
  }
}
