/**
 * From an endpoint to a client that is ready for mail: connection, TLS if it comes first,
 * greeting and what follows it.
 *
 * Promises: never rejects. What fails is a verdict that holds for any mail.
 */
import type { Endpoint } from "#base/endpoint.ts";
import { DEAF, type NetworkFault } from "#base/ports/network.ts";
import type { ClientSession, ClientTls } from "#protocols/smtp/client-session-state.ts";
import type { ClientFault, Stage } from "#protocols/smtp/client-session-verdict.ts";
import { type ClientSecurity, secureClient, type ToldOfTls } from "./client-security.ts";
import type { ClientPorts, ClientSettings } from "./client-settings.ts";
import { CLIENT_TIMEOUTS } from "./client-timeouts.ts";
import { OUTRUN } from "./connection-race.ts";
import { wordsOf } from "./fault-words.ts";
import { type OpenResult, SmtpClient } from "./smtp-client.ts";
import { type Handshake, tlsEndOf } from "./tls-end.ts";

/** Connects, and waits until the server is ready for a message. */
export async function openClient(
  ports: ClientPorts,
  endpoint: Endpoint,
  settings: ClientSettings,
): Promise<OpenResult> {
  const toldOfEnd = settings.security?.toldOfEnd;
  if (toldOfEnd === undefined) return open(ports, endpoint, settings);
  let local: Endpoint | undefined;
  let handshake: Handshake | undefined;
  const told: ToldOfTls = (facts, judgement) => {
    handshake = { facts, judgement };
    settings.secured?.(facts, judgement);
  };
  const connected = (at: Endpoint): void => {
    local = at;
    settings.connected?.(at);
  };
  const result = await open(ports, endpoint, { ...settings, secured: told, connected });
  const end = tlsEndOf(result.kind === "open" ? "open" : result.verdict, handshake);
  if (end !== undefined && local !== undefined) toldOfEnd(end, local);
  return result;
}

async function open(
  ports: ClientPorts,
  endpoint: Endpoint,
  settings: ClientSettings,
): Promise<OpenResult> {
  const timeouts = settings.timeouts ?? CLIENT_TIMEOUTS;
  const failed = (stage: Stage, fault: ClientFault): OpenResult => {
    settings.closed?.(fault);
    return { kind: "failed", verdict: { kind: "undecided", stage, fault } };
  };
  const { security, sourceAddress, secured: told } = settings;
  const options = {
    timeoutMs: settings.connectMs ?? timeouts.connectMs,
    ...(sourceAddress !== undefined && { sourceAddress }),
  };
  const { connect = (asked) => ports.network.connect(endpoint, asked) } = settings;
  const made = await connect(options);
  if ("kind" in made) return failed("CONNECT", connectionFault(made));
  settings.connected?.(made.local);
  const helo = typeof settings.helo === "string" ? settings.helo : await settings.helo(made.local);
  if (helo === undefined) {
    made.start(DEAF);
    made.destroy();
    return failed("CONNECT", { kind: "busy", message: "Failed to retrieve helo string" });
  }
  let connection = made;
  let tls: ClientTls = tlsWanted(security);
  if (security?.start === "at-once") {
    settings.securing?.();
    const secured = await secureClient(made, security, timeouts.handshakeMs, told);
    if (secured.kind === "failed") return failed("TLS", secured.fault);
    connection = secured.connection;
    tls = secured.isProven ? "proven" : "encrypted";
  }
  const { dialect, ownName, credentials } = settings;
  const session: ClientSession = { phase: "greeting", dialect, helo, tls, credentials, ownName };
  return new Promise((opened) => {
    const client = new SmtpClient({ connection, session, opened }, ports.clock, settings);
    settings.made?.(client);
    client.start();
  });
}

function connectionFault(fault: NetworkFault): ClientFault {
  if (fault.code === OUTRUN.code) return { kind: "outrun", message: OUTRUN.message };
  return { kind: "network", message: wordsOf(fault) };
}

function tlsWanted(security: ClientSecurity | undefined): ClientTls {
  if (security === undefined) return "never";
  return security.isRequired ? "required" : "if-offered";
}
