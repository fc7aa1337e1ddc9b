/**
 * What became of TLS with a server of a domain that mail was for, as TLS reports count it.
 *
 * Bounded, as it is made (`engine/relay/tls-findings.ts`) and as it travels.
 */
import type { ReportedPolicy, SessionFailure } from "#protocols/tlsrpt/tls-report.ts";

/** Of the records or lines of a policy, and of its exchangers; who has more shows the first. */
export const MAX_POLICY_STRINGS = 16;
/** A TLSA record with a whole certificate is longer, and is left out. */
export const MAX_POLICY_STRING_LENGTH = 512;
/** In octets of ASCII. */
export const MAX_SESSION_REASON_LENGTH = 128;

export interface TlsSession {
  /** Of the recipients, or the host that the configuration names: whose record says where reports go. */
  readonly domain: string;
  readonly policy: ReportedPolicy;
  /** Undefined: it was under TLS, and the server was what the policy asks for. */
  readonly failure: SessionFailure | undefined;
}

/** So many alike. */
export interface CountedSessions extends TlsSession {
  readonly sessions: number;
}
