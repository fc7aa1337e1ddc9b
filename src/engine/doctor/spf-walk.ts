/**
 * The addresses that the record of a domain lets send in its name, with those of the records
 * that it includes.
 *
 * What lets nobody send (`-`, `~`, `?`) is passed over, as is what depends on the message; the
 * latter is told. `exists` is only counted, as it names no address that would send.
 *
 * Promises: at most MAX_WALK_QUESTIONS questions, no record twice, and whoever walks knows what was left out.
 *
 * Source: RFC 7208 §4.6.4 (ten terms may ask the DNS), §5; OpenSMTPD smtpctl(8), `spf walk`.
 */
import { type IpNetwork, parseIpAddress } from "#base/ip-address.ts";
import { unreachable } from "#base/unreachable.ts";
import type { DnsAnswer, Resolver } from "#base/ports/resolver.ts";
import { asciiDomain, isHostName } from "#protocols/mail/domain.ts";
import {
  parseSpf,
  type SpfMechanism,
  type SpfQualifier,
  type SpfRecord,
} from "#protocols/sender-records/spf-record.ts";

/** Checks of mail stop at ten terms that ask; who walks wants to see what is too much. */
export const MAX_WALK_QUESTIONS = 100;
const MAX_NETWORKS = 10_000;

export interface SpfNetwork {
  /** `192.0.2.1` or `192.0.2.0/24`. */
  readonly text: string;
  readonly network: IpNetwork;
}

export interface SpfWalk {
  readonly networks: readonly SpfNetwork[];
  /** How many terms a check of mail would have to ask the DNS for. */
  readonly askingTerms: number;
  /** What the record of the domain itself says of everybody else. */
  readonly others: SpfQualifier | undefined;
  /** What could not be followed, each in a line. */
  readonly troubles: readonly string[];
  /** Whether some of them are for want of an answer. */
  readonly isPartial: boolean;
}

export type SpfAnswer =
  | { readonly kind: "walk"; readonly walk: SpfWalk }
  /** The domain has no such record. */
  | { readonly kind: "absent" }
  | { readonly kind: "wrong"; readonly why: string }
  | { readonly kind: "unavailable"; readonly cause: Error };

export async function walkSpf(domain: string, resolver: Resolver): Promise<SpfAnswer> {
  const walker = new Walker(resolver);
  const record = await walker.record(domain);
  if (record.kind === "record") await walker.follow(domain, record, true);
  if (record.kind === "record") return { kind: "walk", walk: walker.walk() };
  return record.kind === "none" ? { kind: "absent" } : record;
}

type Read =
  | SpfRecord
  | { readonly kind: "none" }
  | { readonly kind: "wrong"; readonly why: string }
  | { readonly kind: "unavailable"; readonly cause: Error };

class Walker {
  readonly #resolver: Resolver;
  readonly #networks = new Map<string, IpNetwork>();
  readonly #troubles: string[] = [];
  readonly #seen = new Set<string>();
  #questions = 0;
  #askingTerms = 0;
  #others: SpfQualifier | undefined;
  #isPartial = false;

  constructor(resolver: Resolver) {
    this.#resolver = resolver;
  }

