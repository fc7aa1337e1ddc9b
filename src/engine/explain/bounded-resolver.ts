/** A resolver that is waited for no longer than DNS_WAIT_MS a question. */
import type { Clock } from "#base/ports/clock.ts";
import type { DnsAnswer, MxRecord, Resolver, TlsaRecord } from "#base/ports/resolver.ts";
import { inTime } from "#base/time/in-time.ts";

/** Who asks for an explanation sits at a terminal. */
export const DNS_WAIT_MS = 5000;

export class BoundedResolver implements Resolver {
  readonly #resolver: Resolver;
  readonly #clock: Clock;

  constructor(resolver: Resolver, clock: Clock) {
    this.#resolver = resolver;
    this.#clock = clock;
  }

  mx(domain: string): Promise<DnsAnswer<readonly MxRecord[]>> {
    return this.#inTime(this.#resolver.mx(domain));
  }

  addresses(host: string): Promise<DnsAnswer<readonly string[]>> {
    return this.#inTime(this.#resolver.addresses(host));
  }

  pointer(address: string): Promise<DnsAnswer<readonly string[]>> {
    return this.#inTime(this.#resolver.pointer(address));
  }

  alias(host: string): Promise<DnsAnswer<string>> {
    return this.#inTime(this.#resolver.alias(host));
  }

  tlsa(name: string): Promise<DnsAnswer<readonly TlsaRecord[]>> {
    return this.#inTime(this.#resolver.tlsa(name));
  }

  texts(name: string): Promise<DnsAnswer<readonly string[]>> {
    return this.#inTime(this.#resolver.texts(name));
  }

  #inTime<Value>(asked: Promise<DnsAnswer<Value>>): Promise<DnsAnswer<Value>> {
    return inTime<DnsAnswer<Value>>(asked, { clock: this.#clock, ms: DNS_WAIT_MS }, noAnswer);
  }
}

/** Of who was not waited for any longer. */
export function noAnswer(): { readonly kind: "unavailable"; readonly cause: Error } {
  return { kind: "unavailable", cause: new Error("No answer in time") };
}
