/**
 * The connections of one route, and who waits for one: what the pool keeps of it.
 */
import type { Verdict } from "#protocols/smtp/client-session-verdict.ts";
import type { Staged } from "#model/attempt-progress.ts";
import type { AttemptConnection, AttemptTls } from "#model/delivery.ts";
import type { ClientRoute } from "./client-route.ts";
import type { Obstacle, Room } from "./connection-limits.ts";
import type { SmtpClient } from "./smtp-client.ts";

export interface Kept {
  readonly staged: Staged;
  readonly client: SmtpClient;
  readonly route: ClientRoute;
  readonly state: RouteState;
  readonly room: Room;
  readonly over: AttemptConnection;
  readonly tls: AttemptTls | undefined;
  idleSinceMs: number;
  /** It serves no more: it is told QUIT, or gone. */
  isParted: boolean;
}

export type Lease =
  | { readonly kind: "lease"; readonly kept: Kept; readonly isReused: boolean }
  | NoLease;

export interface NoLease {
  readonly kind: "failed";
  readonly verdict: Verdict;
}

/** What a waiter is told: a connection, that it may open one, or why there is none. */
export type Turn = Lease | { readonly kind: "open"; readonly room: Room };

export interface Waiter {
  readonly route: ClientRoute;
  readonly resolve: (turn: Turn) => void;
}

export interface RouteState {
  /** Connections that serve, or are being opened. */
  open: number;
  /** Those that have been ready for mail. */
  ready: number;
  readonly idle: Kept[];
  readonly waiters: Waiter[];
  /** The line of a limit that it stands in for its waiters. */
  line: { readonly obstacle: Obstacle; readonly leave: () => void } | undefined;
  /** It has had enough connections until then. */
  cautiousUntilMs: number;
}

export function newRoute(): RouteState {
  return {
    open: 0,
    ready: 0,
    idle: [],
    waiters: [],
    line: undefined,
    cautiousUntilMs: 0,
  };
}

/** The first connection shows whether the server can be had, and how many it takes. */
export function mayOpen({ open, ready, cautiousUntilMs }: RouteState, nowMs: number): boolean {
  return open === 0 || (ready > 0 && cautiousUntilMs <= nowMs);
}

export function leaveLine(state: RouteState): void {
  state.line?.leave();
  state.line = undefined;
}

/** Of a route's connections this one serves no more. */
export function part(kept: Kept): void {
  const { state } = kept;
  if (kept.isParted) return;
  kept.isParted = true;
  kept.room.serve();
  state.open--;
  state.ready--;
  const at = state.idle.indexOf(kept);
  if (at >= 0) state.idle.splice(at, 1);
}

/** When an idle connection has been kept for long enough. */
export function endOf({ idleSinceMs, route }: Kept): number {
  return idleSinceMs + route.session.keepAliveMs;
}
