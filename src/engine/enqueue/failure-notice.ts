/**
 * The report to the owner of offline mail that is given up: what was said, for whom, the mail
 * itself or its header, and where its file is. His program was told that the mail would be sent.
 *
 * It is a report as the queue writes them (protocols/dsn), with the null reverse-path. There is
 * none about a report or other mail with a null reverse-path (RFC 5321 §4.5.5), nor where the
 * sender wants none (RFC 3461 §4.1). It goes to the owner and not to the reverse-path: whoever
 * that is, the user of this machine is the one who waits.
 *
 * Source: RFC 3464; RFC 3461 §6.2 (what is returned); docs/decisions/0025-reports-of-offline-mail.md.
 */
import type { Random } from "#base/ports/random.ts";
import type { ReportedRecipient } from "#protocols/dsn/delivery-status.ts";
import { formatReport } from "#protocols/dsn/report.ts";
import type { MessageText } from "#model/delivery.ts";
import { randomMsgid, randomSessionId } from "#model/ids.ts";
import { readOriginal } from "#engine/bounce/original.ts";
import type { DroppedMail } from "./dropped-file.ts";
import type { Complaint, NotTaken } from "./hand-in.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";

/** Recipients that one report is about: those that something was said of come first. */
export const MAX_REPORTED = 1_000;

/** RFC 3463 §3.5: the time for it is over. */
const TOO_LATE_STATUS = "5.4.7";
/** RFC 3463 §3.1: nothing is known but that it failed. */
const OTHER_STATUS = "5.0.0";
/** RFC 3463 §3.3, §3.4: too large, and no smaller in a report. */
const TOO_LARGE: ReadonlySet<string> = new Set(["5.2.3", "5.3.4"]);

const ALL_OR_NONE = "It is sent to all of its recipients or to none.";

/** Whom a report goes to, at the name of this machine's mail. */
export interface Owner {
  readonly login: string;
  readonly serverName: string;
}

export interface NoticeOccasion {
  readonly owner: Owner;
  /** Who does not get it, and what it says. */
  readonly mail: OutgoingMail;
  readonly dropped: Pick<DroppedMail, "text" | "writtenAtMs">;
  readonly outcome: NotTaken;
  /** Where the file will be. */
  readonly keptAs: string;
  readonly nowMs: number;
}

export interface Notice {
  readonly mail: OutgoingMail;
  readonly text: MessageText;
}

/** Undefined: nobody wants one. The text reads the dropped mail again each time it is sent. */
export async function failureNotice(
  random: Random,
  occasion: NoticeOccasion,
): Promise<Notice | undefined> {
  const { owner, mail, dropped, outcome, keptAs, nowMs } = occasion;
  const { reversePath, notify, returns, envelopeId, forwardPaths } = mail;
  if (reversePath === "" || (notify !== undefined && !notify.includes("failure"))) return undefined;
  const to = `${owner.login}@${owner.serverName}`;
  const wanted = returns === "headers" || isTooLarge(outcome) ? "header" : "whole";
  const { returned, messageId } = await readOriginal({ terms: undefined }, dropped.text, wanted);
  const { before, after, is8bit } = formatReport({
    serverName: owner.serverName,
    action: "failed",
    form: "ascii",
    to,
    id: `${randomMsgid(random)}.${randomSessionId(random)}`,
    boundary: randomSessionId(random) + randomSessionId(random),
    writtenAtMs: nowMs,
    arrivedAtMs: dropped.writtenAtMs,
    envelopeId,
    recipients: reported(forwardPaths, outcome, nowMs),
    remarks: [
      ...(forwardPaths.length > MAX_REPORTED
        ? [`It was for ${forwardPaths.length} recipients, of whom ${MAX_REPORTED} are named.`]
        : []),
      `Your message is kept as ${keptAs}: remove it there, or take .failed off its name to have it tried again.`,
    ],
    originalId: messageId,
    returned,
  });
  const pieces = returned.kind === "message" ? [before, dropped.text, after] : [before, after];
  return {
    mail: {
      reversePath: "",
      forwardPaths: [to],
      notify: undefined,
      returns: undefined,
      envelopeId: "",
      is8bit,
    },
    text: joined(pieces),
  };
}

function isTooLarge(outcome: NotTaken): boolean {
  return outcome.kind === "refused" && TOO_LARGE.has(outcome.status);
}

function reported(
  forwardPaths: readonly string[],
  { kind, complaints }: NotTaken,
  nowMs: number,
): readonly ReportedRecipient[] {
  const ofAll = complaints.find(({ address }) => address === undefined);
  const own = new Map(complaints.map((complaint) => [complaint.address, complaint]));
  const named = forwardPaths.filter((path) => own.has(path));
  const others = forwardPaths.filter((path) => !own.has(path));
  const isLate = kind === "not-now";
  const saidOf = (recipient: string, complaint: Complaint | undefined): ReportedRecipient => ({
    recipient,
    orcpt: "",
    status: isLate ? TOO_LATE_STATUS : complaint?.status || OTHER_STATUS,
    diagnostic: complaint?.text ?? ALL_OR_NONE,
    remote: "",
    lastTryAtMs: nowMs,
    retryUntilMs: 0,
  });
  return [...named, ...others]
    .slice(0, MAX_REPORTED)
    .map((path) => saidOf(path, own.get(path) ?? ofAll));
}

function joined(pieces: readonly (Uint8Array | MessageText)[]): MessageText {
  return {
    bytes: pieces.reduce((sum, piece) => sum + bytesOf(piece), 0),
    async *chunks() {
      for (const piece of pieces) {
        if (piece instanceof Uint8Array) yield piece;
        else yield* piece.chunks();
      }
    },
  };
}

function bytesOf(piece: Uint8Array | MessageText): number {
  return piece instanceof Uint8Array ? piece.length : piece.bytes;
}
