/**
 * Remembers DNS answers for a short time, and asks each question once while its
 * answer is under way. Failures are not kept: the next message asks again.
 *
 * The resolver port gives no TTLs, so the time is a constant well under the five
 * minutes that operators allow for changes.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { DnsAnswer, MxRecord, Resolver, TlsaRecord } from "#base/ports/resolver.ts";
import { type RememberBounds, RememberedAnswers } from "#base/time/remembered-answers.ts";

/** Of the answers of each type. */
const BOUNDS: RememberBounds = { keptMs: 60_000, maxKept: 10_000 };

export class ResolverCache implements Resolver {
  readonly #mx: AnswerCache<readonly MxRecord[]>;
  readonly #addresses: AnswerCache<readonly string[]>;
  readonly #pointers: AnswerCache<readonly string[]>;
  readonly #aliases: AnswerCache<string>;
  readonly #tlsa: AnswerCache<readonly TlsaRecord[]>;
  readonly #texts: AnswerCache<readonly string[]>;

  constructor(resolver: Resolver, clock: Clock) {
    this.#mx = new AnswerCache(clock, (domain) => resolver.mx(domain));
    this.#addresses = new AnswerCache(clock, (host) => resolver.addresses(host));
    this.#pointers = new AnswerCache(clock, (address) => resolver.pointer(address));
    this.#aliases = new AnswerCache(clock, (host) => resolver.alias(host));
    this.#tlsa = new AnswerCache(clock, (name) => resolver.tlsa(name));
    this.#texts = new AnswerCache(clock, (name) => resolver.texts(name));
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

  alias(host: string): Promise<DnsAnswer<string>> {
    return this.#aliases.get(host.toLowerCase());
  }

  tlsa(name: string): Promise<DnsAnswer<readonly TlsaRecord[]>> {
    return this.#tlsa.get(name.toLowerCase());
  }

  texts(name: string): Promise<DnsAnswer<readonly string[]>> {
    return this.#texts.get(name.toLowerCase());
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
    return this.#answers.answer(name, () => this.#ask(name));
  }
}
