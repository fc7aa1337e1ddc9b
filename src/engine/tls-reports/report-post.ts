/**
 * A TLS report as mail of ours, given to the queue: durable once it is "taken".
 *
 * What comes from another process is looked at again: an address, names, and nothing that could
 * begin a header. The message is from origin "internal", as notices are, and goes where the
 * ruleset says (`from local`). Its sender is whoever is to be asked about reports, so that who
 * checks senders knows it (SPF, DMARC); nobody is to be told how it fared (NOTIFY=NEVER), and of
 * mail from "internal" nobody is told anything either.
 *
 * Source: RFC 8460 §5.3; RFC 8689 §4; RFC 3461 §4.1.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import { unreachable } from "#base/unreachable.ts";
import { parseAddress } from "#protocols/mail/address.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import { formatReportMail } from "#protocols/tlsrpt/report-mail.ts";
import { type Message, NO_TERMS, type RecipientTerms } from "#model/envelope.ts";
import type { Observe } from "#model/events.ts";
import { randomSessionId } from "#model/ids.ts";
import type { Intake } from "#model/intake.ts";
import type { LetterOutcome, ReportLetter } from "#model/ipc/tls-report-link.ts";
import type { PlannedEnvelope, Routing } from "#model/resolution.ts";
import { ownEnvelopes, ownOrigin } from "#engine/bounce/own-mail.ts";
import type { Reporter } from "./report-sending.ts";

export interface PostPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly routing: Routing;
  readonly intake: Intake;
  readonly observe: Observe;
}

type From = Pick<Reporter, "serverName" | "contact">;

/** Never rejects. */
export async function postReport(
  ports: PostPorts,
  from: From,
  letter: ReportLetter,
): Promise<LetterOutcome> {
  const nowhere = (why: string): LetterOutcome => {
    const text = `TLS report to <${letter.to}> has nowhere to go: ${why}`;
    ports.observe({ kind: "warning", text });
    return "refused";
  };
  if (!isLetter(letter)) return nowhere("it is none");
  const resolution = await ports.routing.resolve({
    origin: ownOrigin(from.serverName),
    via: "internal",
    tls: false,
    reversePath: from.contact,
    forwardPath: letter.to,
  });
  switch (resolution.kind) {
    case "unavailable":
    case "expansion-later":
      return "later";
    case "rejected":
    case "expansion":
      return nowhere(resolution.why);
    case "said":
      return nowhere(`${resolution.code} ${resolution.text}`);
    case "accepted":
      if (resolution.envelopes.length === 0) return nowhere("it expands to nobody");
      return submit(ports, { from, letter }, resolution.envelopes);
    default:
      return unreachable(resolution);
  }
}

const NOT_TOLD: RecipientTerms = { notify: ["never"], originalRecipient: "" };

async function submit(
  { clock, random, intake }: PostPorts,
  { from, letter }: { readonly from: From; readonly letter: ReportLetter },
  planned: readonly PlannedEnvelope[],
): Promise<LetterOutcome> {
  const submission = intake.open();
  if (submission === undefined) return "later";
  const { msgid } = submission;
  const text = formatReportMail({
    submitter: from.serverName,
    from: from.contact,
    ...letter,
    id: `${msgid}.${randomSessionId(random)}`,
    boundary: randomSessionId(random) + randomSessionId(random),
    writtenAtMs: clock.wallMs(),
  });
  submission.write(text);
  const message: Message = {
    msgid,
    acceptedAtMs: clock.wallMs(),
    reversePath: from.contact,
    origin: ownOrigin(from.serverName),
    textBytes: text.length,
    is8bit: false,
    terms: { ...NO_TERMS, tls: "optional" },
  };
  const envelope = { msgid, forwardPath: letter.to, terms: NOT_TOLD };
  const receipt = await submission.commit(message, ownEnvelopes(random, envelope, planned));
  return receipt.kind === "accepted" ? "taken" : "later";
}

function isLetter({ to, domain, reportId, fileName }: ReportLetter): boolean {
  const address = parseAddress(to, "");
  if ("kind" in address || !isHostName(domain)) return false;
  return [to, reportId, fileName].every((each) => /^[!#-~]+$/u.test(each));
}
