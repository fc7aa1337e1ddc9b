/**
 * `mta max-deferred`: envelopes whose servers could not be reached, by route. When one gets
 * through there, they are due at once and do not wait for their own times.
 *
 * Only what failed on the way counts (RFC 3463 §3.5: X.4.z). A server that answers and puts
 * off, as a greylist does, would be asked again by every success, and its limits strained.
 *
 * Bounds: the limit for each route, the latest; MAX_ROUTES. What has meanwhile left the queue
 * is not found when its turn comes. Not kept over a restart, where every time is as stored.
 *
 * Source: OpenSMTPD mta.c (mta_flush, mta_hoststat_*); it keeps the first of each host.
 */
import { keepLatest } from "#base/keep-latest.ts";
import type { DeliveryResult } from "#model/delivery.ts";

/** Routes that are remembered, those that failed last. */
const MAX_ROUTES = 10_000;

export class Unreached {
  /** Of each route. */
  #max: number;
  /** Evpids, the latest last, by the name of the route; so are the routes. */
  readonly #byRoute = new Map<string, Set<string>>();

  constructor(max: number) {
    this.#max = max;
  }

  takeUp(max: number): void {
    this.#max = max;
  }

  add(route: string, evpid: string): void {
    const known = this.#byRoute.get(route);
    this.#byRoute.delete(route);
    if (this.#max === 0) return;
    const evpids = known ?? new Set();
    evpids.delete(evpid);
    evpids.add(evpid);
    this.#byRoute.set(route, evpids);
    keepLatest(evpids, this.#max);
    keepLatest(this.#byRoute, MAX_ROUTES);
  }

  /** A server of the route has answered it since, and put it off: it keeps its own time. */
  answered(route: string, evpid: string): void {
    const evpids = this.#byRoute.get(route);
    if (evpids?.delete(evpid) === true && evpids.size === 0) this.#byRoute.delete(route);
  }

  /** Something got through: what is to be tried now. It is forgotten here. */
  reached(route: string): readonly string[] {
    const evpids = this.#byRoute.get(route);
    if (evpids === undefined) return NONE;
    this.#byRoute.delete(route);
    return [...evpids];
  }
}

const NONE: readonly string[] = Object.freeze([]);

/** Whether no server of the route could be asked. */
export function wasUnreached({ outcome, status }: DeliveryResult): boolean {
  return outcome === "deferred" && status.startsWith("4.4.");
}
