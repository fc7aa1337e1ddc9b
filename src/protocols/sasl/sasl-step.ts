/** What an attempt to authenticate asks for, and the pieces that all mechanisms share. */

/** What is asked of whoever knows the credentials. `user` is as the client wrote it. */
export type SaslQuestion =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  /** Salt and iterations of SCRAM. */
  | { readonly kind: "salt"; readonly user: string }
  /** Whether `proof` proves knowledge of the password (RFC 5802 §3). */
  | {
      readonly kind: "proof";
      readonly user: string;
      readonly authMessage: string;
      readonly proof: Uint8Array;
    }
  /** Whether a certificate with one of these fingerprints is the user's. */
  | {
      readonly kind: "certificate";
      readonly user: string;
      readonly fingerprints: readonly string[];
    }
  /** Whether a token is good, and the user's; `user` is "" if the token is to say who it is. */
  | { readonly kind: "token"; readonly user: string; readonly token: string };

export type SaslAnswer =
  | {
      readonly kind: "accepted";
      /** As the credentials name the user. */
      readonly user: string;
      /** To a "proof": ServerSignature of RFC 5802 §3; else empty. */
      readonly signature: Uint8Array;
    }
  | { readonly kind: "salt"; readonly salt: Uint8Array; readonly iterations: number }
  | { readonly kind: "refused" }
  /** Nobody can say, or not now. */
  | { readonly kind: "unavailable" };

export type SaslAction =
  /** To be sent in base64; the client answers with a response. */
  | { readonly kind: "challenge"; readonly text: string }
  | { readonly kind: "ask"; readonly question: SaslQuestion }
  | { readonly kind: "succeed"; readonly user: string }
  /** "malformed": the client has broken the protocol, whoever it is. */
  | { readonly kind: "fail"; readonly why: "malformed" | "refused" | "unavailable" };

export type SaslStep<State> = readonly [next: State, action: SaslAction];

/** A question is asked whose answer ends the attempt. */
export interface AskedState {
  readonly phase: "asked";
}

export interface EndedState {
  readonly phase: "ended";
}

const ASKED: AskedState = Object.freeze({ phase: "asked" });
const ENDED: EndedState = Object.freeze({ phase: "ended" });

export function ended(action: SaslAction): SaslStep<EndedState> {
  return [ENDED, action];
}

/** Asks what decides. */
export function asked(question: SaslQuestion): SaslStep<AskedState> {
  return [ASKED, { kind: "ask", question }];
}

export function challenge(text: string): SaslAction {
  return { kind: "challenge", text };
}

export function fail(why: "malformed" | "refused" | "unavailable"): SaslAction {
  return { kind: "fail", why };
}

/** The end that an answer to the deciding question leads to. */
export function verdict(answer: SaslAnswer): SaslAction {
  if (answer.kind === "accepted") return { kind: "succeed", user: answer.user };
  return fail(answer.kind === "refused" ? "refused" : "unavailable");
}
