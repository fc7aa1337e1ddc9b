/**
 * What a destination promises of its servers, on top of what the action asks for.
 *
 * Only more is ever asked: an action that requires TLS is taken at its word. Else TLSA records
 * that are signed count (DANE), for which the way to the server's name must be signed, too; and
 * where there are none, a policy of the domain (MTA-STS) that is to be enforced. One that is being
 * tested changes nothing but what reports say. None counts for mail that says so (RFC 8689 §4).
 *
 * Of TLSA records nobody knowing is not that there are none: then the server is not used now,
 * as an attacker who keeps the answer away would have it in the clear (RFC 7672 §2.1.2).
 *
 * Source: RFC 7672 §2.1, §2.2; RFC 8461 §2, §4, §5; RFC 8689 §4.2.1 (REQUIRETLS wants a proof).
 */
import { parseIpAddress } from "#base/ip-address.ts";
import type { Resolver, TlsaRecord } from "#base/ports/resolver.ts";
import { hasStsHost } from "#protocols/sts/sts-policy.ts";
import type { TlsTerm } from "#model/envelope.ts";
import type { TransportPolicy } from "#policy/transport/transport-policy.ts";
import { usableTlsa } from "#policy/transport/tlsa.ts";
import type { HopAddresses } from "./hop-addresses.ts";
import { type NextHop, type NoRoute, noRoute } from "./next-hops.ts";
import type { RelayParties } from "./parties.ts";
import { finding, NOTHING_PROMISED, type Promised } from "./tls-findings.ts";

/** Whom it is asked of. */
export interface DestinationParties extends Pick<RelayParties, "askSts"> {
  readonly resolver: Resolver;
}

/** A server, and what a message wants of it. */
export interface Destination {
  readonly hop: NextHop;
  readonly addresses: HopAddresses & { readonly kind: "addresses" };
  readonly tls: TlsTerm;
}

export interface DestinationPolicy {
  readonly policy: TransportPolicy | NoRoute;
  /** What reports say of it; undefined: nobody was asked. */
  readonly promised: Promised | undefined;
}

export async function destinationPolicy(
  parties: DestinationParties,
  asked: TransportPolicy,
  { hop, addresses, tls }: Destination,
): Promise<DestinationPolicy> {
  const isOpen = asked.kind === "opportunistic" && tls !== "optional";
  const found = isOpen ? await askedOf(parties, hop, addresses) : UNASKED;
  const policy = found.policy ?? asked;
  return { policy: tls === "required" ? proven(policy) : policy, promised: found.promised };
}

/** What was found of a destination. */
interface Found {
  /** Undefined: it asks for nothing. */
  readonly policy: TransportPolicy | NoRoute | undefined;
  readonly promised: Promised | undefined;
}

const UNASKED: Found = { policy: undefined, promised: undefined };
const NOTHING_FOUND: Found = { policy: undefined, promised: NOTHING_PROMISED };

/**
 * RFC 8461 §2: where DANE decides, MTA-STS does not; where no record is of use, it may ask
 * for more.
 */
async function askedOf(
  { resolver, askSts }: DestinationParties,
  hop: NextHop,
  addresses: Destination["addresses"],
): Promise<Found> {
  const dane = await danePolicy(resolver, hop, addresses);
  if (dane?.policy?.kind === "no-route") return dane;
  if (dane?.policy?.kind === "required" && dane.policy.proof.kind === "dane") return dane;
  const sts = await stsPolicy(askSts, hop);
  if (sts?.policy !== undefined) return sts;
  return dane ?? sts ?? NOTHING_FOUND;
}

