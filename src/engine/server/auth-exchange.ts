/**
 * One AUTH command: the exchange of protocols/sasl over SMTP's lines, with somebody who
 * knows the credentials.
 *
 * A refusal comes AUTH_REFUSAL_MS after the question was asked, whatever was found: the
 * time says nothing of what was looked at, and guessing is slow. (OpenSMTPD waits for a
 * random time of less than a second.)
 *
 * Source: RFC 4954 §4: 334 with a challenge, `*` to cancel, `=` for an empty initial response.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import { decodeBase64 } from "#protocols/sasl/base64.ts";
import {
  type Mechanism,
  type SaslContext,
  type SaslEvent,
  type SaslState,
  start,
  step,
} from "#protocols/sasl/exchange.ts";
import type { SaslAction, SaslQuestion, SaslStep } from "#protocols/sasl/sasl-step.ts";
import type { Reply } from "#protocols/smtp/reply.ts";
import {
  AUTH_CANCELLED,
  AUTH_LATER,
  AUTHENTICATED,
  BAD_CREDENTIALS,
  BAD_RESPONSE,
} from "#protocols/smtp/status.ts";
import type { Authenticator, AuthResult, AuthSource } from "#model/authentication.ts";
import type { PasswordSource } from "#model/config/listener.ts";
import type { OAuth } from "#model/config/oauth.ts";
import type { Protection } from "./auth-offer.ts";

/** What the driver has to do next. */
export type AuthMove =
  /** Sends a challenge; the next line is the response. */
  | { readonly kind: "challenge"; readonly reply: Reply }
  | {
      readonly kind: "end";
      readonly reply: Reply;
      readonly result: AuthResult;
      /** Who has authenticated, or who it was that could not; "" if that was not said. */
      readonly user: string;
    };

export interface AuthSetting {
  readonly clock: Clock;
  readonly random: Random;
  readonly authenticator: Authenticator;
  readonly passwords: PasswordSource;
  readonly oauth: OAuth | undefined;
  readonly address: string;
  readonly protection: Protection;
}

/** A refusal comes this long after the attempt, not sooner. */
const AUTH_REFUSAL_MS = 1000;
/** Octets of randomness in the nonce of SCRAM. */
const NONCE_BYTES = 18;

export class AuthExchange {
  readonly mechanism: Mechanism;
  readonly #setting: AuthSetting;
  #state: SaslState;
  readonly #first: SaslAction;
  /** As the client has written it. */
  #user = "";

  constructor(mechanism: Mechanism, setting: AuthSetting) {
    this.mechanism = mechanism;
    this.#setting = setting;
    [this.#state, this.#first] = start(mechanism, contextOf(setting));
  }

  /** @param initial what stood behind the mechanism; undefined: nothing. */
  begin(initial: string | undefined): AuthMove | Promise<AuthMove> {
    if (initial === undefined) return this.#do(this.#first);
    return initial === "=" ? this.#take(Buffer.alloc(0)) : this.respond(initial);
  }

  /** Takes a line of the client's. */
  respond(line: string): AuthMove | Promise<AuthMove> {
    if (line === "*") return this.#end(AUTH_CANCELLED, "permfail");
    const bytes = decodeBase64(line);
    return bytes === undefined ? this.#end(BAD_RESPONSE, "permfail") : this.#take(bytes);
  }

  #take(bytes: Uint8Array): AuthMove | Promise<AuthMove> {
    return this.#do(this.#advance({ type: "response", bytes }));
  }

  #advance(event: SaslEvent): SaslAction {
    const [next, action]: SaslStep<SaslState> = step(this.#state, event);
    this.#state = next;
    return action;
  }

  #do(action: SaslAction): AuthMove | Promise<AuthMove> {
    if (action.kind === "ask") return this.#ask(action.question);
    if (action.kind === "challenge") {
      const text = Buffer.from(action.text, "utf8").toString("base64");
      return { kind: "challenge", reply: { code: 334, enhanced: undefined, text } };
    }
    if (action.kind === "succeed") {
      this.#user = action.user;
      return this.#end(AUTHENTICATED, "ok");
    }
    if (action.why === "unavailable") return this.#end(AUTH_LATER, "tempfail");
    return this.#end(action.why === "refused" ? BAD_CREDENTIALS : BAD_RESPONSE, "permfail");
  }

  async #ask(question: SaslQuestion): Promise<AuthMove> {
    const { authenticator, address, clock } = this.#setting;
    this.#user = question.user;
    const dueMs = clock.monotonicMs() + AUTH_REFUSAL_MS;
    const answer = await authenticator.ask({ source: this.#source(question), address, question });
    if (answer.kind === "refused" || answer.kind === "unavailable") await pass(clock, dueMs);
    return this.#do(this.#advance({ type: "answer", answer }));
  }

  #source({ kind }: SaslQuestion): AuthSource {
    const { passwords, oauth } = this.#setting;
    if (kind === "token" && oauth !== undefined) return { kind: "oauth", name: oauth.name };
    if (passwords.kind === "table") return { kind: "table", name: passwords.table.name };
    return { kind: "system" };
  }

  #end(reply: Reply, result: AuthResult): AuthMove {
    return { kind: "end", reply, result, user: this.#user };
  }
}

function contextOf({ random, protection, oauth }: AuthSetting): SaslContext {
  const tls = typeof protection === "string" ? undefined : protection;
  const { peer } = tls ?? {};
  const nonce = Buffer.alloc(NONCE_BYTES);
  random.fill(nonce);
  return {
    serverNonce: nonce.toString("base64url"),
    channelBinding: tls?.exporter(),
    fingerprints: peer === undefined ? [] : [peer.fingerprint, peer.keyFingerprint],
    tokenScope: oauth?.scope,
  };
}

function pass(clock: Clock, untilMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(Math.max(untilMs - clock.monotonicMs(), 0), resolve);
  return promise;
}
