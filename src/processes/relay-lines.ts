/**
 * Lines of `smtpctl show hosts|hoststats|relays|routes`, one for each report.
 *
 * Promises: what may be a stranger's is printable, and cannot be two fields, nor two lines.
 *
 * Source: smtpctl(8); OpenSMTPD mta.c (mta_relay_show, mta_relay_to_text, mta_route_to_text).
 */
import type {
  ConnectorReport,
  DomainReport,
  HostReport,
  RelayReport,
  RouteReport,
} from "#model/relay-report.ts";
import { formatDuration } from "#engine/observe/duration.ts";
import { addressField, visibleField } from "#engine/queue/show.ts";

export function hostLine(host: HostReport, nowMs: number): string {
  const { address, name, references, connections, lastConnectionAtMs } = host;
  return (
    `${word(address)} ${word(name)} refcount=${references} nconn=${connections} ` +
    `lastconn=${since(lastConnectionAtMs, nowMs)}`
  );
}

export function domainLine({ domain, atMs, status }: DomainReport): string {
  return `${addressField(domain)}|${Math.floor(atMs / 1000)}|${visibleField(status)}`;
}

export function routeLine(route: RouteReport, nowMs: number): string {
  const { id, source, address, name, isNew, isDisabled, isKept, untilMs } = route;
  const { connections, errors, penalty } = route;
  const letters = [
    isNew ? "N" : "-",
    isDisabled ? "D" : "-",
    untilMs > nowMs ? "Q" : "-",
    isKept ? "K" : "-",
  ].join("");
  return (
    `${id}. ${sourceText(source)} <-> ${word(address)}${name === "" ? "" : ` (${word(name)})`} ${letters} ` +
    `nconn=${connections} nerror=${errors} penalty=${penalty} timeout=${until(untilMs, nowMs)}`
  );
}

export function relayLine(relay: RelayReport, nowMs: number): string {
  const { references, tasks, connections, lastConnectionAtMs, untilMs, waits } = relay;
  return (
    `${relayText(relay)} refcount=${references} ntask=${tasks} nconn=${connections} ` +
    `lastconn=${since(lastConnectionAtMs, nowMs)} timeout=${until(untilMs, nowMs)} ` +
    `wait=${waits.join(",")}`
  );
}

function relayText(relay: RelayReport): string {
  const { domain, port, scheme, auth, pki, isHost } = relay;
  const { backup, sourceTable, heloTable, heloName } = relay;
  const parts = [
    `relay:${word(domain)}`,
    port === 0 ? "" : `port=${port}`,
    scheme,
    auth === "" ? "" : `auth=${word(auth)}`,
    pki === "" ? "" : `pki_name=${word(pki)}`,
    isHost ? "mx" : "",
    backup === "" ? "" : `backup=${word(backup)}`,
    sourceTable === "" ? "" : `sourcetable=${word(sourceTable)}`,
    heloTable === "" ? "" : `helotable=${word(heloTable)}`,
    heloName === "" ? "" : `heloname=${word(heloName)}`,
  ];
  return `[${parts.filter((part) => part !== "").join(",")}]`;
}

export function connectorLine(connector: ConnectorReport, nowMs: number): string {
  const { source, references, connections, lastConnectionAtMs, untilMs, flags } = connector;
  return (
    `  connector ${sourceText(source)} refcount=${references} nconn=${connections} ` +
    `lastconn=${since(lastConnectionAtMs, nowMs)} timeout=${until(untilMs, nowMs)} ` +
    `flags=${flags.join(",")}`
  );
}

/** `[]`: any address of this machine. */
function sourceText(source: string): string {
  return source === "" ? "[]" : word(source);
}

/** A text without blanks: what it may be of a stranger cannot be two fields. */
function word(text: string): string {
  return text === "" ? "-" : addressField(text);
}

function since(atMs: number, nowMs: number): string {
  return atMs === 0 ? "-" : formatDuration(nowMs - atMs);
}

function until(atMs: number, nowMs: number): string {
  return atMs <= nowMs ? "-" : formatDuration(atMs - nowMs);
}
