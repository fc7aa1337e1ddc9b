/**
 * Who is served: how many sessions there are, how many of each source, and how fast a
 * source comes.
 *
 * Who comes last is turned away first; a part of all sessions is kept for clients on
 * this machine, so that a flood from outside leaves room for them. Their rate is not
 * limited here: local programs connect for each message. Of those whose user is known
 * each user has a part of the sessions.
 */
import type { Peer } from "#base/endpoint.ts";
import type { AdmissionLimit } from "#model/limit-name.ts";
import type { SessionLimits } from "./limits.ts";
import { isLocal, sourceOf, userOf } from "./source.ts";
import { SourceCounts } from "./source-counts.ts";
import { SourceRates } from "./source-rates.ts";

export class Admission {
  readonly #limits: SessionLimits;
  readonly #sources = new SourceCounts();
  readonly #users = new SourceCounts();
  readonly #rates: SourceRates;
  #sessions = 0;

  constructor(limits: SessionLimits) {
    this.#limits = limits;
    this.#rates = new SourceRates(limits.connectionsPerSecond, limits.connectionBurst);
  }

  /** Sessions under way. */
  get sessionCount(): number {
    return this.#sessions;
  }

  /** Lets a client in, who is then to `leave`; or the limit that keeps it out. */
  enter(remote: Peer, nowMs: number): AdmissionLimit | undefined {
    const { maxSessions, reservedSessions, maxSessionsPerSource, maxSessionsPerUser } =
      this.#limits;
    const source = sourceOf(remote);
    const isNear = isLocal(remote);
    // First of all: who is turned away for another reason comes too often as well.
    if (!isNear && source !== undefined && !this.#rates.take(source, nowMs))
      return "connection-rate";
    if (this.#sessions >= (isNear ? maxSessions : maxSessions - reservedSessions))
      return "sessions";
    if (source !== undefined && !this.#sources.enter(source, maxSessionsPerSource))
      return "sessions-per-source";
    const user = userOf(remote);
    if (user !== undefined && !this.#users.enter(user, maxSessionsPerUser))
      return "sessions-per-user";
    this.#sessions++;
    return undefined;
  }

  /** A client that was let in has gone. */
  leave(remote: Peer): void {
    const source = sourceOf(remote);
    if (source !== undefined) this.#sources.leave(source);
    const user = userOf(remote);
    if (user !== undefined) this.#users.leave(user);
    this.#sessions--;
  }
}
