/**
 * What the ruleset and expansion say of one recipient.
 */
import type { Envelope, Origin } from "./envelope.ts";
import type { Tell } from "./reason.ts";

/** An envelope that has not been given to the queue yet. */
export type PlannedEnvelope = Omit<Envelope, "evpid" | "forwardPath">;

export type Resolution =
  | { readonly kind: "accepted"; readonly envelopes: readonly PlannedEnvelope[] }
  /** By rule or by none: 550. `rule` is `FILE:LINE`, or "" when no rule matched. */
  | { readonly kind: "rejected"; readonly rule: string }
  /** A table or the user database could not be asked: 451. */
  | { readonly kind: "unavailable" };

export interface RecipientQuery {
  readonly origin: Origin;
  /** The listener's kind: a UNIX socket, TCP, or none for internal mail. */
  readonly via: "socket" | "tcp" | "internal";
  /** Whether the client's connection is under TLS. */
  readonly tls: boolean;
  readonly reversePath: string;
  /** `user@domain`, complete. */
  readonly forwardPath: string;
}

/** Decides about recipients. Never rejects the promise. */
export interface Routing {
  /** @param tell is given each step on the way to the answer, before it is there. */
  resolve(query: RecipientQuery, tell?: Tell): Resolution | Promise<Resolution>;
}
