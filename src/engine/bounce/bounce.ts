/**
 * Reports to senders: whether one is sent, where it goes, and the message that it is.
 *
 * A report is a message like any other from origin "internal", with the null
 * reverse-path, matched by the ruleset. Promises: no report about a report, nor of
 * anything else with a null reverse-path; one report for all recipients of a message
 * that come to the same end together; bounded in number (notice-limits.ts); nothing is
 * stored here: the queue commits the report in the same batch as what it tells of.
 *
 * Source: RFC 5321 §4.5.5, §6.1; RFC 3461 §6; RFC 3834 §2; OpenSMTPD bounce.c.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import type { Action, ReportedRecipient } from "#protocols/dsn/delivery-status.ts";
import type { Form } from "#protocols/dsn/printable.ts";
import { formatReport } from "#protocols/dsn/report.ts";
import type { MessageText } from "#model/delivery.ts";
import { type Envelope, type Message, NO_TERMS, type Terms } from "#model/envelope.ts";
import { randomSessionId } from "#model/ids.ts";
import type { NoticeLimit } from "#model/limit-name.ts";
import type { PlannedEnvelope, Routing } from "#model/resolution.ts";
import { NoticeLimits } from "./notice-limits.ts";
import { readOriginal } from "./original.ts";
import { ownEnvelopes, ownOrigin } from "./own-mail.ts";

export interface BouncePorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Where reports go, until `takeUp` says otherwise. */
  readonly routing: Routing;
}

/** What a report is about. */
export interface BounceOccasion {
  readonly message: Message;
  readonly text: MessageText;
  readonly action: Action;
  /** Not empty. */
  readonly recipients: readonly ReportedRecipient[];
  /** The message may be given back whole, if the sender asked for that. */
  readonly mayReturnWhole: boolean;
  /** A fresh msgid; called only if there is to be a report. */
  newMsgid(): string;
}

/** The text of a report: `original` stands between the others, if it is given back whole. */
export interface NoticeText {
  readonly before: Uint8Array;
  readonly original: MessageText | undefined;
  readonly after: Uint8Array;
}

export type BounceDraft =
  | {
      readonly kind: "bounce";
      readonly message: Message;
      readonly envelopes: readonly Envelope[];
      readonly text: NoticeText;
    }
  | { readonly kind: "dropped"; readonly why: string; readonly limit: NoticeLimit | undefined }
  /** Where it goes cannot be found out now: ask again later. */
  | { readonly kind: "unavailable" };

/** Of a report to an address that is not ASCII, which has to go with SMTPUTF8. */
const UTF8_TERMS: Terms = Object.freeze({ ...NO_TERMS, utf8: true });

/** What mail servers sign reports with: some send them with this reverse-path, and would answer ours. */
const MAILER_DAEMON = /^mailer-daemon(?:@|$)/i;

export class BounceWriter {
  readonly #ports: BouncePorts;
  readonly #limits: NoticeLimits;
  #routing: Routing;
  #serverName: string;

  constructor(ports: BouncePorts, serverName: string) {
    this.#ports = ports;
    this.#limits = new NoticeLimits(ports.clock);
    this.#routing = ports.routing;
    this.#serverName = serverName;
  }

  /** Further reports go by another configuration. */
  takeUp(routing: Routing, serverName: string): void {
    this.#routing = routing;
    this.#serverName = serverName;
  }

  async write(occasion: BounceOccasion): Promise<BounceDraft> {
    const { reversePath, origin } = occasion.message;
    if (origin.kind === "internal") return dropped("Double bounce");
    // RFC 5321 §4.5.5: nothing with a null reverse-path may be answered.
    if (reversePath === "") return dropped("No return path");
    if (MAILER_DAEMON.test(reversePath)) return dropped("The sender is a mailer daemon");
    const to = this.#complete(reversePath);
    const resolution = await this.#routing.resolve({
      origin: ownOrigin(this.#serverName),
      via: "internal",
      tls: false,
      reversePath: "",
      forwardPath: to,
    });
    switch (resolution.kind) {
      case "unavailable":
      case "expansion-later":
        return { kind: "unavailable" };
      case "rejected": {
        const by = resolution.rule === "" ? "" : `refused by ${resolution.rule}: `;
        return nowhere(to, by + resolution.why);
      }
      case "expansion":
        return nowhere(to, resolution.why);
      case "said":
        return nowhere(to, `${resolution.code} ${resolution.text}`);
      case "accepted": {
        if (resolution.envelopes.length === 0) return nowhere(to, "it expands to nobody");
        const limit = this.#limits.take(origin, to);
        if (limit !== undefined) return dropped(`Limit ${limit} is used up for this hour`, limit);
        return this.#draft(occasion, to, resolution.envelopes);
      }
      default:
        return unreachable(resolution);
    }
  }

  /** A sender without a domain is a user of this server. */
  #complete(reversePath: string): string {
    const at = reversePath.lastIndexOf("@");
    if (at < 0) return `${reversePath}@${this.#serverName}`;
    return at === reversePath.length - 1 ? reversePath + this.#serverName : reversePath;
  }

  async #draft(
    occasion: BounceOccasion,
    to: string,
    planned: readonly PlannedEnvelope[],
  ): Promise<BounceDraft> {
    const { clock, random } = this.#ports;
    const { action, recipients, text } = occasion;
    const { terms, acceptedAtMs } = occasion.message;
    // RFC 3461 §4.3: RET is about failures.
    const isWhole = occasion.mayReturnWhole && action === "failed" && terms?.returns === "full";
    const wanted = isWhole ? "whole" : "header";
    const { returned, messageId } = await readOriginal(occasion.message, text, wanted);
    const msgid = occasion.newMsgid();
    // RFC 6533 §4: what is known of the way back is whether it has to take UTF-8.
    const form: Form = /^[ -~]*$/.test(to) ? "ascii" : "utf8";
    const { before, after, is8bit } = formatReport({
      serverName: this.#serverName,
      action,
      form,
      to,
      id: `${msgid}.${randomSessionId(random)}`,
      boundary: randomSessionId(random) + randomSessionId(random),
      writtenAtMs: clock.wallMs(),
      arrivedAtMs: acceptedAtMs,
      envelopeId: terms?.envelopeId ?? "",
      recipients,
      remarks: [],
      originalId: messageId,
      returned,
    });
    const original = returned.kind === "message" ? text : undefined;
    const message: Message = {
      msgid,
      acceptedAtMs: clock.wallMs(),
      reversePath: "",
      origin: ownOrigin(this.#serverName),
      textBytes: before.length + (original?.bytes ?? 0) + after.length,
      is8bit,
      terms: form === "utf8" ? UTF8_TERMS : undefined,
    };
    const envelopes = ownEnvelopes(random, { msgid, forwardPath: to, terms: undefined }, planned);
    return { kind: "bounce", message, envelopes, text: { before, original, after } };
  }
}

function nowhere(to: string, why: string): BounceDraft {
  return dropped(`Bounce to <${to}> has nowhere to go: ${why}`);
}

function dropped(why: string, limit?: NoticeLimit): BounceDraft {
  return { kind: "dropped", why, limit };
}
