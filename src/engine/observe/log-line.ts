/**
 * Events as log lines, in OpenSMTPD's shapes.
 *
 * Pure. Each line is printable, single and bounded, and no value can pretend to be
 * a field of its own: whatever strangers wrote is escaped, and quoted where it has
 * spaces. An envelope line says also which rule chose which action.
 * A delivery over a relay's connection has the id of that; any other has sixteen zeros, as
 * OpenSMTPD's have where there was no session.
 *
 * Source: OpenSMTPD 7.8, log lines at level info.
 */
import type { LocalUser } from "#base/endpoint.ts";
import { unreachable } from "#base/unreachable.ts";
import { domainOf } from "#protocols/mail/address.ts";
import type { DeliveryResult } from "#model/delivery.ts";
import { type Envelope, type Message, UNKNOWN_HOSTNAME } from "#model/envelope.ts";
import type { Event, RouteLack } from "#model/events.ts";
import type { LimitName, NoticeLimit } from "#model/limit-name.ts";
import { formatDuration } from "./duration.ts";
import { angled, fieldValue, printable, quoted } from "./visible-text.ts";

export type Level = "debug" | "info" | "warn" | "error";

export interface LogLine {
  readonly level: Level;
  readonly text: string;
}

/** Longest line; what is beyond is cut. */
export const MAX_LINE_LENGTH = 4096;

const NO_SESSION = "0".repeat(16);

const RESULT_WORDS: Readonly<Record<DeliveryResult["outcome"], string>> = {
  delivered: "Ok",
  "handed-on": "Ok",
  deferred: "TempFail",
  failed: "PermFail",
  loop: "PermFail",
};

/** Of one event; the others are counted. */
const MAX_LISTED_EVPIDS = 32;

/** The lines that `event` makes: one, and for a new message one more for each envelope. */
export function formatEvent(event: Event): readonly LogLine[] {
  if (event.kind === "smtp-message") return messageLines(event);
  if (isDebugEvent(event)) return [{ level: "debug", text: bounded(`debug: ${debugText(event)}`) }];
  const [level, text] = levelAndText(event);
  return [{ level, text: bounded(text) }];
}

/** What the queue does beside what OpenSMTPD's tools know, for who looks for a fault. */
type DebugEvent = Extract<Event, { readonly kind: "queued" | "ordered" | "waited" }>;
type SingleLineEvent = Exclude<Event, DebugEvent | { readonly kind: "smtp-message" }>;
type SessionEvent = Extract<SingleLineEvent, { readonly session: string }>;
type RelayEvent = Extract<SessionEvent, { readonly kind: `mta-${string}` }>;
type RouteEvent = Extract<SingleLineEvent, { readonly kind: `route-${string}` }>;
type DaemonEvent = Exclude<SingleLineEvent, SessionEvent | RouteEvent>;

/** As OpenSMTPD says it, of a connector: our address, and whom it would have been for. */
const LACK_WORDS: Readonly<Record<RouteLack, string>> = {
  "no-mx": "No MX found for",
  "family-mismatch": "Address family mismatch on",
  "no-valid-route": "No valid route for",
};

/** Nothing is to be written of it but at level debug. */
export function isDebugEvent(event: Event): event is DebugEvent {
  return event.kind === "queued" || event.kind === "ordered" || event.kind === "waited";
}

function debugText(event: DebugEvent): string {
  switch (event.kind) {
    case "queued":
      return `queued msgid=${event.message.msgid} from=${angled(event.message.reversePath)} envelopes=${event.envelopes.length}`;
    case "ordered":
      return `${event.order} ${evpidField(event.evpids)}`;
    case "waited":
      return `waited ${evpidField(event.evpids)} for=${formatDuration(event.waitedMs)} reason=${quoted(event.reason)}`;
    default:
      return unreachable(event);
  }
}

function evpidField(evpids: readonly string[]): string {
  const listed = `evpid=${evpids.slice(0, MAX_LISTED_EVPIDS).join(",")}`;
  const more = evpids.length - MAX_LISTED_EVPIDS;
  return more > 0 ? `${listed} more=${more}` : listed;
}

function levelAndText(event: SingleLineEvent): readonly [Level, string] {
  if ("session" in event) return ["info", `${sessionId(event.session)} ${sessionText(event)}`];
  return isRouteEvent(event) ? ["info", `smtp-out: ${routeText(event)}`] : daemonLine(event);
}

function isRouteEvent(event: SingleLineEvent): event is RouteEvent {
  return event.kind.startsWith("route-");
}

function sessionText(event: SessionEvent): string {
  return isRelayEvent(event) ? relayText(event) : clientText(event);
}

function isRelayEvent(event: SessionEvent): event is RelayEvent {
  return event.kind.startsWith("mta-");
}

