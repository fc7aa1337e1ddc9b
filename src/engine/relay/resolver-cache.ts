/**
 * Remembers DNS answers for a short time, and asks each question once while its
 * answer is under way. Failures are not kept: the next message asks again.
 *
 * The resolver port gives no TTLs, so the time is a constant well under the five
 * minutes that operators allow for changes.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { DnsAnswer, MxRecord, Resolver } from "#base/ports/resolver.ts";
import { type RememberBounds, RememberedAnswers } from "#base/time/remembered-answers.ts";

/** Of the answers of each type. */
const BOUNDS: RememberBounds = { keptMs: 60_000, maxKept: 10_000 };

export class ResolverCache implements Resolver {
  readonly #mx: AnswerCache<readonly MxRecord[]>;
  readonly #addresses: AnswerCache<readonly string[]>;
  readonly #pointers: AnswerCache<readonly string[]>;

  constructor(resolver: Resolver, clock: Clock) {
    this.#mx = new AnswerCache(clock, (domain) => resolver.mx(domain));
    this.#addresses = new AnswerCache(clock, (host) => resolver.addresses(host));
    this.#pointers = new AnswerCache(clock, (address) => resolver.pointer(address));
  }

  mx(domain: string): Promise<DnsAnswer<readonly MxRecord[]>> {
    return this.#mx.get(domain.toLowerCase());
  }

  addresses(host: string): Promise<DnsAnswer<readonly string[]>> {
    return this.#addresses.get(host.toLowerCase());
  }

  pointer(address: string): Promise<DnsAnswer<readonly string[]>> {
    return this.#pointers.get(address);
  }
}

class AnswerCache<Value> {
  readonly #answers: RememberedAnswers<DnsAnswer<Value>>;
  readonly #ask: (name: string) => Promise<DnsAnswer<Value>>;

  constructor(clock: Clock, ask: (name: string) => Promise<DnsAnswer<Value>>) {
    this.#answers = new RememberedAnswers(clock, BOUNDS);
    this.#ask = ask;
  }

  get(name: string): Promise<DnsAnswer<Value>> {
    return this.#answers.known(name) ?? this.#answers.keep(name, this.#ask(name));
  }
}
