/**
 * What TLS reports say of a server: the policy that its domain has, and how TLS with it ended.
 *
 * Pure. All that a stranger wrote is printable and bounded. What the action alone asks for is
 * nobody's policy but ours, and no domain is told of it. A report's texts are made when TLS has
 * ended, and so not for each message, nor where nobody reports.
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

/** What a domain promises of a server, as it was found. */
export type Promised =
  | { readonly type: "no-policy-found"; readonly shortcoming: undefined }
  | {
      readonly type: "tlsa";
      /** The name that has the records. */
      readonly base: string;
      readonly records: readonly TlsaRecord[];
      readonly shortcoming: Finding | undefined;
    }
  | {
      readonly type: "sts";
      readonly policy: StsPolicy;
      /** What is wrong with it whatever the server does. */
      readonly shortcoming: Finding | undefined;
    };

export const NOTHING_PROMISED: Promised = Object.freeze({
  type: "no-policy-found",
  shortcoming: undefined,
});

/** One that TLS was, or was to be, spoken with. */
export interface Counterpart {
  readonly hop: NextHop;
  readonly promised: Promised;
}

/** The policy of MTA-STS that a domain should have, and that could not be had. */
export function unfetchedPolicy(domain: string, type: FailureType, why: string): TlsSession {
  const nowhere = { sendingIp: "", mxHost: "", receivingIp: "" };
  const policy = { type: "sts", domain, strings: [], mxHosts: [] } as const;
  return { domain, policy, failure: { ...finding(type, why), ...nowhere } };
}

/** Where nothing is promised, the other end may be none that a domain could be told of. */
export function isReported({ hop, promised }: Counterpart): boolean {
  if (promised.type !== "no-policy-found") return true;
  if (hop.dialect !== "smtp" || hop.endpoint.kind === "unix") return false;
  return isHostName(hop.domain) && parseIpAddress(hop.domain) === undefined;
}

/** A server that is not even connected to. */
export function unconnected(counterpart: Counterpart, found: Finding): TlsSession {
  return sessionWith(counterpart, found, { sendingIp: "", receivingIp: "" });
}

/** @param ends of the connection, ours first. */
export function sessionOf(
  counterpart: Counterpart,
  end: TlsEnd,
  [local, remote]: readonly [Endpoint, Endpoint],
): TlsSession {
  const { promised } = counterpart;
  const addresses = { sendingIp: addressOf(local), receivingIp: addressOf(remote) };
  return sessionWith(counterpart, promised.shortcoming ?? findingOf(promised, end), addresses);
}

function sessionWith(
  { hop, promised }: Counterpart,
  found: Finding | undefined,
  addresses: { readonly sendingIp: string; readonly receivingIp: string },
): TlsSession {
  const domain = hop.domain.toLowerCase();
  return {
    domain,
    policy: reportedPolicy(promised, domain),
    failure: found && { ...found, mxHost: hostOf(hop), ...addresses },
  };
}

function reportedPolicy(promised: Promised, domain: string): ReportedPolicy {
  const { type } = promised;
  switch (type) {
    case "no-policy-found":
      return { type, domain, strings: [], mxHosts: [] };
    case "tlsa": {
      const { base, records } = promised;
      return { type, domain: base, strings: few(records.map(formatTlsa)), mxHosts: [] };
    }
    case "sts": {
      const { policy } = promised;
      return { type, domain, strings: few(stsPolicyLines(policy)), mxHosts: few(policy.hosts) };
    }
    default:
      return unreachable(type);
  }
}

function few(strings: readonly string[]): readonly string[] {
  return strings
    .filter(({ length }) => length <= MAX_POLICY_STRING_LENGTH)
    .slice(0, MAX_POLICY_STRINGS);
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
