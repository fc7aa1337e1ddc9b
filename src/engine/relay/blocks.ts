/**
 * Sources from which nothing goes to a domain: `smtpctl pause mta from SOURCE for DOMAIN`.
 *
 * A source is an address as `src` of an action has it: a relay without `src` has none, and no
 * block is about it. A block without a domain is about all domains; in OpenSMTPD it never
 * matches. Source: OpenSMTPD mta.c (mta_is_blocked).
 */
import { parseIpAddress } from "#base/ip-address.ts";
import type { RelayBlock } from "#model/relay-report.ts";

export class Blocks {
  #keys: ReadonlySet<string> = new Set();

  /** All that there are from now on. */
  set(blocks: readonly RelayBlock[]): void {
    this.#keys = new Set(blocks.map(({ source, domain }) => keyOf(source, domain.toLowerCase())));
  }

  /** @param domain in lower case. */
  has(source: string, domain: string): boolean {
    if (this.#keys.size === 0 || source === "") return false;
    return this.#keys.has(keyOf(source, domain)) || this.#keys.has(keyOf(source, ""));
  }
}

/** An IPv6 address has many spellings. */
function keyOf(source: string, domain: string): string {
  const parsed = parseIpAddress(source);
  return `${parsed?.words.join(".") ?? source} ${domain}`;
}
