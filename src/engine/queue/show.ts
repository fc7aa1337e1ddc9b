/**
 * One envelope of the queue as people and programs see it: OpenSMTPD's line of
 * fourteen fields, and JSON that also says why it waits.
 *
 * Where we differ: EXPIRE is the real time (OpenSMTPD prints CTIME), and JSON
 * has the reason. The ERROR of an envelope whose action is gone says so, as the operator
 * has to act. Source: smtpctl(8) `show queue`; OpenSMTPD smtpctl.c (show_queue_envelope).
 */
import {
  type Envelope,
  listedText,
  type Message,
  type TrailStep,
  type Terms,
} from "#model/envelope.ts";
import type { QueueState } from "#model/queue-filter.ts";
import { octal } from "#engine/observe/visible-text.ts";
import { formatReason, reasonName, type WaitReason } from "#engine/scheduler/wait-reason.ts";

/** Longest ERROR field. */
const MAX_ERROR_LENGTH = 1024;

/** An envelope as it stands. Times are wall-clock milliseconds. */
export interface QueuedEnvelope {
  readonly message: Message;
  readonly envelope: Envelope;
  readonly reason: WaitReason;
  readonly retryCount: number;
  /** 0 if it was never tried. */
  readonly lastTryAtMs: number;
  readonly expiresAtMs: number;
  /** What was said at the last try, or "". */
  readonly lastError: string;
  /** The name of the way out, or "" if the configuration has none for it. */
  readonly route: string;
}

/** `EVPID|FAMILY|AGENT|FLAGS|SENDER|RCPT|DEST|CTIME|EXPIRE|LASTTRY|RETRY|STATE|DELAY|ERROR`. */
export function formatQueueLine(queued: QueuedEnvelope, nowMs: number): string {
  const { message, envelope, reason } = queued;
  return [
    envelope.evpid,
    familyOf(message),
    envelope.transport.kind,
    flagsOf(queued).join(","),
    addressField(message.reversePath),
    addressField(envelope.forwardPath),
    addressField(envelope.destination),
    seconds(message.acceptedAtMs),
    seconds(queued.expiresAtMs),
    seconds(queued.lastTryAtMs),
    queued.retryCount,
    stateOf(reason),
    delaySeconds(reason, nowMs),
    visibleField(errorOf(queued, nowMs)),
  ].join("|");
}

/** The same as a JSON object in one line. */
export function formatQueueJson(queued: QueuedEnvelope, nowMs: number): string {
  const { message, envelope, reason } = queued;
  return JSON.stringify({
    evpid: envelope.evpid,
    msgid: message.msgid,
    agent: envelope.transport.kind,
    action: envelope.action,
    route: queued.route,
    rule: envelope.rule,
    trail: envelope.trail,
    flags: flagsOf(queued),
    origin: message.origin,
    sender: message.reversePath,
    recipient: envelope.forwardPath,
    destination: envelope.destination,
    terms: message.terms,
    recipientTerms: envelope.terms,
    textBytes: message.textBytes,
    acceptedAtMs: message.acceptedAtMs,
    expiresAtMs: Math.round(queued.expiresAtMs),
    lastTryAtMs: Math.round(queued.lastTryAtMs),
    retryCount: queued.retryCount,
    lastError: queued.lastError,
    reason: inWholeMs(reason),
    reasonText: formatReason(reason, nowMs),
  });
}

/** A reader may want an integer; the clocks of a process have fractions. */
function inWholeMs(reason: WaitReason): WaitReason {
  if (reason.kind === "inflight") return { ...reason, sinceMs: Math.round(reason.sinceMs) };
  return "untilMs" in reason ? { ...reason, untilMs: Math.round(reason.untilMs) } : reason;
}

/** What the client asked for, in OpenSMTPD's words where it has them. */
function termFields({
  message,
  envelope,
}: QueuedEnvelope): readonly (readonly [name: string, value: string | number])[] {
  return [
    ...(message.terms === undefined ? [] : messageTerms(message.terms)),
    ["dsn-notify", envelope.terms?.notify?.join(",") ?? ""],
    ["dsn-orcpt", envelope.terms?.originalRecipient ?? ""],
  ];
}

