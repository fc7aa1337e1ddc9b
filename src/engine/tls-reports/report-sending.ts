/**
 * Sends the report of one domain's day to everybody that the domain names, each once.
 *
 * Promises: never rejects. What is said of an endpoint in the log is one line, and the words of
 * a stranger in it are printable. Of a report that is too large the details are left out, then
 * the texts of policies.
 *
 * Source: RFC 8460 §3 (endpoints), §4.1 (a day), §5.3 (mail), §5.4 (HTTPS).
 */
import { gzipSync } from "node:zlib";
import type { Clock } from "#base/ports/clock.ts";
import type { Http } from "#base/ports/http.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { REPORT_TYPE } from "#protocols/tlsrpt/report-mail.ts";
import { formatTlsReport, reportFileName, type TlsReport } from "#protocols/tlsrpt/tls-report.ts";
import {
  formatEndpointUri,
  parseTlsrptRecord,
  type ReportEndpoint,
} from "#protocols/tlsrpt/tlsrpt-record.ts";
import type { Observe } from "#model/events.ts";
import {
  type LetterOutcome,
  MAX_REPORT_BYTES,
  type ReportLetter,
} from "#model/ipc/tls-report-link.ts";
import { DAY_MS, type DayFindings } from "./day-findings.ts";
import { MAX_A_DAY, type RecipientLimits } from "./recipient-limits.ts";

export interface SendingPorts {
  readonly clock: Clock;
  readonly resolver: Pick<Resolver, "texts">;
  readonly http: Pick<Http, "post">;
  readonly observe: Observe;
  /** By mail; never rejects. */
  readonly post: (letter: ReportLetter) => Promise<LetterOutcome>;
}

/** Who sends. */
export interface Reporter {
  readonly serverName: string;
  /** A mail address. */
  readonly contact: string;
  readonly organization: string;
}

const HTTPS_TIMEOUT_MS = 60_000;
/** Of an answer that nobody reads. */
const MAX_ANSWER_BYTES: number = 16 * 1024;

/** What reports go by, and what is kept to among all of them. */
export interface Sending extends SendingPorts {
  readonly limits: RecipientLimits;
}

/** "finished": nobody is left to be told; "again": somebody is. */
export async function sendReport(
  ports: Sending,
  reporter: Reporter,
  day: DayFindings,
): Promise<"finished" | "again"> {
  // There was no room for anything of it.
  if (day.findings.length === 0) return "finished";
  const answer = await ports.resolver.texts(`_smtp._tls.${day.domain}`);
  if (answer.kind === "unavailable") return "again";
  const endpoints = answer.kind === "found" ? parseTlsrptRecord(answer.value) : [];
  const open = endpoints.filter((endpoint) => !day.isDone(formatEndpointUri(endpoint)));
  if (open.length === 0) return "finished";
  const letter = letterOf(reporter, day, ports.clock.wallMs());
  let isFinished = true;
  for (const endpoint of open) {
    const outcome = await sendTo(ports, endpoint, letter);
    tell(ports.observe, { day, endpoint, outcome });
    if (outcome.kind === "later") isFinished = false;
    else day.done(formatEndpointUri(endpoint));
  }
  return isFinished ? "finished" : "again";
}

interface Outcome {
  readonly kind: LetterOutcome;
  readonly why: string;
}

type Letter = Omit<ReportLetter, "to">;

async function sendTo(
  { clock, http, limits, post }: Sending,
  endpoint: ReportEndpoint,
  letter: Letter,
): Promise<Outcome> {
  const host = hostOf(endpoint);
  if (!limits.admits(host, clock.wallMs()))
    return { kind: "refused", why: `${host} has had ${MAX_A_DAY} reports today` };
  if (endpoint.kind === "mailto") {
    const kind = await post({ ...letter, to: endpoint.address });
    return { kind, why: kind === "taken" ? "" : `the queue says ${kind}` };
  }
  const answer = await http.post({
    url: endpoint.url,
    timeoutMs: HTTPS_TIMEOUT_MS,
    maxBytes: MAX_ANSWER_BYTES,
    body: letter.gzip,
    type: REPORT_TYPE,
    authorization: undefined,
    authorities: undefined,
  });
  return answer.kind === "answer" ? { kind: "taken", why: "" } : { kind: "later", why: answer.why };
}

/** Who has the work with it. */
function hostOf(endpoint: ReportEndpoint): string {
  return endpoint.kind === "https"
    ? new URL(endpoint.url).hostname
    : endpoint.address.slice(endpoint.address.lastIndexOf("@") + 1);
}

function tell(
  observe: Observe,
  about: {
    readonly day: DayFindings;
    readonly endpoint: ReportEndpoint;
    readonly outcome: Outcome;
  },
): void {
  const { day, endpoint, outcome } = about;
  const report = `TLS report about ${day.domain} of ${isoDay(day.dayMs)}`;
  const to = formatEndpointUri(endpoint);
  if (outcome.kind === "taken") observe({ kind: "notice", text: `${report}: sent to ${to}` });
  else observe({ kind: "warning", text: `${report}: not sent to ${to}: ${outcome.why}` });
}

function letterOf(
  { serverName, contact, organization }: Reporter,
  day: DayFindings,
  nowMs: number,
): Letter {
  const { dayMs, domain, reportId, findings } = day;
  // One that is asked for before the day is over ends now.
  const endMs = Math.max(Math.min(dayMs + DAY_MS, nowMs) - 1000, dayMs);
  const report = { organization, contact, id: reportId, startMs: dayMs, endMs, findings };
  const fileName = reportFileName(serverName, domain, report);
  return { domain, reportId, fileName, gzip: compressed(report) };
}

function compressed(report: TlsReport): Uint8Array {
  const whole = gzipSync(formatTlsReport(report));
  if (whole.length <= MAX_REPORT_BYTES) return whole;
  const findings = report.findings.map((each) => ({ ...each, details: [] }));
  const sums = gzipSync(formatTlsReport({ ...report, findings }));
  if (sums.length <= MAX_REPORT_BYTES) return sums;
  const bare = findings.map((each) => ({
    ...each,
    policy: { ...each.policy, strings: [], mxHosts: [] },
  }));
  return gzipSync(formatTlsReport({ ...report, findings: bare }));
}

/** `2026-11-25`. */
export function isoDay(dayMs: number): string {
  return new Date(dayMs).toISOString().slice(0, 10);
}
