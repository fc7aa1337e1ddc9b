/**
 * Whether a token is good, and whose: asks its issuer, and believes a yes for a while.
 *
 * A token that was withdrawn is so taken for a minute at most. A no is not remembered: a
 * token may be so new that not all of an issuer's servers know it yet, and who guesses is
 * slowed down elsewhere. Of a token only its hash is kept.
 *
 * Source: RFC 7662 §2, §4 (how long an answer may be believed).
 */
import { createHash } from "node:crypto";
import { keepLatest } from "#base/keep-latest.ts";
import { ABSENT, type Lookup } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Http } from "#base/ports/http.ts";
import {
  INTROSPECTION_TYPE,
  introspectionBody,
  readIntrospection,
  type TokenDemands,
} from "#protocols/oauth/introspection.ts";

export interface TokenIssuer {
  readonly name: string;
  readonly url: string;
  /** As whom we ask; undefined: as nobody. */
  readonly authorization: string | undefined;
  /** Who vouches for it, in PEM; undefined: whom the system trusts. */
  readonly authorities: string | undefined;
  readonly demands: TokenDemands;
}

export interface TokenPorts {
  readonly clock: Clock;
  readonly http: Http;
}

/** How long a yes is believed; less if the token ends sooner. */
export const GOOD_TOKEN_MS = 60_000;
/** Beyond it the oldest is forgotten. */
export const MAX_GOOD_TOKENS = 10_000;
/** A client waits meanwhile. */
const INTROSPECTION_TIMEOUT_MS = 10_000;
/** Answers have some hundred bytes; some issuers add groups and roles. */
const MAX_ANSWER_BYTES = 65_536;
/** Whoever comes while so many are asked about is told to come later. */
export const MAX_TOKENS_AT_ONCE = 64;

interface GoodToken {
  readonly user: string;
  /** Of the clock that only goes forward. */
  readonly untilMs: number;
}

export class TokenCheck {
  readonly #ports: TokenPorts;
  readonly #issuer: TokenIssuer;
  /** By the hash of the token, in the order in which they were asked about. */
  readonly #good = new Map<string, GoodToken>();
  #asked = 0;

  constructor(ports: TokenPorts, issuer: TokenIssuer) {
    this.#ports = ports;
    this.#issuer = issuer;
  }

  /** Whose it is; absent: it is not good. Never rejects. */
  async user(token: string): Promise<Lookup<string>> {
    const key = createHash("sha256").update(token, "latin1").digest("base64");
    const known = this.#good.get(key);
    if (known !== undefined && known.untilMs > this.#ports.clock.monotonicMs())
      return { kind: "found", value: known.user };
    this.#good.delete(key);
    if (this.#asked >= MAX_TOKENS_AT_ONCE)
      return this.#unavailable("too many tokens are asked about");
    this.#asked++;
    try {
      return await this.#ask(token, key);
    } finally {
      this.#asked--;
    }
  }

  async #ask(token: string, key: string): Promise<Lookup<string>> {
    const { clock, http } = this.#ports;
    const { url, authorization, authorities, demands } = this.#issuer;
    const askedAtMs = clock.monotonicMs();
    const answer = await http.post({
      url,
      body: introspectionBody(token),
      type: INTROSPECTION_TYPE,
      authorization,
      authorities,
      timeoutMs: INTROSPECTION_TIMEOUT_MS,
      maxBytes: MAX_ANSWER_BYTES,
    });
    if (answer.kind !== "answer") return this.#unavailable(answer.why);
    const nowMs = clock.wallMs();
    const read = readIntrospection(answer.body, demands, nowMs);
    if (read.kind === "fault") return this.#unavailable(read.why);
    if (read.kind === "bad") return ABSENT;
    const { user, untilMs = Number.POSITIVE_INFINITY } = read;
    this.#remember(key, { user, untilMs: askedAtMs + Math.min(GOOD_TOKEN_MS, untilMs - nowMs) });
    return { kind: "found", value: user };
  }

  #remember(key: string, good: GoodToken): void {
    this.#good.delete(key);
    this.#good.set(key, good);
    keepLatest(this.#good, MAX_GOOD_TOKENS);
  }

  #unavailable(why: string): Lookup<string> {
    return { kind: "unavailable", cause: new Error(`oauth ${this.#issuer.name}: ${why}`) };
  }
}
