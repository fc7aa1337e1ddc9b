/**
 * The server that dialogs talk to: the real one, with a ruleset and a queue that
 * behave as a dialog's settings say. `auth` (required, optional) and `senders`: dialog-users.ts.
 *
 * A dialog with a configuration beside it has the rules of that. For the others
 * recipients at server.example and mx.example are taken, but for `nobody@` (550) and
 * `busy@` (451). `slow@` is answered later, `list@` has three envelopes. Settings:
 * max-message, max-recipients, max-mails, max-bad, max-unknown, max-idle, max-failed-logins, protocol, mask-src, no-dsn,
 * received-auth, hostnames (a name), proxy (v1, v2, "v2 nobody"), xclient (anybody, nobody),
 * via (tcp, unix), client (its address), rdns (its name), tag (of the listener), queue (open, no-room, gone, full, failed, slow), dns (silent).
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { Connection } from "#base/ports/network.ts";
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import type { Resolver } from "#base/ports/resolver.ts";
import { ABSENT, found } from "#base/lookup.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { Listener } from "#model/config/listener.ts";
import type { Place } from "#model/config/place.ts";
import type { Table } from "#model/config/table.ts";
import type { Event } from "#model/events.ts";
import type { Resolution, Routing } from "#model/resolution.ts";
import { DEFAULT_LIMITS } from "#engine/server/limits.ts";
import type { ServerSettings } from "#engine/server/service.ts";
import { SmtpServer } from "#engine/server/smtp-server.ts";
import { SimResolver } from "#world/sim/resolver.ts";
import type { Dialog } from "./dialog.ts";
import { rulesOf } from "./dialog-rules.ts";
import { dialogAuth, dialogAuthenticator, dialogSenders, SENDERS } from "./dialog-users.ts";
import { listenerAt } from "./listeners.ts";
import { MemoryIntake } from "./memory-intake.ts";
import { SeenFrom } from "./seen-from.ts";

export interface DialogServer {
  readonly server: SmtpServer;
  readonly listener: Listener;
  /** Serves a client that has connected. */
  readonly accept: (connection: Connection) => void;
  readonly intake: MemoryIntake;
  readonly events: readonly Event[];
}

export interface DialogPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
}

const NOWHERE: Place = { file: "smtpd.conf", line: 1, column: 1 };
export const UNIX_ENDPOINT: Endpoint = { kind: "unix", path: "/run/dialog.sock" };

export function startDialogServer(dialog: Dialog, ports: DialogPorts): DialogServer {
  const { settings } = dialog;
  const events: Event[] = [];
  const resolver = resolverOf(dialog, ports.resolver);
  const intake = new MemoryIntake(settings.get("queue") ?? "open");
  const serverSettings: ServerSettings = {
    maxMessageBytes: Number(settings.get("max-message") ?? 36_700_160),
    maxRecipients: Number(settings.get("max-recipients") ?? 1000),
    maxMailsPerSession: Number(settings.get("max-mails") ?? 1000),
    limits: {
      ...DEFAULT_LIMITS,
      maxBadCommands: Number(settings.get("max-bad") ?? DEFAULT_LIMITS.maxBadCommands),
      maxUnknownRecipients: Number(
        settings.get("max-unknown") ?? DEFAULT_LIMITS.maxUnknownRecipients,
      ),
      maxIdleCommands: Number(settings.get("max-idle") ?? DEFAULT_LIMITS.maxIdleCommands),
      maxFailedLogins: Number(settings.get("max-failed-logins") ?? DEFAULT_LIMITS.maxFailedLogins),
    },
  };
  const observe = (event: Event): void => {
    events.push(event);
  };
  const rules = rulesOf(dialog);
  const routing: Routing = rules?.routing ?? {
    resolve: ({ forwardPath }) => resolve(forwardPath),
  };
  const authenticator = dialogAuthenticator(ports.clock, settings.get("auth-table"));
  const senders = dialogSenders();
  const services = { routing, intake, observe, authenticator, senders, askTable };
  const server = new SmtpServer({ ...ports, resolver }, serverSettings, services);
  const listener = listenerOf(dialog);
  const client = settings.get("client");
  const accept = (connection: Connection): void =>
    server.accept(client === undefined ? connection : new SeenFrom(connection, client), listener);
  return { server, listener, accept, intake, events };
}

