/**
 * A client's verdict on a recipient, as the result of a delivery attempt.
 *
 * A refusal is final where the server said 5xx. 552 at RCPT without a status of its
 * own is the old form of "too many recipients" and is retried (RFC 5321 §4.5.3.1.10).
 * What is not known is deferred: a second delivery is better than none.
 */
import { unreachable } from "#base/unreachable.ts";
import type { ReceivedReply } from "#protocols/smtp/reply-parser.ts";
import {
  type ClientFault,
  enhancedStatus,
  formatVerdict,
  type Stage,
  type Verdict,
} from "#protocols/smtp/client-session-verdict.ts";
import { type DeliveryResult, MAX_DIAGNOSTIC_BYTES } from "#model/delivery.ts";

/** What is said of an envelope, apart from which one it is. */
export type Outcome = Omit<DeliveryResult, "evpid">;

const TOO_MANY_RECIPIENTS = 552;

/** RFC 3463 codes for mails that cannot be put to this server. */
const UNSENDABLE_STATUS = {
  "too-large": "5.3.4",
  "bad-address": "5.1.3",
  "needs-utf8": "5.6.7",
  "needs-8bit": "5.6.3",
  "needs-binary": "5.6.1",
  "needs-tls": "5.7.30",
  "needs-deliver-by": "5.3.3",
  "too-late": "5.4.7",
} as const;

const FAULT_STATUS: Readonly<Record<ClientFault["kind"], string>> = {
  network: "4.4.2",
  outrun: "4.4.1",
  closed: "4.4.2",
  timeout: "4.4.2",
  protocol: "4.5.0",
  text: "4.3.0",
  busy: "4.4.5",
  // RFC 3463 §3.6: too many recipients, for this session.
  refusals: "4.5.3",
  loop: "5.4.6",
  // RFC 3463 §3.8: what is asked of security is not there; it went wrong; and RFC 4954 §6.
  "no-tls": "4.7.4",
  tls: "4.7.5",
  resumption: "4.7.5",
  auth: "4.7.8",
  chunks: "4.5.0",
};

/** `remote` is who was asked: `host [address]`. */
export function outcomeOf(verdict: Verdict, remote: string): Outcome {
  const diagnostic = boundDiagnostic(formatVerdict(verdict));
  switch (verdict.kind) {
    case "accepted": {
      const status = enhancedStatus(verdict.reply) ?? "2.0.0";
      return { outcome: "delivered", status, diagnostic, remote };
    }
    case "refused":
      return { ...refusal(verdict.stage, verdict.reply), diagnostic, remote };
    case "undecided":
      return { outcome: outcomeOfFault(verdict), status: faultStatus(verdict), diagnostic, remote };
    case "unsendable":
      return { outcome: "failed", status: UNSENDABLE_STATUS[verdict.why], diagnostic, remote };
    default:
      return unreachable(verdict);
  }
}

/** Printable ASCII on one line, within MAX_DIAGNOSTIC_BYTES. */
export function boundDiagnostic(text: string): string {
  const line = text.replaceAll(/[^ -~]+/g, " ");
  return line.length <= MAX_DIAGNOSTIC_BYTES
    ? line
    : `${line.slice(0, MAX_DIAGNOSTIC_BYTES - 3)}...`;
}

function refusal(stage: Stage, reply: ReceivedReply): Pick<Outcome, "outcome" | "status"> {
  const own = enhancedStatus(reply);
  if (stage === "RCPT" && reply.code === TOO_MANY_RECIPIENTS && own === undefined) {
    return { outcome: "deferred", status: "4.5.3" };
  }
  if (reply.code >= 500) return { outcome: "failed", status: own ?? "5.0.0" };
  return { outcome: "deferred", status: own ?? "4.0.0" };
}

function outcomeOfFault({ fault }: Extract<Verdict, { kind: "undecided" }>): Outcome["outcome"] {
  return fault.kind === "loop" ? "loop" : "deferred";
}

function faultStatus(verdict: Extract<Verdict, { kind: "undecided" }>): string {
  // RFC 3463 §3.5: X.4.1 is "no answer from host".
  if (verdict.stage === "CONNECT" && verdict.fault.kind === "network") return "4.4.1";
  return FAULT_STATUS[verdict.fault.kind];
}
