/**
 * DNS questions of a mail server.
 *
 * Absence has two faces: "no-domain" (NXDOMAIN) and "no-records" (the name
 * exists, this type does not). A server failure, a time-out or a malformed
 * answer is "unavailable", never absence.
 */

export interface MxRecord {
  /** Lower is tried first. */
  readonly preference: number;
  /** Host name without a final dot; "" is the null MX (RFC 7505). */
  readonly exchange: string;
}

export type DnsAnswer<Value> =
  | { readonly kind: "found"; readonly value: Value }
  | { readonly kind: "absent"; readonly why: "no-domain" | "no-records" }
  | { readonly kind: "unavailable"; readonly cause: Error };

export interface Resolver {
  /** MX records of `domain`, in no particular order. */
  mx(domain: string): Promise<DnsAnswer<readonly MxRecord[]>>;

  /** IPv4 and IPv6 addresses of `host` in text form, in the order in which to try them. */
  addresses(host: string): Promise<DnsAnswer<readonly string[]>>;

  /** Names that the reverse tree gives for an IPv4 or IPv6 address. */
  pointer(address: string): Promise<DnsAnswer<readonly string[]>>;
}
