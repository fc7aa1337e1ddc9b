/**
 * The relays in use: what an action has under way for one domain, or by one of its hosts, and its
 * connectors, one for each of our addresses that it uses.
 *
 * A relay is here while it has a task or a connection.
 */
import type { RelayAction } from "#model/config/action.ts";
import type { ConnectorFlag } from "#model/relay-report.ts";
import type { NextHop } from "./next-hops.ts";

export interface ConnectorRecord {
  readonly source: string;
  open: number;
  lastConnectionAtMs: number;
  /** What kept it from connecting the last time; undefined: nothing. */
  flag: ConnectorFlag | undefined;
  /** Wall clock; 0: as long as it lasts. */
  flagUntilMs: number;
}

export interface RelayRecord {
  readonly key: string;
  readonly action: RelayAction;
  /** One of its servers. */
  readonly hop: NextHop;
  tasks: number;
  open: number;
  lastConnectionAtMs: number;
  readonly connectors: Map<string, ConnectorRecord>;
}

export class RelayTable {
  readonly #relays = new Map<string, RelayRecord>();

  /** The relay of a task that begins; `leave` follows. */
  enter(action: RelayAction, hop: NextHop): RelayRecord {
    const key = keyOf(action, hop);
    let relay = this.#relays.get(key);
    if (relay === undefined) {
      const connectors = new Map<string, ConnectorRecord>();
      relay = { key, action, hop, tasks: 0, open: 0, lastConnectionAtMs: 0, connectors };
      this.#relays.set(key, relay);
    }
    relay.tasks++;
    return relay;
  }

  leave(relay: RelayRecord): void {
    relay.tasks--;
    this.#forget(relay);
  }

  connected(key: string, source: string, atMs: number): void {
    const relay = this.#relays.get(key);
    if (relay === undefined) return;
    const connector = connectorOf(relay, source);
    relay.open++;
    connector.open++;
    connector.flag = undefined;
    relay.lastConnectionAtMs = atMs;
    connector.lastConnectionAtMs = atMs;
  }

  disconnected(key: string, source: string): void {
    const relay = this.#relays.get(key);
    if (relay === undefined) return;
    relay.open--;
    connectorOf(relay, source).open--;
    this.#forget(relay);
  }

  all(): readonly RelayRecord[] {
    return [...this.#relays.values()];
  }

  #forget(relay: RelayRecord): void {
    if (relay.tasks === 0 && relay.open === 0) this.#relays.delete(relay.key);
  }
}

export function connectorOf({ connectors }: RelayRecord, source: string): ConnectorRecord {
  let connector = connectors.get(source);
  if (connector === undefined) {
    connector = { source, open: 0, lastConnectionAtMs: 0, flag: undefined, flagUntilMs: 0 };
    connectors.set(source, connector);
  }
  return connector;
}

function keyOf({ name }: RelayAction, { domain, endpoint, isFound, tls, label }: NextHop): string {
  if (isFound) return `${name}|${domain}`;
  const place = endpoint.kind === "tcp" ? `${endpoint.host}:${endpoint.port}` : endpoint.path;
  return `${name}|${place}|${tls}|${label ?? ""}`;
}
