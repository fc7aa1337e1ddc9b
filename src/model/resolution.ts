/**
 * What the ruleset and expansion say of one recipient.
 */
import type { Envelope, Origin } from "./envelope.ts";
import type { Tell } from "./reason.ts";

/** An envelope that has not been given to the queue yet. */
export type PlannedEnvelope = Omit<Envelope, "evpid" | "forwardPath" | "terms">;

export type Resolution =
  | { readonly kind: "accepted"; readonly envelopes: readonly PlannedEnvelope[] }
  | Refusal;

/** The recipient as a whole is refused. `why` is for the log, not for the client. */
export type Refusal =
  /** By rule, by none, or for want of an account: 550. `rule` is `FILE:LINE`, or "" when no rule matched. */
  | { readonly kind: "rejected"; readonly rule: string; readonly why: string }
  /** Something could not be asked, or may not be done as it stands: 451. */
  | { readonly kind: "unavailable"; readonly why: string }
  /** The recipient expands to nothing that mail can be given to, now or for good: 451 4.2.4, 550 5.2.4. */
  | { readonly kind: "expansion-later" | "expansion"; readonly why: string }
  /** By an `error:` node, in its words. */
  | { readonly kind: "said"; readonly code: number; readonly text: string };

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
  /** Whether any rule looks at the client's reverse name, which must be known then. */
  readonly asksReverseName?: boolean;
  /** @param tell is given each step on the way to the answer, before it is there. */
  resolve(query: RecipientQuery, tell?: Tell): Resolution | Promise<Resolution>;
}
