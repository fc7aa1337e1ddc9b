/** One recipient of one message, and all that both sides know of it. */
import type { DeliveryResult } from "#model/delivery.ts";
import type { QueuedEnvelope } from "#engine/queue/show.ts";
import type { Copy, FarLog, Said } from "#test/support/far-side/far-log.ts";
import type { FarDomain } from "#test/support/far-side/far-side.ts";
import type { Accepted, Attempt } from "./sending-side.ts";
import type { TwoSides } from "./two-sides.ts";

export interface Recipient {
  /** Reverse-path and destination. */
  readonly name: string;
  readonly forwardPath: string;
  readonly mail: Accepted;
  readonly domain: FarDomain;
  readonly attempts: readonly Attempt[];
  readonly copies: readonly Copy[];
  readonly waiting: QueuedEnvelope | undefined;
  readonly isExpired: boolean;
  readonly log: FarLog;
}

export function recipientsOf(
  { sender, far }: TwoSides,
  waiting: readonly QueuedEnvelope[],
): readonly Recipient[] {
  const attempts = Map.groupBy(sender.attempts, nameOf);
  const waits = new Map(waiting.map((each) => [nameOf(each), each]));
  return sender.accepted.flatMap((mail) =>
    mail.forwardPaths.map((forwardPath) => {
      const name = `${mail.reversePath} ${forwardPath}`;
      return {
        name,
        forwardPath,
        mail,
        domain: far.domain(forwardPath),
        attempts: attempts.get(name) ?? [],
        copies: far.log.copiesFor(mail.reversePath, forwardPath),
        waiting: waits.get(name),
        isExpired: sender.expired.has(name),
        log: far.log,
      };
    }),
  );
}

export function isDelivered(outcome: DeliveryResult["outcome"] | undefined): boolean {
  return outcome === "delivered" || outcome === "handed-on";
}

/** Whether a reply was said to the sender of this one, of it or of more than it. */
export function concerns(
  { code, about }: Said,
  {
    mail,
    forwardPath,
  }: {
    readonly mail: Pick<Accepted, "reversePath">;
    readonly forwardPath: string;
  },
): boolean {
  const { reversePath, forwardPaths } = about;
  if (reversePath === "") return true;
  if (reversePath !== mail.reversePath) return false;
  // RFC 5321 §3.8: whomever it answers, the server is gone for all.
  return code === 421 || forwardPaths.length === 0 || forwardPaths.includes(forwardPath);
}

function nameOf({ message, envelope }: Pick<QueuedEnvelope, "message" | "envelope">): string {
  return `${message.reversePath} ${envelope.destination}`;
}
