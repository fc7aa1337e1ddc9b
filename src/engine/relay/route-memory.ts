/**
 * What is remembered of a route, from one local address to one remote address and port: whether it can
 * be used, and if not, until when and why.
 *
 * A route whose connections fail before anything went well on it, while connecting, greeting or
 * saying EHLO, gets a penalty of one more and is not used for 15 s times its square, an hour
 * at most. A connection that gets through takes one off; so does each hour in which it was not
 * used after that. What fails while other connections of the route stand says nothing of it.
 *
 * Pure state: time is an argument, monotonic. MAX_ROUTES are kept, those used last.
 *
 * Source: OpenSMTPD mta.c (mta_route_disable, mta_route_enable), which takes one off each time
 * that a route is tried again, so that no penalty ever grows.
 */
import { TAKES_NO_MAIL } from "#protocols/smtp/client-session-state.ts";
import { addressOf, type Endpoint } from "#base/endpoint.ts";
import { formatVerdict, type Stage, type Verdict } from "#protocols/smtp/client-session-verdict.ts";
import { boundDiagnostic } from "#engine/client/verdict-result.ts";
import { type LastFailure, NO_FAILURE } from "#model/relay-report.ts";
import { placeOf } from "./routes.ts";

/** Routes that are known. */
export const MAX_ROUTES = 10_000;
const PENALTY_BASE_MS = 15_000;
const MAX_PENALTY_MS = 3_600_000;
/** Its square is beyond the hour: more is the same. */
const MAX_PENALTY = 16;
const FORGIVEN_MS = 3_600_000;

/** How a route failed: on the way, or at the server. */
export type RouteFault = "network" | "smtp";

export interface RouteRecord {
  readonly id: number;
  /** "": any address of this machine. */
  readonly source: string;
  readonly address: string;
  /** The address, with its port if that is not SMTP's. */
  readonly place: string;
  /** Of the server, as it was last found. */
  name: string;
  open: number;
  /** Open ones that got through. */
  ready: number;
  /** Whether one has ever got through. */
  isProven: boolean;
  /** Since one got through. */
  errors: number;
  penalty: number;
  /** Since when, monotonic, the penalty has been as it is: see `penaltyAt`. */
  penaltySinceMs: number;
  /** Monotonic; it is not used before. */
  disabledUntilMs: number;
  fault: RouteFault;
  lastConnectionAtMs: number;
  lastFailure: LastFailure;
}

/** Stages at which a failure is the route's: later ones are about what was asked for. */
const STAGES_OF_ROUTE: readonly Stage[] = ["CONNECT", "BANNER", "EHLO", "HELO", "LHLO"];

/** What a connection that was never ready says of its route; undefined: nothing. */
export function routeFaultOf(verdict: Verdict): RouteFault | undefined {
  if (verdict.kind === "unsendable" || !STAGES_OF_ROUTE.includes(verdict.stage)) return undefined;
  // RFC 7504: it answers for good, and costs nobody a wait.
  if (verdict.kind === "refused" && verdict.reply.code === TAKES_NO_MAIL) return undefined;
  if (verdict.kind !== "undecided") return "smtp";
  const { kind } = verdict.fault;
  // They are about ourselves.
  if (kind === "busy" || kind === "loop") return undefined;
  return verdict.stage === "CONNECT" ? "network" : "smtp";
}

export class RouteMemory {
  readonly #routes = new Map<string, RouteRecord>();
  #lastId = 0;

  /** Undefined: nothing is known of it, or it can be used. */
  disabled(source: string, endpoint: Endpoint, nowMs: number): RouteRecord | undefined {
    const route = this.#routes.get(keyOf(source, placeOf(endpoint)));
    return route !== undefined && route.disabledUntilMs > nowMs ? route : undefined;
  }

  /** The one that connections go by from now on, and after others. */
  use(source: string, endpoint: Endpoint): RouteRecord {
    const place = placeOf(endpoint);
    const key = keyOf(source, place);
    const known = this.#routes.get(key);
    this.#routes.delete(key);
    const route: RouteRecord = known ?? {
      id: ++this.#lastId,
      source,
      address: addressOf(endpoint),
      place,
      name: "",
      open: 0,
      ready: 0,
      isProven: false,
      errors: 0,
      penalty: 0,
      penaltySinceMs: 0,
      disabledUntilMs: 0,
      fault: "network",
      lastConnectionAtMs: 0,
      lastFailure: NO_FAILURE,
    };
    this.#routes.set(key, route);
    if (this.#routes.size > MAX_ROUTES) this.#dropOldest();
    return route;
  }

  known(source: string, endpoint: Endpoint): RouteRecord | undefined {
    return this.#routes.get(keyOf(source, placeOf(endpoint)));
  }

  byId(id: number): RouteRecord | undefined {
    return this.all().find((route) => route.id === id);
  }

  /** Those used last come last. */
  all(): readonly RouteRecord[] {
    return [...this.#routes.values()];
  }

  /** The first that has no connection: there are fewer of those than are kept. */
  #dropOldest(): void {
    for (const [key, { open }] of this.#routes) {
      if (open > 0) continue;
      this.#routes.delete(key);
      return;
    }
  }
}

/** A connection got through. True: the route had been put aside before. */
export function gotThrough(route: RouteRecord, nowMs: number): boolean {
  const wasDisabled = route.disabledUntilMs > 0;
  route.penalty = Math.max(penaltyAt(route, nowMs) - 1, 0);
  route.penaltySinceMs = nowMs;
  route.ready++;
  route.isProven = true;
  route.errors = 0;
  route.disabledUntilMs = 0;
  return wasDisabled;
}

/** A connection failed before it was ready. For how long the route is not used; 0: it stays as it is. */
export function failed(route: RouteRecord, verdict: Verdict, nowMs: number): number {
  const fault = routeFaultOf(verdict);
  if (fault === undefined || route.ready > 0) return 0;
  route.errors++;
  route.fault = fault;
  route.penalty = Math.min(penaltyAt(route, nowMs) + 1, MAX_PENALTY);
  const forMs = Math.min(PENALTY_BASE_MS * route.penalty ** 2, MAX_PENALTY_MS);
  route.disabledUntilMs = nowMs + forMs;
  route.penaltySinceMs = route.disabledUntilMs;
  return forMs;
}

/** The penalty, less one for each hour since it was given. */
export function penaltyAt({ penalty, penaltySinceMs }: RouteRecord, nowMs: number): number {
  const hours = Math.floor(Math.max(nowMs - penaltySinceMs, 0) / FORGIVEN_MS);
  return Math.max(penalty - hours, 0);
}

/** What went wrong with it, in words. */
export function failureOf(verdict: Verdict, atMs: number): LastFailure {
  return { atMs, reason: boundDiagnostic(formatVerdict(verdict)) };
}

function keyOf(source: string, place: string): string {
  return `${source}|${place}`;
}
