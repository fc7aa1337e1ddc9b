/**
 * How soon a mail is to be delivered, as the next server is told of it: the time by which
 * (DELIVERBY), of which what is left goes on, and its priority (MT-PRIORITY).
 *
 * A server that does not keep times gets nothing that goes back when its time is over, and one
 * that needs more of it than is left neither; all else is sent without a word where the server
 * does not know the word. LMTP delivers at once: what it accepts is in time.
 *
 * Source: RFC 2852 §4 (by-time, by-mode, min-by-time); RFC 6710 §3, §4.
 */
import type { Extensions } from "./client-session-extensions.ts";
import type { Greeted } from "./client-session-state.ts";
import type { UnsendableReason } from "./client-session-verdict.ts";

export interface MailUrgency {
  readonly deliverBy: MailDeadline | undefined;
  /** -9 to 9; 0 is that of mail for which none was asked. */
  readonly priority: number;
}

export interface MailDeadline {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** What is done then, if it was not delivered. */
  readonly mode: "return" | "notify";
  /** The sender is to hear of each server that it is handed to. */
  readonly trace: boolean;
}

/** RFC 2852 §4: a by-time has nine digits at most. */
const MAX_BY_SECONDS = 999_999_999;

/** Why it may not be given to this server; undefined if it may. `nowMs`: since 1970. */
export function lateness(
  { deliverBy }: MailUrgency,
  { dialect, extensions }: Pick<Greeted, "dialect" | "extensions">,
  nowMs: number,
): UnsendableReason | undefined {
  if (deliverBy?.mode !== "return" || dialect === "lmtp") return undefined;
  const { deliverByMinSeconds } = extensions;
  if (deliverByMinSeconds === undefined) return "needs-deliver-by";
  const leastSeconds = Math.max(deliverByMinSeconds, 1);
  return secondsLeft(deliverBy, nowMs) < leastSeconds ? "too-late" : undefined;
}

/** The parameters of MAIL, each behind a space. */
export function urgencyParameters(
  { deliverBy, priority }: MailUrgency,
  extensions: Extensions,
  nowMs: number,
): string {
  let parameters = "";
  if (deliverBy !== undefined && extensions.deliverByMinSeconds !== undefined) {
    const mode = deliverBy.mode === "return" ? "R" : "N";
    parameters += ` BY=${secondsLeft(deliverBy, nowMs)};${mode}${deliverBy.trace ? "T" : ""}`;
  }
  if (priority !== 0 && extensions.mtPriority) parameters += ` MT-PRIORITY=${priority}`;
  return parameters;
}

/** Below 0 once it is over, which is said as it is in mode N. */
function secondsLeft({ atMs }: MailDeadline, nowMs: number): number {
  const seconds = Math.floor((atMs - nowMs) / 1000);
  return Math.min(Math.max(seconds, -MAX_BY_SECONDS), MAX_BY_SECONDS);
}
