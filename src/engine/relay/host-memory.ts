/**
 * What is remembered of remote addresses, and of what domains said last.
 *
 * Bounds: MAX_HOSTS and MAX_DOMAINS, those heard of last; a domain is forgotten after four
 * hours. Times are whole wall-clock milliseconds.
 *
 * Source: OpenSMTPD mta.c (mta_host, hoststat).
 */
import type { AttemptTls } from "#model/delivery.ts";
import { type DomainReport, type LastFailure, NO_FAILURE } from "#model/relay-report.ts";

export const MAX_HOSTS = 10_000;
export const MAX_DOMAINS = 10_000;
/** Source: OpenSMTPD HOSTSTAT_EXPIRE_DELAY. */
const DOMAIN_MS = 4 * 3_600_000;

export interface HostRecord {
  readonly address: string;
  /** By which it was last found. */
  name: string;
  open: number;
  lastConnectionAtMs: number;
  lastFailure: LastFailure;
  /** How the last connection was secured; undefined: it was not. */
  tls: AttemptTls | undefined;
}

interface DomainRecord {
  atMs: number;
  status: string;
}

export class HostMemory {
  readonly #hosts = new Map<string, HostRecord>();
  readonly #domains = new Map<string, DomainRecord>();

  /** The host that a connection goes to. */
  use(address: string): HostRecord {
    const known = this.#hosts.get(address);
    this.#hosts.delete(address);
    const host = known ?? {
      address,
      name: "",
      open: 0,
      lastConnectionAtMs: 0,
      lastFailure: NO_FAILURE,
      tls: undefined,
    };
    this.#hosts.set(address, host);
    if (this.#hosts.size > MAX_HOSTS) this.#dropOldest();
    return host;
  }

  known(address: string): HostRecord | undefined {
    return this.#hosts.get(address);
  }

  /** Those used last come last. */
  hosts(): readonly HostRecord[] {
    return [...this.#hosts.values()];
  }

  /** How an attempt for a domain ended. Called for each envelope: it makes nothing of what is known. */
  said(domain: string, status: string, atMs: number): void {
    const known = this.#domains.get(domain);
    if (known !== undefined) {
      known.atMs = atMs;
      known.status = status;
      return;
    }
    if (this.#domains.size >= MAX_DOMAINS) this.#forgetDomains(atMs);
    this.#domains.set(domain, { atMs, status });
  }

  /** Those heard of last come last. */
  domains(nowMs: number): readonly DomainReport[] {
    return Array.from(this.#domains, ([domain, said]) => ({ domain, ...said }))
      .filter(({ atMs }) => atMs > nowMs - DOMAIN_MS)
      .toSorted((one, other) => one.atMs - other.atMs);
  }

  /** Those heard of too long ago, and a tenth of the others where that leaves no room. */
  #forgetDomains(nowMs: number): void {
    for (const [domain, { atMs }] of this.#domains) {
      if (atMs <= nowMs - DOMAIN_MS) this.#domains.delete(domain);
    }
    if (this.#domains.size < MAX_DOMAINS) return;
    const oldest = [...this.#domains].toSorted(([, a], [, b]) => a.atMs - b.atMs);
    for (const [domain] of oldest.slice(0, MAX_DOMAINS / 10)) this.#domains.delete(domain);
  }

  /** The first that has no connection: there are fewer of those than are kept. */
  #dropOldest(): void {
    for (const [address, { open }] of this.#hosts) {
      if (open > 0) continue;
      this.#hosts.delete(address);
      return;
    }
  }
}
