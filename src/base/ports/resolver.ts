/**
 * DNS questions of a mail server.
 *
 * Absence has two faces: "no-domain" (NXDOMAIN) and "no-records" (the name
 * exists, this type does not). A server failure, a time-out or a malformed
 * answer is "unavailable", never absence; so is an answer whose signatures are
 * wrong, which a resolver that checks them gives as a server failure.
 *
 * `isSecure`: the zone is signed, and resolvers that are trusted have checked it
 * (RFC 4035 §3.2.3, the AD bit). What is not secure may have been made up by anybody
 * on the way, its absence too.
 */

export interface MxRecord {
  /** Lower is tried first. */
  readonly preference: number;
  /** Host name without a final dot; "" is the null MX (RFC 7505). */
  readonly exchange: string;
}

/** RFC 6698 §2.1: what a server's certificate is known by. The numbers are as they came. */
export interface TlsaRecord {
  readonly usage: number;
  readonly selector: number;
  readonly matching: number;
  readonly data: Uint8Array;
}

export type DnsAnswer<Value> =
  | {
      readonly kind: "found";
      readonly value: Value;
      readonly isSecure: boolean;
      /** The name that has the records: the one asked for, or where its aliases (CNAME) end. */
      readonly owner: string;
    }
  | {
      readonly kind: "absent";
      readonly why: "no-domain" | "no-records";
      readonly isSecure: boolean;
    }
  | { readonly kind: "unavailable"; readonly cause: Error };

export interface Resolver {
  /** MX records of `domain`, in no particular order. */
  mx(domain: string): Promise<DnsAnswer<readonly MxRecord[]>>;

  /** IPv4 and IPv6 addresses of `host` in text form, in the order in which to try them. */
  addresses(host: string): Promise<DnsAnswer<readonly string[]>>;

  /** Names that the reverse tree gives for an IPv4 or IPv6 address. */
  pointer(address: string): Promise<DnsAnswer<readonly string[]>>;

  /** The name that `host` is an alias of, one step; absent: it is none. */
  alias(host: string): Promise<DnsAnswer<string>>;

  /** TLSA records of a name such as `_25._tcp.mx.example.org`. */
  tlsa(name: string): Promise<DnsAnswer<readonly TlsaRecord[]>>;

  /** Texts of a name, each record's strings joined. */
  texts(name: string): Promise<DnsAnswer<readonly string[]>>;
}

/** What the hosts file says, or a zone that is not signed. */
export function foundUnsigned<Value>(value: Value, owner: string): DnsAnswer<Value> {
  return { kind: "found", value, isSecure: false, owner };
}

export const NO_SUCH_DOMAIN: DnsAnswer<never> = Object.freeze({
  kind: "absent",
  why: "no-domain",
  isSecure: false,
});

const noSuchDomain = async (): Promise<DnsAnswer<never>> => NO_SUCH_DOMAIN;

/** A DNS with nothing in it. */
export const EMPTY_DNS: Resolver = Object.freeze({
  mx: noSuchDomain,
  addresses: noSuchDomain,
  pointer: noSuchDomain,
  alias: noSuchDomain,
  tlsa: noSuchDomain,
  texts: noSuchDomain,
});
