/**
 * What relaying keeps over messages and over configurations: connections and the limits on them,
 * routes that are put aside, hosts, relays, what domains said last, and what an operator blocks.
 *
 * One for a process; whoever shows it gets `report`.
 */
import { addressOf, type Endpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { ClientFault, Verdict } from "#protocols/smtp/client-session-verdict.ts";
import type { AttemptTls } from "#model/delivery.ts";
import type { Observe } from "#model/events.ts";
import type {
  LastFailure,
  RelayAnswer,
  RelayBlock,
  RelayQuestion,
  RelayState,
} from "#model/relay-report.ts";
import type { ClientRoute, ConnectionWatch } from "#engine/client/client-route.ts";
import { boundDiagnostic } from "#engine/client/verdict-result.ts";
import { ConnectionLimits } from "#engine/client/connection-limits.ts";
import { Blocks } from "./blocks.ts";
import { HostMemory, type HostRecord } from "./host-memory.ts";
import { answer } from "./relay-answer.ts";
import { RelayTable } from "./relay-table.ts";
import {
  failed,
  failureOf,
  gotThrough,
  type RouteFault,
  type RouteRecord,
  RouteMemory,
} from "./route-memory.ts";

/** A route that is put aside. */
export interface PutAside {
  /** Monotonic. */
  readonly untilMs: number;
  readonly fault: RouteFault;
  readonly lastFailure: LastFailure;
  /** Of the server. */
  readonly name: string;
}

interface Known {
  readonly host: HostRecord | undefined;
  readonly route: RouteRecord | undefined;
}

export class RelayMemory implements ConnectionWatch, RelayState {
  readonly limits: ConnectionLimits;
  readonly hosts: HostMemory = new HostMemory();
  readonly relays: RelayTable = new RelayTable();
  readonly blocks: Blocks = new Blocks();
  readonly #routes = new RouteMemory();
  readonly #clock: Clock;
  readonly #observe: Observe;

  constructor(clock: Clock, observe: Observe) {
    this.#clock = clock;
    this.#observe = observe;
    this.limits = new ConnectionLimits(clock);
  }

  /** Undefined: the route can be used. */
  putAside(source: string, endpoint: Endpoint): PutAside | undefined {
    const route = this.#routes.disabled(source, endpoint, this.#clock.monotonicMs());
    if (route === undefined) return undefined;
    const { disabledUntilMs, fault, lastFailure, name } = route;
    return { untilMs: disabledUntilMs, fault, lastFailure, name };
  }

  began(client: ClientRoute): void {
    const atMs = Math.round(this.#clock.wallMs());
    const host = this.hosts.use(addressOf(client.endpoint));
    host.name = client.host;
    host.open++;
    host.lastConnectionAtMs = atMs;
    const route = this.#routes.use(sourceOf(client), client.endpoint);
    route.name = client.host;
    route.open++;
    route.lastConnectionAtMs = atMs;
    this.relays.connected(client.relay, route.source, atMs);
  }

  ready(client: ClientRoute, tls: AttemptTls | undefined): void {
    const { host, route } = this.#known(client);
    if (host !== undefined) host.tls = tls;
    if (route === undefined) return;
    const { source, place: address } = route;
    if (gotThrough(route, this.#clock.monotonicMs()))
      this.#observe({ kind: "route-enabled", source, address, host: client.host });
  }

  failed(client: ClientRoute, verdict: Verdict): void {
    const failure = this.#failed(client, verdict);
    const { route } = this.#known(client);
    if (route === undefined || isAboutWish(client, verdict)) return;
    const forMs = failed(route, verdict, this.#clock.monotonicMs());
    if (forMs === 0) return;
    const { source, place: address } = route;
    const { reason } = failure;
    this.#observe({ kind: "route-disabled", source, address, host: client.host, forMs, reason });
  }

  ended(client: ClientRoute, as: "opening" | "ready", fault: ClientFault | undefined): void {
    const { host, route } = this.#known(client);
    if (as === "ready" && fault !== undefined)
      this.#note(client, { atMs: this.#nowMs(), reason: boundDiagnostic(fault.message) });
    if (host !== undefined) host.open--;
    if (route !== undefined) {
      route.open--;
      if (as === "ready") route.ready--;
    }
    this.relays.disconnected(client.relay, sourceOf(client));
  }

  /** The server put an end to a session that had begun well (421). */
  closedBy(client: ClientRoute, verdict: Verdict): void {
    this.#failed(client, verdict);
  }

  report(question: RelayQuestion): RelayAnswer {
    const { hosts, relays, limits } = this;
    return answer(
      question,
      { hosts, relays, limits, routes: this.#routes },
      {
        monotonicMs: this.#clock.monotonicMs(),
        wallMs: this.#nowMs(),
      },
    );
  }

  resumeRoute(id: number): boolean {
    const route = this.#routes.byId(id);
    if (route === undefined || route.disabledUntilMs <= this.#clock.monotonicMs()) return false;
    const { source, place: address, name } = route;
    route.disabledUntilMs = 0;
    this.#observe({ kind: "route-enabled", source, address, host: name });
    return true;
  }

  block(blocks: readonly RelayBlock[]): void {
    this.blocks.set(blocks);
  }

  #failed(client: ClientRoute, verdict: Verdict): LastFailure {
    const failure = failureOf(verdict, this.#nowMs());
    this.#note(client, failure);
    return failure;
  }

  #note(client: ClientRoute, failure: LastFailure): void {
    const { host, route } = this.#known(client);
    if (host !== undefined) host.lastFailure = failure;
    if (route !== undefined) route.lastFailure = failure;
  }

  #known(client: ClientRoute): Known {
    const { endpoint } = client;
    return {
      host: this.hosts.known(addressOf(endpoint)),
      route: this.#routes.known(sourceOf(client), endpoint),
    };
  }

  #nowMs(): number {
    return Math.round(this.#clock.wallMs());
  }
}

/** RFC 5321 §3.2: where EHLO is not known, mail that wants nothing of it gets through by HELO. */
function isAboutWish({ security, credentials }: ClientRoute, verdict: Verdict): boolean {
  if (verdict.kind !== "refused" || verdict.stage !== "EHLO") return false;
  const needsEhlo = security?.isRequired === true || credentials !== undefined;
  return needsEhlo && verdict.reply.code >= 500;
}

function sourceOf({ sourceAddress }: ClientRoute): string {
  return sourceAddress ?? "";
}
