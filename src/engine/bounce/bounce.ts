/**
 * Bounces: whether a failure is reported, to whom, and the message that does it.
 *
 * A bounce is a message like any other from origin "internal", with the null
 * reverse-path, matched by the ruleset. Promises: no bounce of a bounce, nor of
 * anything else with a null reverse-path; one bounce for all recipients of a
 * message that fail together; nothing is stored here: the queue commits the
 * bounce in the same batch as the failures.
 *
 * Delay warnings (`bounce warn-interval`) and DSN options will come in here as
 * further kinds of `ReportedRecipient.action`. Source: RFC 5321 §4.5.5, §6.1; OpenSMTPD bounce.c.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import type { ReportedRecipient } from "#protocols/dsn/delivery-status.ts";
import { formatReport } from "#protocols/dsn/report.ts";
import type { MessageText } from "#model/delivery.ts";
import type { Envelope, Message, Origin } from "#model/envelope.ts";
import { randomEvpid, randomSessionId } from "#model/ids.ts";
import type { PlannedEnvelope, Routing } from "#model/resolution.ts";
import { readHeaderBlock } from "./header-block.ts";

export interface BouncePorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Where bounces go, until `takeUp` says otherwise. */
  readonly routing: Routing;
}

/** What a bounce is about. */
export interface BounceOccasion {
  readonly message: Message;
  readonly text: MessageText;
  /** Not empty. */
  readonly recipients: readonly ReportedRecipient[];
  /** A fresh msgid; called only if there is to be a bounce. */
  newMsgid(): string;
}

export type BounceDraft =
  | {
      readonly kind: "bounce";
      readonly message: Message;
      readonly envelopes: readonly Envelope[];
      readonly text: Uint8Array;
    }
  | { readonly kind: "dropped"; readonly why: string }
  /** Where it goes cannot be found out now: ask again later. */
  | { readonly kind: "unavailable" };

/** Where bounces come from: this server, seen as a local client. */
const INTERNAL: Omit<Origin, "helo"> = Object.freeze({
  kind: "internal",
  address: "local",
  hostname: "localhost",
  fcrdns: "pass",
  tag: "",
  username: "",
  tls: undefined,
});

export class BounceWriter {
  readonly #ports: BouncePorts;
  #routing: Routing;
  #serverName: string;

  constructor(ports: BouncePorts, serverName: string) {
    this.#ports = ports;
    this.#routing = ports.routing;
    this.#serverName = serverName;
  }

  /** Further bounces go by another configuration. */
  takeUp(routing: Routing, serverName: string): void {
    this.#routing = routing;
    this.#serverName = serverName;
  }

  async write(occasion: BounceOccasion): Promise<BounceDraft> {
    const { reversePath, origin } = occasion.message;
    if (origin.kind === "internal") return { kind: "dropped", why: "Double bounce" };
    // RFC 5321 §4.5.5: nothing with a null reverse-path may be answered.
    if (reversePath === "") return { kind: "dropped", why: "No return path" };
    const to = this.#complete(reversePath);
    const resolution = await this.#routing.resolve({
      origin: { ...INTERNAL, helo: this.#serverName },
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
      case "accepted":
        if (resolution.envelopes.length === 0) return nowhere(to, "it expands to nobody");
        return this.#draft(occasion, to, resolution.envelopes);
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
    const msgid = occasion.newMsgid();
    const text = formatReport({
      serverName: this.#serverName,
      to,
      id: `${msgid}.${randomSessionId(random)}`,
      boundary: randomSessionId(random) + randomSessionId(random),
      writtenAtMs: clock.wallMs(),
      arrivedAtMs: occasion.message.acceptedAtMs,
      envelopeId: occasion.message.terms?.envelopeId ?? "",
      recipients: occasion.recipients,
      originalHeader: await readHeaderBlock(occasion.text),
    });
    const message: Message = {
      msgid,
      acceptedAtMs: clock.wallMs(),
      reversePath: "",
      origin: { ...INTERNAL, helo: this.#serverName },
      textBytes: text.length,
      is8bit: false,
      terms: undefined,
    };
    return { kind: "bounce", message, envelopes: this.#envelopes(msgid, to, planned), text };
  }

  #envelopes(
    msgid: string,
    forwardPath: string,
    planned: readonly PlannedEnvelope[],
  ): readonly Envelope[] {
    const taken = new Set<string>();
    return planned.map((plan) => {
      let evpid = randomEvpid(this.#ports.random, msgid);
      while (taken.has(evpid)) evpid = randomEvpid(this.#ports.random, msgid);
      taken.add(evpid);
      return { ...plan, evpid, forwardPath, terms: undefined };
    });
  }
}

function nowhere(to: string, why: string): BounceDraft {
  return { kind: "dropped", why: `Bounce to <${to}> has nowhere to go: ${why}` };
}
