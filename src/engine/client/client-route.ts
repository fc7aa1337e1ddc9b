/** One way to a server, and what is kept to on it. */
import type { Endpoint } from "#base/endpoint.ts";
import type { ClientCredentials } from "#protocols/sasl/client-exchange.ts";
import type { Dialect } from "#protocols/smtp/client-session-state.ts";
import type { ClientFault, Verdict } from "#protocols/smtp/client-session-verdict.ts";
import type { AttemptTls } from "#model/delivery.ts";
import type { ClientSecurity } from "./client-security.ts";
import type { HeloName } from "./client-settings.ts";
import type { Cap } from "./connection-limits.ts";
import type { RaceEntry } from "./connection-race.ts";

/** What one connection is used for, and for how long. */
export interface SessionLimits {
  readonly maxMails: number;
  /** Idle. */
  readonly keepAliveMs: number;
  /** From the end of a message to the beginning of the next. */
  readonly pauseMs: number;
  /** Recipients refused one after the other; Infinity: no limit. */
  readonly maxRefusals: number;
}

/**
 * One way to a server. Routes of the same key share connections, so all else must follow from
 * the key, but for how long one is waited for, and for what is counted and kept to.
 */
export interface ClientRoute {
  readonly key: string;
  readonly endpoint: Endpoint;
  readonly dialect: Dialect;
  readonly helo: HeloName;
  /** Left out: any address of this machine. */
  readonly sourceAddress?: string | undefined;
  /** How long it may take to connect, if less than for others. */
  readonly connectMs?: number | undefined;
  /** Left out: in the clear. */
  readonly security?: ClientSecurity | undefined;
  /** Left out: nobody authenticates. Asked at each connection; a string says why there are none. */
  readonly credentials?: (() => Promise<ClientCredentials | string>) | undefined;
  /** The name by which the server must not greet: it would be ourselves. */
  readonly ownName?: string | undefined;
  /** The server's name, for the log. */
  readonly host: string;
  /** Whose connections they are; "": nobody counts them. */
  readonly relay: string;
  readonly session: SessionLimits;
  /** Other addresses of the server are tried beside it; left out: it is on its own. */
  readonly race?: RaceEntry | undefined;
  /** What a connection counts towards: asked for when one is to be opened. */
  readonly caps: () => readonly Cap[];
}

/** Told of connections, as they come and go. */
export interface ConnectionWatch {
  began(route: ClientRoute): void;
  /** The server is ready for mail. */
  ready(route: ClientRoute, tls: AttemptTls | undefined): void;
  /** The server never was ready, and nothing else is tried with it. */
  failed(route: ClientRoute, verdict: Verdict): void;
  /** `fault`: what ended it, if it was not ended in order. */
  ended(route: ClientRoute, as: "opening" | "ready", fault: ClientFault | undefined): void;
}

export const NO_WATCH: ConnectionWatch = Object.freeze({
  began: () => undefined,
  ready: () => undefined,
  failed: () => undefined,
  ended: () => undefined,
});