function messageTerms(terms: Terms): readonly (readonly [name: string, value: string | number])[] {
  const { deliverBy, holdUntilMs, priority } = terms;
  const needs = [
    ...(terms.isBinary ? ["BINARYMIME"] : []),
    ...(terms.utf8 ? ["SMTPUTF8"] : []),
    ...(terms.tls === "required" ? ["REQUIRETLS"] : []),
  ];
  return [
    ["needs", needs.join(" ")],
    ["dsn-ret", terms.returns ?? ""],
    ["dsn-envid", terms.envelopeId],
    ["deliver-by", deliverBy === undefined ? "" : seconds(deliverBy.atMs)],
    ["hold-until", holdUntilMs === 0 ? "" : seconds(holdUntilMs)],
    ["priority", priority === 0 ? "" : priority],
  ];
}

/** Lines for `show envelope`: a name and a value each. */
export function formatEnvelope(queued: QueuedEnvelope, nowMs: number): string {
  const { message, envelope } = queued;
  const { transport } = envelope;
  const fields: readonly (readonly [name: string, value: string | number])[] = [
    ["evpid", envelope.evpid],
    ["action", envelope.action],
    ["route", queued.route],
    ["rule", envelope.rule],
    ...envelope.trail.map((step) => ["by", formatStep(step)] as const),
    ["type", transport.kind],
    ["mda-user", transport.kind === "mda" ? transport.user : ""],
    ["extension", transport.kind === "mda" ? transport.extension : ""],
    ["listed", transport.kind === "mda" && transport.listed ? listedText(transport.listed) : ""],
    ["tag", message.origin.tag],
    ["helo", message.origin.helo],
    ["hostname", message.origin.hostname],
    ["address", message.origin.address],
    ["username", message.origin.username],
    ["sender", addressField(message.reversePath)],
    ["rcpt", addressField(envelope.forwardPath)],
    ["dest", addressField(envelope.destination)],
    ...termFields(queued),
    ["size", message.textBytes],
    ["ctime", seconds(message.acceptedAtMs)],
    ["ttl", seconds(envelope.ttlMs)],
    ["expire", seconds(queued.expiresAtMs)],
    ["last-try", seconds(queued.lastTryAtMs)],
    ["retry", queued.retryCount],
    ["flags", flagsOf(queued).join(" ")],
    ["errorline", queued.lastError],
    ["waits", formatReason(queued.reason, nowMs)],
  ];
  return fields
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}: ${escaped(String(value), UNSAFE)}\n`)
    .join("");
}

/** How a step of the way to the destination is shown: `alias <list> team (smtpd.conf:9)`. */
function formatStep({ by, source, key, rule }: TrailStep): string {
  const what = by === "alias" || by === "virtual" ? `<${source}> ${key}` : source;
  return `${by} ${what} (${rule})`;
}

function familyOf({ origin }: Message): string {
  if (origin.kind === "local" || origin.kind === "internal") return "local";
  return origin.address.includes(":") ? "inet6" : "inet4";
}

function flagsOf({ message, reason }: QueuedEnvelope): readonly string[] {
  const flags: string[] = [];
  if (message.origin.username !== "") flags.push("auth");
  if (message.origin.kind === "internal") flags.push("bounce", "internal");
  if (reasonName(reason) === "suspended") flags.push("suspend");
  if (reason.kind === "limit") flags.push("hold");
  return flags;
}

/** The field STATE. */
export function stateOf({ kind }: WaitReason): QueueState {
  if (kind === "offline") return "offline";
  return kind === "inflight" || kind === "recording" ? "inflight" : "pending";
}

/** To the next try, or since the attempt began; "" if nobody tries. */
function delaySeconds(reason: WaitReason, nowMs: number): number | "" {
  if (reason.kind === "offline") return "";
  if (reason.kind === "inflight") return seconds(nowMs - reason.sinceMs);
  return "untilMs" in reason ? seconds(reason.untilMs - nowMs) : 0;
}

function errorOf({ reason, lastError }: QueuedEnvelope, nowMs: number): string {
  return reason.kind === "no-action" ? formatReason(reason, nowMs) : lastError;
}

/** The null reverse-path is `@`. */
export function addressField(address: string): string {
  return address === "" ? "@" : escaped(address, UNSAFE_IN_FIELD);
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}

/** What vis(3) writes otherwise: backslash, controls, whatever is not ASCII. */
const UNSAFE = /[^ -[\]-~]/gu;
/** `|` too, which would end the field. */
const UNSAFE_IN_FIELD = /[^!-[\]-{}~]/gu;

/** A text that may have blanks, as the field ERROR. */
export function visibleField(text: string): string {
  return escaped(text.slice(0, MAX_ERROR_LENGTH), UNSAFE);
}

function escaped(text: string, unsafe: RegExp): string {
  return text.replaceAll(unsafe, (character) => (character === "\\" ? "\\\\" : octal(character)));
}
