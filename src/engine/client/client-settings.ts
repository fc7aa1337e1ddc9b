/** What a client is told of the server and of itself, and what it tells of a message. */
import type { Endpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Connection, ConnectOptions, Network, NetworkFault } from "#base/ports/network.ts";
import type { ClientCredentials } from "#protocols/sasl/client-exchange.ts";
import type { Dialect } from "#protocols/smtp/client-session-state.ts";
import type { ClientFault, Verdict } from "#protocols/smtp/client-session-verdict.ts";
import type { AttemptStage } from "#model/attempt-progress.ts";
import type { ClientSecurity, ToldOfTls } from "./client-security.ts";
import type { ClientTimeouts } from "./client-timeouts.ts";

export interface ClientPorts {
  readonly network: Network;
  readonly clock: Clock;
}

/** The name in EHLO, HELO or LHLO, or what finds it for our end of the connection; undefined: it cannot. */
export type HeloName = string | ((local: Endpoint) => Promise<string | undefined>);

export interface ClientSettings {
  readonly dialect: Dialect;
  readonly helo: HeloName;
  /** Left out: any address of this machine. */
  readonly sourceAddress?: string | undefined;
  /** Left out: as long as `timeouts` says. */
  readonly connectMs?: number | undefined;
  /** Left out: by the network. */
  readonly connect?: ((options: ConnectOptions) => Promise<Connection | NetworkFault>) | undefined;
  /** Left out: TLS is not used. */
  readonly security?: ClientSecurity | undefined;
  /** Left out: nobody authenticates. */
  readonly credentials?: ClientCredentials | undefined;
  /** A server that greets by this name is taken for ourselves, and the session ends. */
  readonly ownName?: string | undefined;
  /** Recipients refused in a row, after which it asks for no more; left out: no limit. */
  readonly maxRefusals?: number | undefined;
  readonly timeouts?: ClientTimeouts;
  /** Called with each line that is sent (">>> ") or received ("<<< "), but not with message text. */
  readonly trace?: (line: string) => void;
  /** There is a connection, of which this is our end. */
  readonly connected?: (local: Endpoint) => void;
  /** A handshake begins that comes before the greeting. */
  readonly securing?: () => void;
  /** There is a client, which says from now on how far it is. */
  readonly made?: (client: { readonly stage: AttemptStage }) => void;
  readonly secured?: ToldOfTls;
  /** Called once, when the connection is gone. */
  readonly closed?: (fault: ClientFault | undefined) => void;
}

export type SendOutcome =
  /** What became of each recipient, in the order of the mail's forward-paths. */
  | {
      readonly kind: "verdicts";
      readonly verdicts: readonly Verdict[];
      /** The server offers DSN: it was told what the sender wants to know, and reports itself. */
      readonly reports: boolean;
      /** The server offers DELIVERBY: it was told by when, if that was said of the mail. */
      readonly keepsTime: boolean;
    }
  /** The server took nothing of it: it may be sent over another connection. */
  | { readonly kind: "not-started"; readonly verdict: Verdict };
