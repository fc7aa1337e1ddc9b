/**
 * What a mail transaction has gathered: the recipients that were accepted, and the
 * envelopes that expansion planned for them.
 */
import type { Random } from "#base/ports/random.ts";
import { type Envelope, MAX_ENVELOPES } from "#model/envelope.ts";
import { randomEvpid } from "#model/ids.ts";
import type { PlannedEnvelope } from "#model/resolution.ts";

interface Planned {
  readonly forwardPath: string;
  readonly envelopes: readonly PlannedEnvelope[];
}

export class TransactionPlan {
  #recipients: Planned[] = [];
  #envelopeCount = 0;

  clear(): void {
    if (this.#recipients.length === 0) return;
    this.#recipients = [];
    this.#envelopeCount = 0;
  }

  /** Adds a recipient; false if the message would get more envelopes than the queue takes. */
  add(forwardPath: string, envelopes: readonly PlannedEnvelope[]): boolean {
    if (this.#envelopeCount + envelopes.length > MAX_ENVELOPES) return false;
    this.#envelopeCount += envelopes.length;
    this.#recipients.push({ forwardPath, envelopes });
    return true;
  }

  /** The recipient if there is just one. */
  get onlyRecipient(): string | undefined {
    return this.#recipients.length === 1 ? this.#recipients[0]?.forwardPath : undefined;
  }

  /** The envelopes under their final ids, which differ within the message. */
  envelopes(random: Random, msgid: string): readonly Envelope[] {
    const taken = new Set<string>();
    const envelopes: Envelope[] = [];
    for (const { forwardPath, envelopes: planned } of this.#recipients) {
      for (const plan of planned) {
        let evpid = randomEvpid(random, msgid);
        while (taken.has(evpid)) evpid = randomEvpid(random, msgid);
        taken.add(evpid);
        envelopes.push({ ...plan, forwardPath, evpid });
      }
    }
    return envelopes;
  }
}