  walk(): SpfWalk {
    return {
      networks: Array.from(this.#networks, ([text, network]) => ({ text, network })),
      askingTerms: this.#askingTerms,
      others: this.#others,
      troubles: this.#troubles,
      isPartial: this.#isPartial,
    };
  }

  async record(domain: string): Promise<Read> {
    this.#seen.add(domain.toLowerCase());
    const name = domain.includes("_") ? domain : asciiDomain(domain);
    if (!isHostName(name)) return { kind: "wrong", why: "it is no domain" };
    const answer = await this.#ask(() => this.#resolver.texts(name));
    if (answer === undefined) return { kind: "wrong", why: "there is too much to ask" };
    if (answer.kind === "absent") return { kind: "none" };
    return answer.kind === "found" ? parseSpf(answer.value) : answer;
  }

  /** @param isOwn whether it is that of the domain itself, or stands in its place. */
  async follow(domain: string, { terms, redirect }: SpfRecord, isOwn: boolean): Promise<void> {
    for (const { qualifier, mechanism } of terms) {
      if (mechanism.kind === "all") {
        if (isOwn) this.#others = qualifier;
        return; // What stands behind it is never looked at (§5.1).
      }
      if (mechanism.kind !== "network") this.#askingTerms++;
      if (qualifier === "pass") await this.#mechanism(domain, mechanism);
    }
    if (redirect === undefined) return;
    this.#askingTerms++;
    await this.#other(redirect, "redirect", isOwn);
  }

  async #mechanism(
    domain: string,
    mechanism: Exclude<SpfMechanism, { kind: "all" }>,
  ): Promise<void> {
    switch (mechanism.kind) {
      case "network":
        return this.#add(mechanism.text, mechanism.network);
      case "a":
        return this.#hosts([mechanism.domain || domain], mechanism);
      case "mx":
        return this.#exchangers(mechanism.domain || domain, mechanism);
      case "include":
        return this.#other(mechanism.domain, "include", false);
      case "exists":
        return undefined;
      case "ptr":
        return this.#trouble(`ptr of ${domain} names no addresses`);
      case "macro":
        return this.#trouble(`'${mechanism.text}' of ${domain} depends on the message`);
      default:
        return unreachable(mechanism);
    }
  }

  async #other(domain: string, word: "include" | "redirect", isOwn: boolean): Promise<void> {
    if (domain.includes("%")) return this.#trouble(`${word} of ${domain} depends on the message`);
    if (this.#seen.has(domain.toLowerCase())) return;
    const record = await this.record(domain);
    if (record.kind === "record") return this.follow(domain, record, isOwn);
    if (record.kind === "unavailable") return this.#unanswered(domain, record.cause);
    const why = record.kind === "none" ? "has no record" : record.why;
    return this.#trouble(`${word} of ${domain}: ${why}`);
  }

  async #exchangers(domain: string, bits: Bits): Promise<void> {
    const answer = await this.#ask(() => this.#resolver.mx(domain));
    if (answer?.kind === "unavailable") return this.#unanswered(`MX of ${domain}`, answer.cause);
    if (answer?.kind !== "found") return this.#trouble(`mx of ${domain}: it has none`);
    return this.#hosts(
      answer.value.map(({ exchange }) => exchange).filter((exchange) => exchange !== ""),
      bits,
    );
  }

  async #hosts(hosts: readonly string[], { ipv4Bits, ipv6Bits }: Bits): Promise<void> {
    for (const host of hosts) {
      const answer = await this.#ask(() => this.#resolver.addresses(host));
      if (answer?.kind === "unavailable") this.#unanswered(host, answer.cause);
      else if (answer?.kind !== "found") this.#trouble(`${host} has no address`);
      else
        for (const text of answer.value) {
          const address = parseIpAddress(text);
          if (address === undefined) continue;
          const [prefixBits, width] = address.family === 4 ? [ipv4Bits, 32] : [ipv6Bits, 128];
          const shown = prefixBits === width ? text : `${text}/${prefixBits}`;
          this.#add(shown, { address, prefixBits });
        }
    }
  }

  async #ask<Value>(
    question: () => Promise<DnsAnswer<Value>>,
  ): Promise<DnsAnswer<Value> | undefined> {
    if (this.#questions === MAX_WALK_QUESTIONS)
      this.#trouble(`more than ${MAX_WALK_QUESTIONS} questions are needed: the rest is left out`);
    if (this.#questions++ >= MAX_WALK_QUESTIONS) return undefined;
    return question();
  }

  #add(text: string, network: IpNetwork): void {
    if (this.#networks.size < MAX_NETWORKS) this.#networks.set(text, network);
  }

  #trouble(text: string): void {
    if (!this.#troubles.includes(text)) this.#troubles.push(text);
  }

  #unanswered(what: string, { message }: Error): void {
    this.#isPartial = true;
    this.#trouble(`${what}: ${message}`);
  }
}

type Bits = Pick<Extract<SpfMechanism, { kind: "a" | "mx" }>, "ipv4Bits" | "ipv6Bits">;
