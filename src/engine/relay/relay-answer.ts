/**
 * What relaying knows, as `smtpctl show` is told it. Where there is too much, those used last; of relays, which are
 * all in use, those that began last. Pure.
 */
import { unreachable } from "#base/unreachable.ts";
import { schemeOf } from "#model/config/relay-url.ts";
import type { AttemptTls } from "#model/delivery.ts";
import {
  type ConnectorReport,
  type HostReport,
  MAX_CONNECTORS,
  MAX_REPORTED,
  type RelayAnswer,
  type RelayQuestion,
  type RelayReport,
  type RouteReport,
} from "#model/relay-report.ts";
import type { ConnectionLimits } from "#engine/client/connection-limits.ts";
import type { HostMemory, HostRecord } from "./host-memory.ts";
import type { NextHop } from "./next-hops.ts";
import { routeCapKey } from "./relay-limits.ts";
import type { ConnectorRecord, RelayRecord, RelayTable } from "./relay-table.ts";
import { penaltyAt, type RouteMemory, type RouteRecord } from "./route-memory.ts";

/** What there is to tell of. */
export interface Remembered {
  readonly hosts: HostMemory;
  readonly routes: RouteMemory;
  readonly relays: RelayTable;
  readonly limits: ConnectionLimits;
}

/** One moment on both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  /** Whole. */
  readonly wallMs: number;
}

export function answer(
  question: RelayQuestion,
  { hosts, routes, relays, limits }: Remembered,
  now: Moment,
): RelayAnswer {
  switch (question) {
    case "hosts": {
      const references = Map.groupBy(routes.all(), ({ address }) => address);
      const { shown, leftOut } = latest(hosts.hosts());
      const reports = shown.map((host) =>
        hostReport(host, references.get(host.address)?.length ?? 0),
      );
      return { kind: "hosts", hosts: reports, leftOut };
    }
    case "domains": {
      const { shown, leftOut } = latest(hosts.domains(now.wallMs));
      return { kind: "domains", domains: shown, leftOut };
    }
    case "routes": {
      const { shown, leftOut } = latest(routes.all());
      const resting = limits.restingKeys();
      const reports = shown.map((route) => routeReport(route, resting, now));
      return { kind: "routes", routes: reports, leftOut };
    }
    case "relays": {
      const { shown, leftOut } = latest(relays.all());
      return { kind: "relays", relays: shown.map((relay) => relayReport(relay, now)), leftOut };
    }
    default:
      return unreachable(question);
  }
}

function latest<Row>(rows: readonly Row[]): {
  readonly shown: readonly Row[];
  readonly leftOut: number;
} {
  return { shown: rows.slice(-MAX_REPORTED), leftOut: Math.max(rows.length - MAX_REPORTED, 0) };
}

function hostReport(host: HostRecord, references: number): HostReport {
  const { address, name, open, lastConnectionAtMs, lastFailure, tls } = host;
  return {
    address,
    name,
    references,
    connections: open,
    lastConnectionAtMs,
    lastFailure,
    tls: tls === undefined ? "" : tlsText(tls),
  };
}

function tlsText({ version, cipher, verified }: AttemptTls): string {
  return `${version} ${cipher}${verified ? " verified" : ""}`;
}

function routeReport(
  route: RouteRecord,
  resting: ReadonlySet<string>,
  { monotonicMs, wallMs }: Moment,
): RouteReport {
  const { id, source, address, place, name, open, isProven, errors, disabledUntilMs } = route;
  const { lastConnectionAtMs, lastFailure } = route;
  const isDisabled = disabledUntilMs > monotonicMs;
  return {
    id,
    source,
    address: place,
    name,
    isNew: !isProven,
    isDisabled,
    isKept: resting.has(routeCapKey(source, address)),
    connections: open,
    errors,
    penalty: penaltyAt(route, monotonicMs),
    lastConnectionAtMs,
    lastFailure,
    untilMs: isDisabled ? Math.round(wallMs + disabledUntilMs - monotonicMs) : 0,
  };
}

function relayReport(relay: RelayRecord, now: Moment): RelayReport {
  const { action, hop, tasks, open, lastConnectionAtMs } = relay;
  const connectors = [...relay.connectors.values()].slice(0, MAX_CONNECTORS);
  const waiting = connectors.filter((connector) => isFlagged(connector, now));
  return {
    action: action.name,
    domain: hop.domain === "" && hop.endpoint.kind === "unix" ? hop.endpoint.path : hop.domain,
    port: portOf(hop),
    scheme: schemeOf(hop.dialect, hop.tls).name,
    auth: hop.label === undefined ? "" : `${action.auth?.name ?? ""}:${hop.label}`,
    pki: action.pki?.name ?? "",
    isHost: !hop.isFound,
    backup: action.to.kind === "backup" ? action.to.name : "",
    sourceTable: action.src?.name ?? "",
    heloTable: action.heloSrc?.name ?? "",
    heloName: action.helo,
    references: tasks + open,
    tasks,
    connections: open,
    lastConnectionAtMs,
    untilMs: Math.max(0, ...waiting.map(({ flagUntilMs }) => flagUntilMs)),
    waits: tasks > open && waiting.length > 0 ? ["connector"] : [],
    connectors: connectors.map((connector) => connectorReport(connector, now)),
  };
}

function connectorReport(connector: ConnectorRecord, now: Moment): ConnectorReport {
  const { source, open, lastConnectionAtMs, flag, flagUntilMs } = connector;
  const isLimited = isFlagged(connector, now);
  return {
    source,
    references: open,
    connections: open,
    lastConnectionAtMs,
    untilMs: isLimited ? flagUntilMs : 0,
    flags: [
      ...(lastConnectionAtMs === 0 ? (["NEW"] as const) : []),
      ...(isLimited && flag !== undefined ? [flag] : []),
    ],
  };
}

function isFlagged({ flag, flagUntilMs }: ConnectorRecord, { wallMs }: Moment): boolean {
  return flag !== undefined && (flagUntilMs === 0 || flagUntilMs > wallMs);
}

/** 0: that of the scheme. */
function portOf({ endpoint, dialect, tls }: NextHop): number {
  if (endpoint.kind === "unix" || endpoint.port === schemeOf(dialect, tls).port) return 0;
  return endpoint.port;
}