/** Undefined: the domain has none. */
async function stsPolicy(
  askSts: DestinationParties["askSts"],
  { endpoint, domain, isFound }: NextHop,
): Promise<Found | undefined> {
  if (!isFound || endpoint.kind === "unix") return undefined;
  const answer = await askSts(domain);
  // Only this machine can have lost it: whether there is a policy is soon known again.
  if (answer.kind === "unavailable") return { policy: STS_UNKNOWN, promised: undefined };
  if (answer.kind === "absent" || answer.value.mode === "none") return undefined;
  const isListed = hasStsHost(answer.value, endpoint.host);
  const shortcoming = isListed
    ? undefined
    : finding("validation-failure", "MX is not in the policy");
  const promised = { type: "sts", policy: answer.value, shortcoming } as const;
  if (answer.value.mode === "testing") return { policy: undefined, promised };
  return { policy: isListed ? BY_NAME : NOT_LISTED, promised };
}

const BY_NAME: TransportPolicy = { kind: "required", proof: { kind: "name" } };
const STS_UNKNOWN: NoRoute = noRoute("deferred", "4.7.5", "Temporary failure in MTA-STS lookup");
const NOT_LISTED: NoRoute = noRoute(
  "deferred",
  "4.7.5",
  "MX is not in the MTA-STS policy of its domain",
);

/** With a proof of some kind. In the clear goes only what nobody can listen to. */
function proven(policy: TransportPolicy | NoRoute): TransportPolicy | NoRoute {
  if (policy.kind === "no-route" || policy.kind === "clear") return policy;
  if (policy.kind === "required" && policy.proof.kind !== "none") return policy;
  return BY_NAME;
}

/** Undefined: there is nothing signed to go by. */
async function danePolicy(
  resolver: Resolver,
  { endpoint, dialect, isSecure, domain }: NextHop,
  addresses: Destination["addresses"],
): Promise<Found | undefined> {
  if (!isSecure || dialect !== "smtp" || endpoint.kind === "unix") return undefined;
  const { host, port } = endpoint;
  if (parseIpAddress(host) !== undefined) return undefined;
  const bases = await tlsaBases(resolver, host.toLowerCase(), addresses);
  if ("kind" in bases) return unanswered(host.toLowerCase());
  for (const base of bases) {
    const answer = await resolver.tlsa(`_${port}._tcp.${base}`);
    if (answer.kind === "unavailable") return unanswered(base);
    if (answer.kind === "absent" || !answer.isSecure) continue;
    const records = usableTlsa(answer.value);
    // RFC 7672 §2.2: it has said that it speaks TLS, if not how it can be known.
    if (records.length === 0) return unusable(base, answer.value);
    const others = [host, domain].map((name) => name.toLowerCase());
    const names = [base, ...others.filter((name) => name !== base)] as const;
    const policy = { kind: "required", proof: { kind: "dane", records, names } } as const;
    return { policy, promised: byTlsa(base, answer.value) };
  }
  return undefined;
}

function unanswered(base: string): Found {
  const shortcoming = finding("dnssec-invalid", "no answer that is valid");
  return { policy: NO_ANSWER, promised: byTlsa(base, [], shortcoming) };
}

function unusable(base: string, records: readonly TlsaRecord[]): Found {
  const shortcoming = finding("tlsa-invalid", "no record is of use");
  const promised = byTlsa(base, records, shortcoming);
  return { policy: { kind: "required", proof: { kind: "none" } }, promised };
}

function byTlsa(
  base: string,
  records: readonly TlsaRecord[],
  shortcoming?: Promised["shortcoming"],
): Promised {
  return { type: "tlsa", base, records, shortcoming };
}

/** Names that may have the TLSA records, the first that does counts. (RFC 7672 §2.2.2, §2.2.3.) */
async function tlsaBases(
  resolver: Resolver,
  host: string,
  { isSecure, owner }: Destination["addresses"],
): Promise<readonly string[] | NoRoute> {
  const isAlias = owner !== host;
  if (isSecure) return isAlias ? [owner, host] : [host];
  if (!isAlias) return [];
  // The alias itself may be signed where what it leads to is not.
  const alias = await resolver.alias(host);
  if (alias.kind === "unavailable") return NO_ANSWER;
  return alias.kind === "found" && alias.isSecure ? [host] : [];
}

const NO_ANSWER: NoRoute = noRoute("deferred", "4.7.5", "Temporary failure in TLSA lookup");
