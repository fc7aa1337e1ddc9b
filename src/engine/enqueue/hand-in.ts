/**
 * Hands a message to the daemon over its socket, by SMTP.
 *
 * All recipients get it, or none: what is not handed in stays with who had it, whole, and is
 * sent to nobody twice. More recipients than the daemon takes at once are as many messages,
 * one after the other, up to the first that is not taken.
 *
 * Promises: never rejects for what the daemon does.
 *
 * Source: RFC 5321 §3.3, §4.5.3.1.8 (recipients of one transaction); RFC 9422 (LIMITS).
 */
import type { Endpoint } from "#base/endpoint.ts";
import { NO_RCPT_OPTIONS } from "#protocols/smtp/rcpt-options.ts";
import type { ClientMail } from "#protocols/smtp/client-session-mail.ts";
import {
  enhancedStatus,
  formatVerdict,
  type Verdict,
} from "#protocols/smtp/client-session-verdict.ts";
import type { MessageText } from "#model/delivery.ts";
import type { ClientPorts } from "#engine/client/client-settings.ts";
import { openClient } from "#engine/client/open-client.ts";
import type { SmtpClient } from "#engine/client/smtp-client.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";

/** RFC 5321 §4.5.3.1.8: who names no limit takes as many. */
const RECIPIENTS_AT_ONCE = 100;

export interface Complaint {
  /** Whom it is about; undefined: everyone. */
  readonly address: string | undefined;
  /** What was said; printable ASCII only if it was. */
  readonly text: string;
  /** RFC 3463's, "" where none was given. */
  readonly status: string;
}

export type HandedIn =
  | { readonly kind: "taken" }
  /** It will not be taken as it is. `status` is RFC 3463's, "" where none was given. */
  | {
      readonly kind: "refused";
      readonly complaints: readonly Complaint[];
      readonly status: string;
      /** Of its recipients, from the first: they have it. */
      readonly takenFor: number;
    }
  /** Nobody answered, or not now: it may be taken later. */
  | {
      readonly kind: "not-now";
      readonly complaints: readonly Complaint[];
      readonly takenFor: number;
    };

export type NotTaken = Exclude<HandedIn, { readonly kind: "taken" }>;

export interface HandInSettings {
  readonly endpoint: Endpoint;
  /** Each line of the dialog. */
  readonly trace: ((line: string) => void) | undefined;
}

export async function handIn(
  ports: ClientPorts,
  { endpoint, trace }: HandInSettings,
  mail: OutgoingMail,
  text: MessageText,
): Promise<HandedIn> {
  const opened = await openClient(ports, endpoint, {
    dialect: "smtp",
    helo: "localhost",
    ...(trace && { trace }),
  });
  if (opened.kind === "failed") return judge([opened.verdict], [], 0);
  const { client } = opened;
  const outcome = await sendAll(client, mail, text);
  await client.quit();
  return outcome;
}

async function sendAll(
  client: SmtpClient,
  mail: OutgoingMail,
  text: MessageText,
): Promise<HandedIn> {
  const { forwardPaths } = mail;
  const atOnce = client.extensions.maxRecipients ?? RECIPIENTS_AT_ONCE;
  for (let from = 0; from < forwardPaths.length; from += atOnce) {
    const some = forwardPaths.slice(from, from + atOnce);
    const outcome = await client.send(clientMail({ ...mail, forwardPaths: some }, text), text);
    const verdicts = outcome.kind === "verdicts" ? outcome.verdicts : [outcome.verdict];
    if (verdicts.every(({ kind }) => kind === "accepted")) continue;
    return judge(verdicts, some, from);
  }
  return { kind: "taken" };
}

function clientMail(mail: OutgoingMail, text: MessageText): ClientMail {
  const { reversePath, forwardPaths, notify, returns, envelopeId, is8bit } = mail;
  return {
    reversePath,
    forwardPaths,
    textBytes: text.bytes,
    is8bit,
    isIndivisible: true,
    notices: {
      returns,
      envelopeId,
      recipients: forwardPaths.map(() =>
        notify === undefined ? NO_RCPT_OPTIONS : { ...NO_RCPT_OPTIONS, notify },
      ),
    },
  };
}

/** What stands in the way: a refusal for good goes before one for now, and either before silence. */
function judge(
  verdicts: readonly Verdict[],
  addresses: readonly string[],
  takenFor: number,
): HandedIn {
  const refusing = verdicts.filter(isFinal);
  const [first] = refusing;
  if (first !== undefined) {
    const complaints = complaintsOf(verdicts, addresses, isFinal);
    return { kind: "refused", complaints, status: statusOf(first), takenFor };
  }
  const isAnswer = verdicts.some(({ kind }) => kind === "refused");
  const why = isAnswer
    ? ({ kind }: Verdict) => kind === "refused"
    : ({ kind }: Verdict) => kind !== "accepted";
  return { kind: "not-now", complaints: complaintsOf(verdicts, addresses, why), takenFor };
}

function isFinal(verdict: Verdict): boolean {
  if (verdict.kind === "unsendable") return true;
  return verdict.kind === "refused" && verdict.reply.code >= 500;
}

function statusOf(verdict: Verdict): string {
  if (verdict.kind === "unsendable") return UNSENDABLE_STATUS;
  return verdict.kind === "refused" ? (enhancedStatus(verdict.reply) ?? "") : "";
}

/** RFC 3463 §3.7: the message cannot be carried as it is. */
const UNSENDABLE_STATUS = "5.6.0";

/** One for each recipient that RCPT was answered for, or one for all. */
function complaintsOf(
  verdicts: readonly Verdict[],
  addresses: readonly string[],
  counts: (verdict: Verdict) => boolean,
): readonly Complaint[] {
  const complaints: Complaint[] = [];
  const said = new Set<string>();
  for (const [index, verdict] of verdicts.entries()) {
    if (!counts(verdict)) continue;
    const text = formatVerdict(verdict);
    const isOfRecipient = verdict.kind === "refused" && verdict.stage === "RCPT";
    const address = isOfRecipient ? addresses[index] : undefined;
    if (address === undefined && said.has(text)) continue;
    said.add(text);
    complaints.push({ address, text, status: statusOf(verdict) });
  }
  return complaints;
}