function clientText(event: Exclude<SessionEvent, RelayEvent>): string {
  switch (event.kind) {
    case "smtp-connected":
      return `smtp connected address=${fieldValue(event.address)} host=${hostName(event.hostname)}${userFields(event.user)}`;
    case "smtp-proxied":
      return `smtp event=proxy address=${fieldValue(event.address)}`;
    case "smtp-failed-command": {
      const why = event.why === "" ? "" : ` reason=${quoted(event.why)}`;
      return `smtp failed-command command=${quoted(withoutSecret(event.command))} result=${quoted(event.reply)}${why}${limitField(event.limit)}`;
    }
    case "smtp-authentication":
      return `smtp authentication user=${fieldValue(event.user)} result=${event.result} mechanism=${fieldValue(event.mechanism)}`;
    case "smtp-bad-input":
      return `smtp bad-input result=${quoted(event.reply)}`;
    case "smtp-disconnected":
      return `smtp disconnected reason=${fieldValue(event.reason)}${limitField(event.limit)}`;
    case "smtp-tls": {
      const name = event.serverName === "" ? "" : ` sni=${fieldValue(event.serverName)}`;
      return `smtp tls ciphers=${tlsText(event)}${name} pki=${fieldValue(event.identity)}${event.resumed ? " resumed" : ""}`;
    }
    case "smtp-cert-check": {
      const why = event.why === "" ? "" : ` why=${fieldValue(event.why)}`;
      return (
        `smtp cert-check result=${quoted(event.verified ? "verified" : "unchecked")} ` +
        `fingerprint=${quoted(event.fingerprint)} key=${quoted(event.keyFingerprint)}${why}`
      );
    }
    default:
      return unreachable(event);
  }
}

function relayText(event: RelayEvent): string {
  switch (event.kind) {
    case "mta-connecting":
      return `mta connecting address=${fieldValue(event.address)} host=${fieldValue(event.host)}`;
    case "mta-connected":
      return "mta connected";
    case "mta-tls":
      return (
        `mta tls ciphers=${tlsText(event)} policy=${fieldValue(event.policy)} ` +
        `sni=${fieldValue(event.serverName)}${event.resumed ? " resumed" : ""}`
      );
    case "mta-cert-check": {
      const why = event.why === "" ? "" : ` why=${quoted(event.why)}`;
      return (
        `mta cert-check result=${quoted(event.verified ? "valid" : "unverified")} ` +
        `fingerprint=${quoted(event.fingerprint)} key=${quoted(event.keyFingerprint)}${why}`
      );
    }
    case "mta-error":
      return `mta error reason=${fieldValue(event.reason)}`;
    case "mta-closing":
      return `mta closing reason=${event.reason}`;
    case "mta-rejects-all":
      return "mta host-rejects-all-mails";
    case "mta-disconnected":
      return `mta disconnected reason=${fieldValue(event.reason)} messages=${event.messages}`;
    default:
      return unreachable(event);
  }
}

function daemonLine(event: DaemonEvent): readonly [Level, string] {
  switch (event.kind) {
    case "smtp-turned-away":
      return [
        "info",
        `${NO_SESSION} smtp turned-away address=${fieldValue(event.address)}${limitField(event.limit)} clients=${event.clients}`,
      ];
    case "smtp-stress":
      return ["warn", `warn: smtp stress ${event.state} sessions=${event.sessions}`];
    case "delivery":
      return ["info", `${sessionOf(event)} ${deliveryText(event)}`];
    case "expired":
    case "removed":
      return ["info", endText(event)];
    case "bounce":
      return [
        "info",
        `bounce msgid=${event.msgid} ${aboutMessage(event.message)} action=${event.action}`,
      ];
    case "bounce-dropped":
      return [
        "warn",
        `bounce dropped ${aboutMessage(event.message)} action=${event.action} ` +
          `reason=${quoted(event.why)}${limitField(event.limit)}`,
      ];
    case "spool-damage":
      return [
        "error",
        `spool damage file=${fieldValue(event.file)} offset=${event.offset} reason=${quoted(event.reason)}`,
      ];
    case "spool-trouble":
      return ["error", `spool trouble what=${quoted(event.what)} cause=${quoted(event.cause)}`];
    case "spool-progress":
      return ["info", `spool progress step=${event.step} done=${event.done} of=${event.of}`];
    case "spool-recovered":
      return [
        "info",
        `spool recovered messages=${event.messages} envelopes=${event.envelopes} took=${Math.round(event.tookMs)}ms`,
      ];
    case "notice":
      return ["info", `info: ${printable(event.text, MAX_LINE_LENGTH)}`];
    case "warning":
      return ["warn", `warn: ${printable(event.text, MAX_LINE_LENGTH)}`];
    case "error":
      return ["error", `error: ${printable(event.text, MAX_LINE_LENGTH)}`];
    default:
      return unreachable(event);
  }
}

/** As in the Received header. */
function tlsText({
  version,
  cipher,
  bits,
}: Event & { readonly kind: "smtp-tls" | "mta-tls" }): string {
  return `${fieldValue(version)}:${fieldValue(cipher)}:${bits}`;
}

function sessionOf({ result: { over } }: Event & { readonly kind: "delivery" }): string {
  return over === undefined ? NO_SESSION : sessionId(over.session);
}

