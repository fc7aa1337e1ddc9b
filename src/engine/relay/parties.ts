/** Whom relaying asks, and tells. */
import type { Endpoint } from "#base/endpoint.ts";
import type { Lookup } from "#base/lookup.ts";
import type { TlsClient } from "#base/ports/tls.ts";
import type { StsPolicy } from "#protocols/sts/sts-policy.ts";
import type { RelayAction } from "#model/config/action.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { Config } from "#model/config/config.ts";
import type { Table } from "#model/config/table.ts";
import type { Observe } from "#model/events.ts";
import type { AskCredentials } from "#model/relay-credentials.ts";
import type { TlsSession } from "#model/tls-session.ts";

export type FetchKeys = (
  table: Table,
) => Lookup<readonly string[]> | Promise<Lookup<readonly string[]>>;

export interface RelayParties {
  readonly observe: Observe;
  readonly askTable: AskTable;
  /** Keys of a table in the order of their turns, of a very long one some; never rejects. */
  readonly fetchKeys: FetchKeys;
  readonly askCredentials: AskCredentials;
  /** By which policy of MTA-STS mail for a domain goes; never rejects. */
  readonly askSts: (domain: string) => Promise<Lookup<StsPolicy>>;
  /** As it speaks now: certificates are renewed. Asked of no action that never has TLS. */
  readonly tlsOf: (action: RelayAction) => TlsClient;
  /** Told of TLS with servers, for reports to their domains; undefined: none are sent. */
  readonly countTls: ((session: TlsSession) => void) | undefined;
  /** Whether this daemon would answer there. */
  readonly isOurs: (endpoint: Endpoint) => boolean;
  /** Undefined: there is no key. */
  readonly srs: Config["srs"];
}
