/**
 * One attempt of a client to show who it is: `start` it, then `step` with each response
 * of the client and each answer to a question, until it succeeds or fails.
 *
 * Source: RFC 4422 §3 (the exchange), §5 (mechanisms).
 */
import { unreachable } from "#base/unreachable.ts";
import {
  bearerAnswered,
  type BearerOffer,
  bearerShown,
  type BearerState,
  bearerUnderstood,
  startBearer,
} from "./bearer.ts";
import { externalResponse } from "./external.ts";
import { loginPassword, loginUser, PASSWORD_PROMPT, USER_PROMPT } from "./login.ts";
import { oauthBearerMessage } from "./oauthbearer.ts";
import { plainResponse } from "./plain.ts";
import {
  type AskedState,
  challenge,
  ended,
  type EndedState,
  fail,
  type SaslAnswer,
  type SaslStep,
  verdict,
} from "./sasl-step.ts";
import {
  type ScramOffer,
  type ScramState,
  scramAnswered,
  scramResponse,
  startScram,
} from "./scram.ts";
import { xoauth2Message } from "./xoauth2.ts";

/** In the order in which they are offered: what reveals least to a listener comes first. */
export const MECHANISMS = [
  "EXTERNAL",
  "SCRAM-SHA-256-PLUS",
  "SCRAM-SHA-256",
  "OAUTHBEARER",
  "XOAUTH2",
  "PLAIN",
  "LOGIN",
] as const;
export type Mechanism = (typeof MECHANISMS)[number];

/** What the connection has to say to an attempt. */
export interface SaslContext extends ScramOffer, BearerOffer {
  /** Of the certificate that the client has shown; empty if it has shown none. */
  readonly fingerprints: readonly string[];
}

/** Each names what the next event must be. */
export type SaslState =
  | { readonly phase: "plain" | "login-user" }
  | { readonly phase: "login-password"; readonly user: string }
  | { readonly phase: "external"; readonly fingerprints: readonly string[] }
  | ScramState
  | BearerState
  | AskedState
  | EndedState;

export type SaslEvent =
  /** Decoded. */
  | { readonly type: "response"; readonly bytes: Uint8Array }
  | { readonly type: "answer"; readonly answer: SaslAnswer };

const BEARER_MESSAGES = { OAUTHBEARER: oauthBearerMessage, XOAUTH2: xoauth2Message } as const;

/**
 * Begins an attempt. Its action is the challenge for a client that sent no initial
 * response; for one that did, step on with that.
 */
export function start(mechanism: Mechanism, context: SaslContext): SaslStep<SaslState> {
  switch (mechanism) {
    case "PLAIN":
      return [{ phase: "plain" }, challenge("")];
    case "LOGIN":
      return [{ phase: "login-user" }, challenge(USER_PROMPT)];
    case "EXTERNAL":
      return [{ phase: "external", fingerprints: context.fingerprints }, challenge("")];
    case "SCRAM-SHA-256":
    case "SCRAM-SHA-256-PLUS":
      return startScram(mechanism, context);
    case "OAUTHBEARER":
    case "XOAUTH2":
      return startBearer(mechanism, context);
    default:
      return unreachable(mechanism);
  }
}

/** @throws {TypeError} if the driver sends an event out of turn: a bug in the driver. */
export function step(state: SaslState, event: SaslEvent): SaslStep<SaslState> {
  return event.type === "response" ? respond(state, event.bytes) : answered(state, event.answer);
}

function respond(state: SaslState, bytes: Uint8Array): SaslStep<SaslState> {
  switch (state.phase) {
    case "plain":
      return plainResponse(bytes);
    case "login-user":
      return takeLoginUser(bytes);
    case "login-password":
      return loginPassword(state.user, bytes);
    case "external":
      return externalResponse(state.fingerprints, bytes);
    case "scram-first":
    case "scram-final":
    case "scram-last":
      return scramResponse(state, bytes);
    case "bearer-first":
      return bearerShown(state, BEARER_MESSAGES[state.mechanism](bytes));
    case "bearer-refused":
      return bearerUnderstood();
    case "asked":
    case "bearer-asked":
    case "scram-salt":
    case "scram-proof":
    case "ended":
      throw new TypeError(`Cannot take a response while the exchange is ${state.phase}`);
    default:
      return unreachable(state);
  }
}

function takeLoginUser(bytes: Uint8Array): SaslStep<SaslState> {
  const user = loginUser(bytes);
  if (user === undefined) return ended(fail("malformed"));
  return [{ phase: "login-password", user }, challenge(PASSWORD_PROMPT)];
}

function answered(state: SaslState, answer: SaslAnswer): SaslStep<SaslState> {
  if (state.phase === "asked") return ended(verdict(answer));
  if (state.phase === "scram-salt" || state.phase === "scram-proof")
    return scramAnswered(state, answer);
  if (state.phase === "bearer-asked") return bearerAnswered(state, answer);
  throw new TypeError(`Cannot take an answer while the exchange is ${state.phase}`);
}
