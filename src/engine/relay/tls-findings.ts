/**
 * What TLS reports say of a server: the policy that its domain has, and how TLS with it ended.
 *
 * Pure. All that a stranger wrote is printable and bounded. What the action alone asks for is
 * nobody's policy but ours, and no domain is told of it.
 *
 * Source: RFC 8460 §4.2 (policies), §4.3 (results).
 */
import { addressOf, type Endpoint } from "#base/endpoint.ts";
import { parseIpAddress } from "#base/ip-address.ts";
import type { TlsaRecord } from "#base/ports/resolver.ts";
import type { TlsPeer } from "#base/ports/tls.ts";
import { unreachable } from "#base/unreachable.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import { type StsPolicy, stsPolicyLines } from "#protocols/sts/sts-policy.ts";
import type { FailureType, ReportedPolicy } from "#protocols/tlsrpt/tls-report.ts";
import {
  MAX_POLICY_STRING_LENGTH,
  MAX_POLICY_STRINGS,
  MAX_SESSION_REASON_LENGTH,
  type TlsSession,
} from "#model/tls-session.ts";
import { formatTlsa } from "#policy/transport/tlsa.ts";
import type { TlsEnd } from "#engine/client/tls-end.ts";
import type { NextHop } from "./next-hops.ts";

interface Finding {
  readonly type: FailureType;
  readonly reason: string;
}

/** What a domain promises of a server. */
export interface Promised extends ReportedPolicy {
  /** What is wrong with it whatever the server does. */
  readonly shortcoming: Finding | undefined;
}

/** One that TLS was, or was to be, spoken with. */
export interface Counterpart {
  readonly hop: NextHop;
  readonly promised: Promised;
}

/** Undefined: no domain would know what it is told of. */
export function noPolicyFound({ dialect, endpoint, domain }: NextHop): Promised | undefined {
  if (dialect !== "smtp" || endpoint.kind === "unix") return undefined;
  const name = domain.toLowerCase();
  if (!isHostName(name) || parseIpAddress(name) !== undefined) return undefined;
  return { type: "no-policy-found", domain: name, ...NOTHING };
}

const NOTHING = { strings: [], mxHosts: [], shortcoming: undefined } as const;

/** @param base the name that has the records. */
export function promisedByTlsa(
  base: string,
  records: readonly TlsaRecord[],
  shortcoming?: Finding,
): Promised {
  return {
    type: "tlsa",
    domain: base,
    strings: few(records.map(formatTlsa)),
    mxHosts: [],
    shortcoming,
  };
}

export function promisedBySts(domain: string, policy: StsPolicy, shortcoming?: Finding): Promised {
  const strings = few(stsPolicyLines(policy));
  return { type: "sts", domain, strings, mxHosts: few(policy.hosts), shortcoming };
}

function few(strings: readonly string[]): readonly string[] {
  return strings
    .filter(({ length }) => length <= MAX_POLICY_STRING_LENGTH)
    .slice(0, MAX_POLICY_STRINGS);
}

/** The policy of MTA-STS that a domain should have, and that could not be had. */
export function unfetchedPolicy(domain: string, type: FailureType, why: string): TlsSession {
  const nowhere = { sendingIp: "", mxHost: "", receivingIp: "" };
  const policy = { type: "sts", domain, strings: [], mxHosts: [] } as const;
  return { domain, policy, failure: { ...finding(type, why), ...nowhere } };
}

/** A server that is not even connected to. */
export function unconnected({ hop, promised }: Counterpart, found: Finding): TlsSession {
  const failure = { ...found, mxHost: hostOf(hop), sendingIp: "", receivingIp: "" };
  return { domain: hop.domain.toLowerCase(), policy: policyOf(promised), failure };
}

/** @param ends of the connection, ours first. */
export function sessionOf(
  { hop, promised }: Counterpart,
  end: TlsEnd,
  [local, remote]: readonly [Endpoint, Endpoint],
): TlsSession {
  const found = promised.shortcoming ?? findingOf(promised, end);
  const sendingIp = addressOf(local);
  const receivingIp = addressOf(remote);
  return {
    domain: hop.domain.toLowerCase(),
    policy: policyOf(promised),
    failure: found && { ...found, mxHost: hostOf(hop), sendingIp, receivingIp },
  };
}

function policyOf({ type, domain, strings, mxHosts }: Promised): ReportedPolicy {
  return { type, domain, strings, mxHosts };
}

function findingOf(promised: Promised, end: TlsEnd): Finding | undefined {
  switch (end.kind) {
    case "not-offered":
      return finding("starttls-not-supported", end.why);
    case "failed":
      return finding("validation-failure", end.why);
    case "handshake":
      if (promised.type === "no-policy-found") return undefined;
      if (promised.type === "sts") return certificateFinding(end.facts.peer);
      return end.judgement.kind === "proven"
        ? undefined
        : finding("certificate-not-trusted", "matches no TLSA record");
    default:
      return unreachable(end);
  }
}

/** In words of OpenSSL and Node. */
const CERTIFICATE_FAULTS: Readonly<Record<string, FailureType>> = {
  CERT_HAS_EXPIRED: "certificate-expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "certificate-host-mismatch",
  HOSTNAME_MISMATCH: "certificate-host-mismatch",
};

function certificateFinding(peer: TlsPeer | undefined): Finding | undefined {
  if (peer === undefined) return finding("validation-failure", "no certificate");
  if (peer.verified) return undefined;
  return finding(CERTIFICATE_FAULTS[peer.why] ?? "certificate-not-trusted", peer.why);
}

export function finding(type: FailureType, reason: string): Finding {
  const printable = reason.replaceAll(/[^ -~]+/gu, " ");
  return { type, reason: printable.slice(0, MAX_SESSION_REASON_LENGTH) };
}

function hostOf({ endpoint }: NextHop): string {
  return addressOf(endpoint).toLowerCase();
}
