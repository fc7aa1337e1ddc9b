/**
 * Opens a connection of a pool, and tells the log and whoever keeps count of what becomes of it.
 *
 * Promises: never rejects. `closed` is called once, when the connection is gone; after a failure
 * that may be later than the answer, as a server that refused us is told QUIT.
 */
import { formatEndpoint } from "#base/endpoint.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Network } from "#base/ports/network.ts";
import type { Random } from "#base/ports/random.ts";
import type { ClientCredentials } from "#protocols/sasl/client-exchange.ts";
import {
  type ClientFault,
  formatVerdict,
  type Verdict,
} from "#protocols/smtp/client-session-verdict.ts";
import type { AttemptProgress, Staged } from "#model/attempt-progress.ts";
import type { AttemptConnection, AttemptTls } from "#model/delivery.ts";
import type { Observe } from "#model/events.ts";
import { randomSessionId } from "#model/ids.ts";
import type { ClientRoute, ConnectionWatch } from "./client-route.ts";
import { openClient } from "./open-client.ts";
import type { SmtpClient } from "./smtp-client.ts";
import { tellTls } from "./tell-tls.ts";

export interface OpeningPorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly observe: Observe;
  readonly watch: ConnectionWatch;
}

export interface Opening {
  readonly credentials: ClientCredentials | undefined;
  /** Of the message for which it is opened. */
  readonly progress: AttemptProgress;
  readonly closed: () => void;
}

export type PooledConnection =
  | {
      readonly kind: "open";
      readonly client: SmtpClient;
      /** How far it is. */
      readonly staged: Staged;
      readonly over: AttemptConnection;
      readonly tls: AttemptTls | undefined;
    }
  | { readonly kind: "failed"; readonly verdict: Verdict };

export async function openPooled(
  ports: OpeningPorts,
  route: ClientRoute,
  { credentials, progress, closed }: Opening,
): Promise<PooledConnection> {
  const { observe, random, watch } = ports;
  const { security, dialect, host, endpoint, race } = route;
  const session = randomSessionId(random);
  observe({
    kind: "mta-connecting",
    session,
    address: `${dialect}://${formatEndpoint(endpoint)}`,
    host,
  });
  watch.began(route);
  progress.at = { stage: "connecting", remote: host };
  let staged: Staged = progress.at;
  let isGone = false;
  let client: SmtpClient | undefined;
  let tls: AttemptTls | undefined;
  let source = "";
  const result = await openClient(ports, endpoint, {
    dialect,
    helo: route.helo,
    ownName: route.ownName,
    sourceAddress: route.sourceAddress,
    connectMs: route.connectMs,
    connect: race && ((options) => race.connect(options)),
    security,
    credentials,
    maxRefusals: route.session.maxRefusals,
    connected(local) {
      if (local.kind === "tcp") source = local.host;
    },
    securing() {
      progress.at = { stage: "tls", remote: host };
    },
    made(made) {
      staged = {
        get stage() {
          return made.stage;
        },
        remote: host,
      };
      progress.at = staged;
    },
    secured: (facts, judgement) => {
      const { version, cipher } = facts;
      tls = { version, cipher, verified: judgement.kind === "proven" };
      tellTls({ observe, session, security }, facts, judgement);
    },
    closed: (fault) => {
      isGone = true;
      const messages = client?.sentMessages ?? 0;
      observe({ kind: "mta-disconnected", session, reason: reasonOf(fault), messages });
      watch.ended(route, client === undefined ? "opening" : "ready", fault);
      closed();
    },
  });
  if (result.kind === "failed" || isGone) {
    const failure = result.kind === "failed" ? result : GONE;
    const closing = closingReason(failure.verdict);
    if (closing !== undefined) observe({ kind: "mta-closing", session, reason: closing });
    observe({ kind: "mta-error", session, reason: formatVerdict(failure.verdict) });
    return failure;
  }
  client = result.client;
  observe({ kind: "mta-connected", session });
  watch.ready(route, tls);
  return { kind: "open", client, staged, over: { session, source }, tls };
}

/** It was ready, and was lost before anyone could use it. */
const GONE: { readonly kind: "failed"; readonly verdict: Verdict } = {
  kind: "failed",
  verdict: {
    kind: "undecided",
    stage: "READY",
    fault: { kind: "closed", message: "Server closed the connection" },
  },
};

/** We end it for its TLS. OpenSMTPD (mta_session.c, mta_tls_init) says so of what is wrong on our side alone. */
function closingReason(verdict: Verdict): "tls-failure" | undefined {
  if (verdict.kind !== "undecided") return undefined;
  const { kind } = verdict.fault;
  return kind === "tls" || kind === "no-tls" || kind === "resumption" ? "tls-failure" : undefined;
}

function reasonOf(fault: ClientFault | undefined): string {
  return fault === undefined ? "quit" : fault.message;
}
