/**
 * Hands one file of the drop folder to the daemon, as its owner, and says what is to become
 * of the file.
 *
 * - The daemon has it for all: the file may be removed.
 * - Not now, or refused: it stays, and is tried again; a configuration may be wrong for a while.
 * - Refused, after the daemon could have taken it for REFUSED_TRIED_MS; not taken for
 *   COMPLETE_KEPT_MS; or not readable: it is given up.
 *
 * Of mail that is given up its owner gets a report, if he has a name. While the daemon cannot take
 * the report now, the mail stays and is tried again, up to COMPLETE_KEPT_MS. A report that is
 * refused is told to the log alone.
 *
 * A process that ends between the daemon's answer and the removal has the mail sent twice:
 * once too often is better than not at all.
 */
import type { Files } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import type { MessageText } from "#model/delivery.ts";
import { type DroppedMail, openDropped } from "./dropped-file.ts";
import { COMPLETE_KEPT_MS, FAILED_SUFFIX, REFUSED_TRIED_MS } from "./dropped-names.ts";
import { failureNotice, type Owner } from "./failure-notice.ts";
import type { Complaint, HandedIn, NotTaken } from "./hand-in.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";

export interface DropHandInPorts {
  readonly files: Pick<Files, "open">;
  readonly wallMs: () => number;
  readonly random: Random;
  readonly handIn: (mail: OutgoingMail, text: MessageText) => Promise<HandedIn>;
}

export interface DropHandInSettings {
  /** Who must own it: who runs this. */
  readonly uid: number;
  /** Who is told; undefined: the system has no name for him. */
  readonly owner: Owner | undefined;
  /** Since then the daemon takes mail; by the wall clock. */
  readonly takenSinceMs: number;
}

/** What is to become of the file; `why` is for the log. */
export type DropEnd =
  | { readonly kind: "taken" }
  /** Somebody else has it, has removed it, or has not finished it. */
  | { readonly kind: "not-there"; readonly why: string }
  | { readonly kind: "stays"; readonly why: string }
  | { readonly kind: "given-up"; readonly why: string };

/** @param path of the file, by which its owner is told of it. */
export async function handInDropped(
  ports: DropHandInPorts,
  path: string,
  settings: DropHandInSettings,
): Promise<DropEnd> {
  const { files, wallMs, handIn } = ports;
  const opened = await openDropped({ files, nowMs: wallMs() }, path, settings.uid);
  if (opened.kind === "unusable") return { kind: "given-up", why: opened.why };
  if (opened.kind === "not-there") return opened;
  const { dropped } = opened;
  const { mail, takenFor, text } = dropped;
  try {
    const left = { ...mail, forwardPaths: mail.forwardPaths.slice(takenFor) };
    const outcome = await handIn(left, text);
    if (outcome.kind === "taken") return outcome;
    if (outcome.takenFor > 0) await dropped.nowTakenFor(takenFor + outcome.takenFor);
    const notTaken = { ...left, forwardPaths: left.forwardPaths.slice(outcome.takenFor) };
    return await judged(ports, { ...settings, path, dropped, mail: notTaken }, outcome);
  } finally {
    await dropped.close();
  }
}

interface Untaken extends DropHandInSettings {
  readonly path: string;
  readonly dropped: DroppedMail;
  /** For those who do not have it. */
  readonly mail: OutgoingMail;
}

async function judged(
  ports: DropHandInPorts,
  untaken: Untaken,
  outcome: NotTaken,
): Promise<DropEnd> {
  const nowMs = ports.wallMs();
  const { writtenAtMs } = untaken.dropped;
  const why = wordsOf(outcome.complaints);
  const isTried = nowMs - Math.max(writtenAtMs, untaken.takenSinceMs) > REFUSED_TRIED_MS;
  const isOld = nowMs - writtenAtMs > COMPLETE_KEPT_MS;
  if (!isTried || (outcome.kind === "not-now" && !isOld)) return { kind: "stays", why };
  const report = await reported(ports, untaken, outcome);
  const kind = report.isLater && !isOld ? "stays" : "given-up";
  return { kind, why: `${why}; ${report.words}` };
}

async function reported(
  { random, wallMs, handIn }: DropHandInPorts,
  { owner, mail, dropped, path }: Untaken,
  outcome: NotTaken,
): Promise<{ readonly words: string; readonly isLater: boolean }> {
  if (owner === undefined) return { words: "its owner has no name to be told by", isLater: false };
  const occasion = { owner, mail, dropped, outcome, keptAs: path + FAILED_SUFFIX, nowMs: wallMs() };
  const notice = await failureNotice(random, occasion);
  if (notice === undefined) return { words: "nobody wants a report", isLater: false };
  const told = await handIn(notice.mail, notice.text);
  const report = `the report to ${owner.login}`;
  if (told.kind === "taken") return { words: `${report} is sent`, isLater: false };
  const words = `${report} is not taken: ${wordsOf(told.complaints)}`;
  return { words, isLater: told.kind === "not-now" };
}

/** The first of them; the log is no place for a thousand. */
function wordsOf(complaints: readonly Complaint[]): string {
  const [first, ...others] = complaints;
  if (first === undefined) return "the daemon did not take it";
  const about = first.address === undefined ? "" : `<${first.address}>: `;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return `${about}${first.text}${more}`;
}
