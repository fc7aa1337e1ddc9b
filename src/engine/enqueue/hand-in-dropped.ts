/**
 * Hands one file of the drop folder to the daemon, as its owner, and says what is to become
 * of the file.
 *
 * - The daemon has it for all: the file may be removed.
 * - Not now, or refused: it stays, and is tried again; a configuration may be wrong for a while.
 * - Refused or not taken for COMPLETE_KEPT_MS, or not readable: it is given up.
 *
 * A process that ends between the daemon's answer and the removal has the mail sent twice:
 * once too often is better than not at all.
 */
import type { Files } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";
import { openDropped } from "./dropped-file.ts";
import { COMPLETE_KEPT_MS } from "./dropped-names.ts";
import type { Complaint, HandedIn } from "./hand-in.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";

export interface DropHandInPorts {
  readonly files: Pick<Files, "open">;
  readonly wallMs: () => number;
  readonly handIn: (mail: OutgoingMail, text: MessageText) => Promise<HandedIn>;
}

/** What is to become of the file; `why` is for the log. */
export type DropEnd =
  | { readonly kind: "taken" }
  /** Somebody else has it, has removed it, or has not finished it. */
  | { readonly kind: "not-there"; readonly why: string }
  | { readonly kind: "stays"; readonly why: string }
  | { readonly kind: "given-up"; readonly why: string };

export async function handInDropped(
  { files, wallMs, handIn }: DropHandInPorts,
  path: string,
  owner: number,
): Promise<DropEnd> {
  const opened = await openDropped({ files, nowMs: wallMs() }, path, owner);
  if (opened.kind === "unusable") return { kind: "given-up", why: opened.why };
  if (opened.kind === "not-there") return opened;
  const { dropped } = opened;
  const { mail, takenFor, text, writtenAtMs } = dropped;
  try {
    const left = { ...mail, forwardPaths: mail.forwardPaths.slice(takenFor) };
    const outcome = await handIn(left, text);
    if (outcome.kind === "taken") return outcome;
    if (outcome.takenFor > 0) await dropped.nowTakenFor(takenFor + outcome.takenFor);
    const why = wordsOf(outcome.complaints);
    const isOld = wallMs() - writtenAtMs > COMPLETE_KEPT_MS;
    return { kind: isOld ? "given-up" : "stays", why };
  } finally {
    await dropped.close();
  }
}

/** The first of them; the log is no place for a thousand. */
function wordsOf(complaints: readonly Complaint[]): string {
  const [first, ...others] = complaints;
  if (first === undefined) return "the daemon did not take it";
  const about = first.address === undefined ? "" : `<${first.address}>: `;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return `${about}${first.text}${more}`;
}
