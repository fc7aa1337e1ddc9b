/**
 * Fetches the policy of MTA-STS that a domain serves: once, over HTTPS, with a certificate for
 * `mta-sts.DOMAIN`, bounded in time and bytes. Never rejects.
 *
 * Source: RFC 8461 §3.2, §3.3; RFC 8460 §4.3.2.2 (what a failure is called).
 */
import type { Http, HttpAnswer } from "#base/ports/http.ts";
import { MAX_STS_POLICY_BYTES, parseStsPolicy, type StsPolicy } from "#protocols/sts/sts-policy.ts";
import type { FailureType } from "#protocols/tlsrpt/tls-report.ts";

export type StsFailure = Extract<FailureType, `sts-${string}`>;

/** A message waits for it: the standard's minute is too long. */
const STS_FETCH_TIMEOUT_MS = 8_000;

const FAILURES: Readonly<Record<Exclude<HttpAnswer["kind"], "answer">, StsFailure>> = {
  untrusted: "sts-webpki-invalid",
  unfit: "sts-policy-fetch-error",
  fault: "sts-policy-fetch-error",
};

export type FetchedPolicy =
  /** `text` is what was served. */
  | { readonly kind: "policy"; readonly policy: StsPolicy; readonly text: string }
  /** Who answers for the domain has none that counts; `why` holds no bytes of a peer. */
  | { readonly kind: "none"; readonly type: StsFailure; readonly why: string }
  /** Nobody answered: there may be one. */
  | { readonly kind: "unavailable"; readonly type: StsFailure; readonly why: string };

/** @param domain a host name in lower case. */
export async function fetchStsPolicy(
  http: Pick<Http, "get">,
  domain: string,
): Promise<FetchedPolicy> {
  const request = {
    url: stsPolicyUrl(domain),
    timeoutMs: STS_FETCH_TIMEOUT_MS,
    maxBytes: MAX_STS_POLICY_BYTES,
  };
  const answer = await http.get(request, "text/plain");
  if (answer.kind !== "answer") {
    const kind = answer.kind === "fault" ? "unavailable" : "none";
    return { kind, type: FAILURES[answer.kind], why: answer.why };
  }
  const text = Buffer.from(answer.body).toString("latin1");
  const policy = parseStsPolicy(text);
  return typeof policy === "string"
    ? { kind: "none", type: "sts-policy-invalid", why: policy }
    : { kind: "policy", policy, text };
}

export function stsPolicyUrl(domain: string): string {
  return `https://mta-sts.${domain}/.well-known/mta-sts.txt`;
}
