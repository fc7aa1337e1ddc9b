/** Whether senders were told of what failed, once, in the words that were said last. */
import type { Recipient } from "./recipient.ts";
import type { Report } from "./sending-side.ts";

export function reportFaults(
  { mail, forwardPath, attempts, isExpired, log }: Recipient,
  reports: readonly Report[],
): readonly string[] {
  const last = attempts.at(-1)?.result;
  const isOver = last !== undefined && ["failed", "loop"].includes(last.outcome);
  const groups = reports
    .filter(({ to }) => to === mail.reversePath)
    .flatMap(({ text }) => groupsOf(text, forwardPath, "failed"));
  if (groups.length !== (isExpired || isOver ? 1 : 0))
    return [`it is in ${groups.length} reports of failures`];
  const [group] = groups;
  if (group === undefined || last === undefined) return [];
  const said = log.quoted(last.diagnostic);
  const expected = [
    // After what was said last, that it has expired is told by the status.
    `Status: ${isExpired ? "5.4.7" : last.status}`,
    `; ${last.diagnostic}`,
    ...(said === undefined || last.held !== undefined ? [] : [`Remote-MTA: dns; ${said.host}`]),
  ];
  return expected.flatMap((each) => (group.includes(each) ? [] : [`'${each}' is not in ${group}`]));
}

/** What a report says of one recipient as failed or delayed, unfolded. RFC 3464 §2.3. */
export function groupsOf(
  report: string,
  forwardPath: string,
  action: "failed" | "delayed",
): readonly string[] {
  return report
    .replaceAll(/\r\n[ \t]/g, " ")
    .split("\r\n\r\n")
    .filter(
      (group) =>
        group.includes(`Final-Recipient: rfc822; ${forwardPath}\r\n`) &&
        group.includes(`Action: ${action}`),
    );
}
