/**
 * Who checks what clients show of themselves: asked by the sessions, answered where the
 * credentials are.
 */
import type { Lookup } from "#base/lookup.ts";
import type { SaslAnswer, SaslQuestion } from "#protocols/sasl/sasl-step.ts";

/** Who knows whether it is right; tables and issuers of tokens by their names. */
export type AuthSource =
  | { readonly kind: "system" }
  | { readonly kind: "table"; readonly name: string }
  | { readonly kind: "oauth"; readonly name: string };

export interface AuthAttempt {
  readonly source: AuthSource;
  /** Address of the client, or "local": guessing is held against it. */
  readonly address: string;
  readonly question: SaslQuestion;
}

export interface Authenticator {
  /** Never rejects. A refusal takes as long for a user that is not there as for a wrong password. */
  ask(attempt: AuthAttempt): Promise<SaslAnswer>;
}

/** Which envelope senders a user may use: `senders T` of a listener. */
export interface SenderRules {
  /** @param table its name. */
  mayUse(
    table: string,
    user: string,
    reversePath: string,
  ): Lookup<boolean> | Promise<Lookup<boolean>>;
}

/** How an attempt to authenticate ended, in the words of OpenSMTPD's log. */
export type AuthResult = "ok" | "permfail" | "tempfail";