/** OpenSMTPD's mta_route_to_text and mta_connector_to_text; `[]` is whichever source the system takes. */
function routeText(event: RouteEvent): string {
  if (event.kind === "route-lacking")
    return `${LACK_WORDS[event.lack]} [connector:[]->[relay:${fieldValue(event.destination)}]]`;
  const source = event.source === "" ? "[]" : fieldValue(event.source);
  const route = `${source} <-> ${fieldValue(event.address)} (${fieldValue(event.host)})`;
  if (event.kind === "route-enabled") return `Enabling route ${route}`;
  const forSeconds = Math.ceil(event.forMs / 1000);
  return `Disabling route ${route} for ${forSeconds}s reason=${quoted(event.reason)}`;
}

/** Ours for one that has no name stands as it is; nobody else's may look like it. */
function hostName(name: string): string {
  return name === UNKNOWN_HOSTNAME ? name : fieldValue(name);
}

/** OpenSMTPD's line has none: they stand behind its fields. */
function userFields(user: LocalUser | undefined): string {
  if (user === undefined) return "";
  const name = user.name.kind === "found" ? ` user=${fieldValue(user.name.value)}` : "";
  return `${name} uid=${user.uid}`;
}

function limitField(limit: LimitName | NoticeLimit | undefined): string {
  return limit === undefined ? "" : ` limit=${limit}`;
}

function messageLines(event: Event & { readonly kind: "smtp-message" }): readonly LogLine[] {
  const { message, envelopes } = event;
  const session = sessionId(event.session);
  const recipientCount = new Set(envelopes.map((envelope) => envelope.forwardPath)).size;
  const texts = [
    `${session} smtp message msgid=${message.msgid} size=${message.textBytes} nrcpt=${recipientCount} proto=${event.protocol}`,
    ...envelopes.map(
      (envelope) =>
        `${session} smtp envelope evpid=${envelope.evpid} from=${angled(message.reversePath)} ` +
        `to=${angled(envelope.forwardPath)} action=${fieldValue(envelope.action)} rule=${fieldValue(envelope.rule)}`,
    ),
  ];
  return texts.map((text) => ({ level: "info", text: bounded(text) }));
}

function deliveryText(event: Event & { readonly kind: "delivery" }): string {
  const { message, envelope, result } = event;
  const word = RESULT_WORDS[result.outcome];
  const stat = result.diagnostic === "" ? result.status : result.diagnostic;
  const delay = formatDuration(event.delayMs);
  const path = `evpid=${envelope.evpid} from=${angled(message.reversePath)} to=${angled(envelope.destination)}`;
  if (envelope.transport.kind === "mda") {
    const user = fieldValue(envelope.transport.user);
    return (
      `mda delivery ${path} rcpt=${angled(envelope.forwardPath)} user=${user} ` +
      `delay=${delay} result=${word} stat=${fieldValue(stat)}`
    );
  }
  const source = result.over?.source ?? "";
  return (
    `mta delivery ${path} rcpt=${originalRecipient(envelope)} ` +
    `source=${quoted(source === "" ? "-" : source)} relay=${quoted(relayOf(event))} ` +
    `delay=${delay} result=${quoted(word)} stat=${quoted(stat)}`
  );
}

/** OpenSMTPD's mta_host_to_text; where there was no server, whom it would have been for. */
function relayOf({ envelope, result }: Event & { readonly kind: "delivery" }): string {
  const { remote } = result;
  if (remote === "") return domainOf(envelope.destination);
  const [, name, address] = /^(\S+) \[([^\]]+)\]$/.exec(remote) ?? [];
  return name === undefined || address === undefined ? remote : `${address} (${name})`;
}

function endText(event: Event & { readonly kind: "expired" | "removed" }): string {
  const { message, envelope } = event;
  const agent = envelope.transport.kind === "mda" ? "delivery" : "relay";
  const verb = event.kind === "expired" ? "Expire" : "Remove";
  return (
    `${agent}: ${verb} for ${envelope.evpid}: from=${angled(message.reversePath)}, ` +
    `to=${angled(envelope.destination)}, rcpt=${originalRecipient(envelope)}, ` +
    `delay=${formatDuration(event.delayMs)}, stat=${fieldValue(event.diagnostic)}`
  );
}

/** `<->` when expansion did not change the recipient. */
function originalRecipient(envelope: Envelope): string {
  return angled(envelope.forwardPath === envelope.destination ? "-" : envelope.forwardPath);
}

function aboutMessage(message: Message): string {
  return `about=${message.msgid} to=${angled(message.reversePath)}`;
}

/** A failed AUTH may carry the password as its initial response (RFC 4954 §4). */
function withoutSecret(command: string): string {
  const auth = /^\s*auth\s+(\S+)\s+\S/i.exec(command);
  return auth === null ? command : `AUTH ${(auth[1] ?? "").toUpperCase()} (...)`;
}

function sessionId(session: string): string {
  return /^[0-9a-f]{16}$/.test(session) ? session : fieldValue(session);
}

function bounded(text: string): string {
  return text.length <= MAX_LINE_LENGTH ? text : `${text.slice(0, MAX_LINE_LENGTH)}...`;
}
