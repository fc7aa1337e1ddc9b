/**
 * Remembers DNS answers for a short time, and asks each question once while its
 * answer is under way. Failures are not kept: the next message asks again.
 *
 * The resolver port gives no TTLs, so the time is a constant well under the five
 * minutes that operators allow for changes. MAX_ANSWERS are kept, the oldest go.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { DnsAnswer, MxRecord, Resolver } from "#base/ports/resolver.ts";

/** How long an answer is kept. */
const ANSWER_LIFE_MS = 60_000;
/** Most answers of each type. */
const MAX_ANSWERS = 10_000;

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
  readonly #clock: Clock;
  readonly #ask: (name: string) => Promise<DnsAnswer<Value>>;
  readonly #answers = new Map<
    string,
    { readonly askedAtMs: number; readonly answer: Promise<DnsAnswer<Value>> }
  >();

  constructor(clock: Clock, ask: (name: string) => Promise<DnsAnswer<Value>>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  get(name: string): Promise<DnsAnswer<Value>> {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#answers.get(name);
    if (known !== undefined && nowMs - known.askedAtMs < ANSWER_LIFE_MS) return known.answer;
    // A new entry stands last: the map stays in order of time.
    this.#answers.delete(name);
    const answer = this.#askOnce(name);
    this.#answers.set(name, { askedAtMs: nowMs, answer });
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= MAX_ANSWERS) break;
      this.#answers.delete(oldest);
    }
    return answer;
  }

  async #askOnce(name: string): Promise<DnsAnswer<Value>> {
    const answer = await this.#ask(name);
    if (answer.kind === "unavailable") this.#answers.delete(name);
    return answer;
  }
}