/** The DNS in which the client has the name of the setting `rdns`, and that name its address. */
function resolverOf({ settings }: Dialog, usual: Resolver): Resolver {
  const name = settings.get("rdns");
  const client = settings.get("client");
  if (name === undefined || client === undefined) return usual;
  return new SimResolver({ pointers: { [client]: [name] }, addresses: { [name]: [client] } });
}

function listenerOf(dialog: Dialog): Listener {
  const isUnix = dialog.settings.get("via") === "unix";
  return listenerAt(isUnix ? UNIX_ENDPOINT : { kind: "tcp", host: "192.0.2.1", port: 25 }, {
    protocol: dialog.settings.get("protocol") === "lmtp" ? "lmtp" : "smtp",
    maskSource: dialog.settings.has("mask-src"),
    noDsn: dialog.settings.has("no-dsn"),
    tag: dialog.settings.get("tag") ?? "",
    receivedAuth: dialog.settings.has("received-auth"),
    hostnames: tableOf("names", dialog.settings.get("hostnames")),
    proxy: proxyOf(dialog.settings),
    xclient: tableOf("peers", dialog.settings.get("xclient")),
    auth: dialogAuth(dialog.settings),
    senders: dialog.settings.has("senders") ? SENDERS : undefined,
  });
}

function proxyOf(settings: Dialog["settings"]): Listener["proxy"] {
  const [version, who] = settings.get("proxy")?.split(" ") ?? [];
  if (version !== "v1" && version !== "v2") return undefined;
  return { version, from: tableOf("peers", who ?? "anybody") };
}

/** A table that has `value` for every key; "nobody" has none. */
function tableOf(name: string, value: string | undefined): Table | undefined {
  if (value === undefined) return undefined;
  const entries = new Map(value === "nobody" ? [] : [["any", value]]);
  return { at: NOWHERE, name, source: { kind: "inline" }, shape: "mapping", entries };
}

const askTable: AskTable = ({ entries }) => {
  const value = entries.get("any");
  return value === undefined ? ABSENT : found(value);
};

function resolve(forwardPath: string): Resolution | Promise<Resolution> {
  const [user = "", domain = ""] = forwardPath.toLowerCase().split("@");
  if (domain !== "server.example" && domain !== "mx.example")
    return { kind: "rejected", rule: "", why: "no rule matches" };
  if (user === "nobody") return { kind: "rejected", rule: "smtpd.conf:7", why: "no such user" };
  if (user === "busy") return { kind: "unavailable", why: "down" };
  if (user === "empty") return { kind: "expansion", why: "it expands to nobody" };
  if (user === "loop") return { kind: "expansion-later", why: "a loop" };
  if (user === "gone") return { kind: "said", code: 550, text: "5.1.6 She has left" };
  if (user === "away") return { kind: "said", code: 450, text: "Come back on Monday" };
  if (user === "list") return accepted([`a@${domain}`, `b@${domain}`, `c@${domain}`]);
  const resolution = accepted([forwardPath]);
  return user === "slow" ? later(resolution) : resolution;
}

/** An answer that takes a few turns, so that what comes behind the question must wait. */
async function later(resolution: Resolution): Promise<Resolution> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  return resolution;
}

function accepted(destinations: readonly string[]): Resolution {
  const envelopes = destinations.map((destination) => ({
    destination,
    action: "local",
    transport: { kind: "mda", user: "user", extension: "" } as const,
    rule: "smtpd.conf:7",
    trail: [],
    ttlMs: 4 * 86_400_000,
  }));
  return { kind: "accepted", envelopes };
}
