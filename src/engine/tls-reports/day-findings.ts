/**
 * What became of TLS with the servers of one domain in one UTC day: what a report tells.
 *
 * Bounded: MAX_POLICIES, and of each MAX_FAILURE_KINDS in detail, and no more than whoever keeps it
 * has room for; what is beyond counts in the sums of its policy, or not at all.
 */
import { type Codec, encode, decode, list, struct, text, u53, u8 } from "#base/codec.ts";
import type {
  CountedFailure,
  PolicyFindings,
  ReportedPolicy,
} from "#protocols/tlsrpt/tls-report.ts";
import { MAX_ENDPOINT_LENGTH, MAX_REPORT_ENDPOINTS } from "#protocols/tlsrpt/tlsrpt-record.ts";
import {
  failureFields,
  MAX_DOMAIN_BYTES,
  MAX_REPORT_ID_BYTES,
  policyCodec,
} from "#model/ipc/tls-report-link.ts";
import type { CountedSessions } from "#model/tls-session.ts";

/** Of what is kept of one domain and day. */
export const MAX_POLICIES = 8;
export const MAX_FAILURE_KINDS = 64;

export const DAY_MS = 86_400_000;
/** ECMA-262: the last day that has a date. */
const MAX_DAY_MS = 8_640_000_000_000_000 - DAY_MS;

export interface DayFacts {
  /** When it began: a whole number of days. */
  readonly dayMs: number;
  readonly domain: string;
  /** The same however often the report is sent. */
  readonly reportId: string;
}

interface Findings extends Omit<PolicyFindings, "details"> {
  successes: number;
  failures: number;
  readonly details: Map<string, CountedFailure>;
}

/** A file has this, and nothing else. */
interface Stored extends DayFacts {
  readonly format: number;
  readonly findings: readonly PolicyFindings[];
  readonly done: readonly string[];
}

/** Of files: another number with each change of what they hold, so that an old one is none. */
const FORMAT = 1;

const findingsCodec: Codec<readonly PolicyFindings[]> = list(
  struct<PolicyFindings>({
    policy: policyCodec,
    successes: u53,
    failures: u53,
    details: list(struct<CountedFailure>({ ...failureFields, sessions: u53 }), MAX_FAILURE_KINDS),
  }),
  MAX_POLICIES,
);

const storedCodec: Codec<Stored> = struct<Stored>({
  format: u8,
  dayMs: u53,
  domain: text(MAX_DOMAIN_BYTES),
  reportId: text(MAX_REPORT_ID_BYTES),
  findings: findingsCodec,
  done: list(text(MAX_ENDPOINT_LENGTH + "mailto:".length), MAX_REPORT_ENDPOINTS),
});

/** The longest that can be stored, with room to spare. */
export const MAX_STORED_BYTES: number = 1024 * 1024;

export class DayFindings implements DayFacts {
  readonly dayMs: number;
  readonly domain: string;
  readonly reportId: string;
  readonly #findings = new Map<string, Findings>();
  /** Endpoints that have the report, or will never have it. */
  readonly #done = new Set<string>();
  #bytes = 0;

  constructor({ dayMs, domain, reportId }: DayFacts) {
    this.dayMs = dayMs;
    this.domain = domain;
    this.reportId = reportId;
  }

  /** Undefined: the file is torn, or none of ours. */
  static read(stored: Uint8Array): DayFindings | undefined {
    const decoded = decode(storedCodec, stored);
    if (decoded.kind !== "decoded") return undefined;
    const { value } = decoded;
    if (value.format !== FORMAT) return undefined;
    if (value.dayMs % DAY_MS !== 0 || value.dayMs > MAX_DAY_MS) return undefined;
    const day = new DayFindings(value);
    for (const { policy, successes, failures, details } of value.findings) {
      const entries = details.map((detail) => [detailKey(detail), detail] as const);
      const findings = { policy, successes, failures, details: new Map(entries) };
      const key = JSON.stringify(policy);
      day.#findings.set(key, findings);
      day.#bytes += entryBytes(key);
      for (const [kind] of entries) day.#bytes += entryBytes(kind);
    }
    for (const uri of value.done) day.#done.add(uri);
    return day;
  }

  stored(): Uint8Array {
    const { dayMs, domain, reportId, findings } = this;
    const done = [...this.#done];
    return encode(storedCodec, { format: FORMAT, dayMs, domain, reportId, findings, done });
  }

  /** What it takes in memory, about. */
  get bytes(): number {
    return this.#bytes;
  }

  get findings(): readonly PolicyFindings[] {
    return Array.from(this.#findings.values(), ({ details, ...sums }) => ({
      ...sums,
      details: [...details.values()],
    }));
  }

  /** @param roomBytes what is new may take. */
  add({ policy, failure, sessions }: CountedSessions, roomBytes: number): void {
    const findings = this.#of(policy, roomBytes);
    if (findings === undefined) return;
    if (failure === undefined) {
      findings.successes += sessions;
      return;
    }
    findings.failures += sessions;
    const key = detailKey(failure);
    const known = findings.details.get(key);
    if (known === undefined) {
      const bytes = entryBytes(key);
      if (findings.details.size >= MAX_FAILURE_KINDS || bytes > roomBytes) return;
      this.#bytes += bytes;
    }
    findings.details.set(key, { ...failure, sessions: (known?.sessions ?? 0) + sessions });
  }

  isDone(uri: string): boolean {
    return this.#done.has(uri);
  }

  done(uri: string): void {
    // A record that is another one at each try may have more than there is room for.
    if (this.#done.size < MAX_REPORT_ENDPOINTS) this.#done.add(uri);
  }

  #of(policy: ReportedPolicy, roomBytes: number): Findings | undefined {
    const key = JSON.stringify(policy);
    const known = this.#findings.get(key);
    const bytes = entryBytes(key);
    if (known !== undefined || this.#findings.size >= MAX_POLICIES || bytes > roomBytes)
      return known;
    this.#bytes += bytes;
    const fresh: Findings = { policy, successes: 0, failures: 0, details: new Map() };
    this.#findings.set(key, fresh);
    return fresh;
  }
}

/** Objects and maps around the texts, about. */
const OVERHEAD_BYTES = 512;

/** Each text is there twice: as it came, and in its key. */
function entryBytes(key: string): number {
  return 2 * key.length + OVERHEAD_BYTES;
}

function detailKey(failure: Omit<CountedFailure, "sessions">): string {
  const { type, reason, sendingIp, mxHost, receivingIp } = failure;
  return [type, sendingIp, receivingIp, mxHost, reason].join(" ");
}
