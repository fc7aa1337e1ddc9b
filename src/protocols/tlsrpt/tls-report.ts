/**
 * What became of TLS sessions with the servers of a domain, and the report that says so.
 *
 * Source: RFC 8460 §4.2 (kinds of policies), §4.3 (results), §4.4 (JSON), §5.1 (file name).
 */

export const POLICY_TYPES = ["no-policy-found", "sts", "tlsa"] as const;

/** RFC 8460 §4.3: of TLS itself, of certificates, of DANE, of MTA-STS, and what is none of these. */
export const FAILURE_TYPES = [
  "starttls-not-supported",
  "certificate-host-mismatch",
  "certificate-expired",
  "certificate-not-trusted",
  "tlsa-invalid",
  "dnssec-invalid",
  "dane-required",
  "sts-policy-fetch-error",
  "sts-policy-invalid",
  "sts-webpki-invalid",
  "validation-failure",
] as const;
export type FailureType = (typeof FAILURE_TYPES)[number];

/** By what the servers were judged. */
export interface ReportedPolicy {
  readonly type: (typeof POLICY_TYPES)[number];
  /** Whose it is: of TLSA records the name that has them. */
  readonly domain: string;
  /** The records, or the lines of the policy. */
  readonly strings: readonly string[];
  /** Of MTA-STS: names and patterns of exchangers. */
  readonly mxHosts: readonly string[];
}

export interface SessionFailure {
  readonly type: FailureType;
  /** In a few printable characters, or "". */
  readonly reason: string;
  /** "" is what there was none of, as no connection was made. */
  readonly sendingIp: string;
  readonly mxHost: string;
  readonly receivingIp: string;
}

export interface CountedFailure extends SessionFailure {
  readonly sessions: number;
}

/** Of one policy. */
export interface PolicyFindings {
  readonly policy: ReportedPolicy;
  readonly successes: number;
  /** All of them: `details` has as many kinds as there is room for. */
  readonly failures: number;
  readonly details: readonly CountedFailure[];
}

export interface TlsReport {
  readonly organization: string;
  readonly contact: string;
  readonly id: string;
  /** The first and the last second of a day, in UTC. */
  readonly startMs: number;
  readonly endMs: number;
  readonly findings: readonly PolicyFindings[];
}

/** As JSON. */
export function formatTlsReport(report: TlsReport): string {
  return JSON.stringify({
    "organization-name": report.organization,
    "date-range": {
      "start-datetime": dateTime(report.startMs),
      "end-datetime": dateTime(report.endMs),
    },
    "contact-info": report.contact,
    "report-id": report.id,
    policies: report.findings.map(policyEntry),
  });
}

/** RFC 8460 §5.1: told apart by who sends it, whom it is about, and when. */
export function reportFileName(submitter: string, domain: string, report: TlsReport): string {
  const seconds = [report.startMs, report.endMs].map((ms) => Math.floor(ms / 1000));
  return `${[submitter, domain, ...seconds].join("!")}.json.gz`;
}

function policyEntry({ policy, successes, failures, details }: PolicyFindings): object {
  return {
    policy: {
      "policy-type": policy.type,
      ...(policy.strings.length > 0 && { "policy-string": policy.strings }),
      "policy-domain": policy.domain,
      ...(policy.mxHosts.length > 0 && { "mx-host": policy.mxHosts }),
    },
    summary: {
      "total-successful-session-count": successes,
      "total-failure-session-count": failures,
    },
    ...(details.length > 0 && { "failure-details": details.map(detailEntry) }),
  };
}

function detailEntry(detail: CountedFailure): object {
  const { type, sendingIp, mxHost, receivingIp, reason, sessions } = detail;
  return {
    "result-type": type,
    ...(sendingIp !== "" && { "sending-mta-ip": sendingIp }),
    ...(mxHost !== "" && { "receiving-mx-hostname": mxHost }),
    ...(receivingIp !== "" && { "receiving-ip": receivingIp }),
    "failed-session-count": sessions,
    ...(reason !== "" && { "failure-reason-code": reason }),
  };
}

/** RFC 3339, without fractions. */
function dateTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
