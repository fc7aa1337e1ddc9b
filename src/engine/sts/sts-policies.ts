/**
 * The policies of MTA-STS that domains have, as far as they are known.
 *
 * A policy is fetched when its domain says that there is one that is not the one at hand, is
 * kept for as long as it says, over restarts, and is fetched anew after a part of that time.
 *
 * Promises: what is kept is taken back by nothing but its own end, or by a newer policy that
 * was fetched: not by a DNS that says nothing, nor by a server that is not there. One domain
 * is asked once at a time, and after a failure not before STS_RETRY_MS. At most MAX_STS_POLICIES
 * are kept, the one that was not asked for the longest goes first. Never rejects.
 *
 * Source: RFC 8461 §3.3 (fetching), §5.1 (what to do with it), §10.2 (bounds).
 */
import { keepLatest } from "#base/keep-latest.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Http } from "#base/ports/http.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import type { StsPolicy } from "#protocols/sts/sts-policy.ts";
import { parseStsRecord } from "#protocols/sts/sts-record.ts";
import type { Observe } from "#model/events.ts";
import { fetchStsPolicy, type StsFailure } from "./fetch-policy.ts";
import type { KeptPolicy, StsCache } from "./sts-cache.ts";

export interface StsPorts {
  readonly clock: Clock;
  readonly resolver: Pick<Resolver, "texts">;
  readonly http: Http;
  readonly cache: StsCache;
  readonly observe: Observe;
  /** Told of each policy that could not be had, for reports to its domain (RFC 8460 §4.3.2.2). */
  readonly failed: (domain: string, type: StsFailure, why: string) => void;
}

const MAX_STS_POLICIES = 10_000;
/** RFC 8461 §3.3: five minutes or longer. */
export const STS_RETRY_MS: number = 5 * 60_000;
/** RFC 8461 §3.3: a policy is looked at once a day. */
const MAX_REFRESH_MS: number = 24 * 60 * 60_000;

export class StsPolicies {
  readonly #ports: StsPorts;
  /** In the order in which they were last asked for. */
  readonly #kept = new Map<string, KeptPolicy>();
  /** When a domain may be asked again that has failed; bounded as `#kept`. */
  readonly #failedUntilMs = new Map<string, number>();
  readonly #fetching = new Map<string, Promise<KeptPolicy | undefined>>();

  constructor(ports: StsPorts) {
    this.#ports = ports;
  }

  /** Reads what was kept before the start. */
  async load(): Promise<void> {
    const nowMs = this.#ports.clock.wallMs();
    for (const kept of await this.#ports.cache.readAll(MAX_STS_POLICIES)) {
      if (kept.untilMs <= nowMs) await this.#ports.cache.remove(kept.domain);
      // What was fetched meanwhile is newer.
      else if (!this.#kept.has(kept.domain)) this.#kept.set(kept.domain, kept);
    }
  }

  /** Undefined: mail for `domain` goes by no policy. */
  async policyOf(domain: string): Promise<StsPolicy | undefined> {
    const name = domain.toLowerCase();
    if (!isHostName(name)) return undefined;
    const answer = await this.#ports.resolver.texts(`_mta-sts.${name}`);
    const id = answer.kind === "found" ? parseStsRecord(answer.value) : undefined;
    const kept = this.#current(name);
    // RFC 8461 §5.1: without a record, or without an answer, what is kept goes on.
    if (id === undefined || (kept?.id === id && !this.#isToBeRefreshed(kept))) return kept?.policy;
    if (kept !== undefined && kept.id === id) {
      void this.#fetch(name, id);
      return kept.policy;
    }
    return ((await this.#fetch(name, id)) ?? this.#current(name))?.policy;
  }

  #current(domain: string): KeptPolicy | undefined {
    const kept = this.#kept.get(domain);
    if (kept === undefined) return undefined;
    this.#kept.delete(domain);
    if (kept.untilMs > this.#ports.clock.wallMs()) this.#kept.set(domain, kept);
    else void this.#ports.cache.remove(domain);
    return this.#kept.get(domain);
  }

  #isToBeRefreshed({ fetchedAtMs, untilMs }: KeptPolicy): boolean {
    const afterMs = Math.min(MAX_REFRESH_MS, (untilMs - fetchedAtMs) / 2);
    return this.#ports.clock.wallMs() >= fetchedAtMs + afterMs;
  }

  #fetch(domain: string, id: string): Promise<KeptPolicy | undefined> {
    const underWay = this.#fetching.get(domain);
    if (underWay !== undefined) return underWay;
    if ((this.#failedUntilMs.get(domain) ?? 0) > this.#ports.clock.monotonicMs())
      return Promise.resolve(undefined);
    const fetching = this.#fetchNow(domain, id).finally(() => this.#fetching.delete(domain));
    this.#fetching.set(domain, fetching);
    return fetching;
  }

  async #fetchNow(domain: string, id: string): Promise<KeptPolicy | undefined> {
    const { http, clock, observe, cache, failed } = this.#ports;
    const fetched = await fetchStsPolicy(http, domain);
    if (fetched.kind !== "policy") {
      this.#failed(domain);
      failed(domain, fetched.type, fetched.why);
      observe({ kind: "warning", text: `policy of MTA-STS of ${domain}: ${fetched.why}` });
      return undefined;
    }
    const { policy, text } = fetched;
    const fetchedAtMs = clock.wallMs();
    const untilMs = fetchedAtMs + policy.maxAgeSeconds * 1000;
    const kept: KeptPolicy = { domain, id, policy, fetchedAtMs, untilMs };
    this.#failedUntilMs.delete(domain);
    this.#kept.delete(domain);
    this.#kept.set(domain, kept);
    const fault = await cache.write(kept, text);
    if (fault !== undefined)
      observe({ kind: "warning", text: `policy of MTA-STS of ${domain} cannot be kept: ${fault}` });
    await this.#forgetOldest();
    return kept;
  }

  #failed(domain: string): void {
    this.#failedUntilMs.delete(domain);
    this.#failedUntilMs.set(domain, this.#ports.clock.monotonicMs() + STS_RETRY_MS);
    keepLatest(this.#failedUntilMs, MAX_STS_POLICIES);
  }

  async #forgetOldest(): Promise<void> {
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_STS_POLICIES) break;
      this.#kept.delete(oldest);
      await this.#ports.cache.remove(oldest);
    }
  }
}
