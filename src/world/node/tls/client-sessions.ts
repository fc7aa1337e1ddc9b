/**
 * Sessions with servers, kept in memory so that a client may take them up again.
 *
 * Of a session that is taken up again the library shows no certificate, and vouches for any
 * name (tried with Node 26.10), so with each session is kept what its server showed when
 * it was last seen. Nothing is kept for longer than KEPT_MS after that, nor after the certificate
 * has run out.
 *
 * A session is used more than once: what RFC 8446 §C.4 is against, being told apart by who
 * listens, a server's address gives away as well, and many servers give no new ticket to who
 * comes with one.
 */
import { keepLatest } from "#base/keep-latest.ts";
import type { TlsPeer } from "#base/ports/tls.ts";

export interface KeptSession {
  /** As the library writes it. */
  readonly session: Buffer;
  /** Holds no socket. */
  readonly peer: TlsPeer | undefined;
  /** Milliseconds since 1970. */
  readonly untilMs: number;
}

const MAX_KEPT_SESSIONS = 1000;
/** As long as our own server's tickets. RFC 8446 §4.6.1 allows a week. */
export const KEPT_MS: number = 2 * 3_600_000;
/** Of a session, and of the chain that is kept with it: larger ones are not taken up again. */
const MAX_SESSION_BYTES: number = 16 * 1024;

export class ClientSessions {
  /** In the order in which they were kept. */
  readonly #kept = new Map<string, KeptSession>();

  get(name: string, nowMs: number): KeptSession | undefined {
    const kept = this.#kept.get(name);
    if (kept === undefined || nowMs < kept.untilMs) return kept;
    this.#kept.delete(name);
    return undefined;
  }

  keep(name: string, kept: KeptSession): void {
    if (bytesOf(kept) > MAX_SESSION_BYTES) return;
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    keepLatest(this.#kept, MAX_KEPT_SESSIONS);
  }

  forget(name: string): void {
    this.#kept.delete(name);
  }
}

function bytesOf({ session, peer }: KeptSession): number {
  const chain = peer?.chain() ?? [];
  return chain.reduce((sum, { certificate }) => sum + certificate.length, session.length);
}
