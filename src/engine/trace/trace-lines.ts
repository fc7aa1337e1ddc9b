/**
 * A message's life for people: a line for each thing that happened, with its time (UTC) and
 * the id that it is about. What strangers wrote is escaped: no line can be another's.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Action as NoticeAction } from "#protocols/dsn/delivery-status.ts";
import type { Origin, TrailStep } from "#model/envelope.ts";
import {
  type Order,
  type TraceEntry,
  tracedMessage,
  type TracedRecipient,
  type TracedTls,
} from "#model/trace.ts";
import { formatDuration } from "#engine/observe/duration.ts";
import { angled, printable, quoted } from "#engine/observe/visible-text.ts";
import type { Life } from "./trace-search.ts";

/** An envelope that was due for longer than this had to wait for something. */
const NO_WAIT_MS = 2000;
const OF_ALL = "-";

export interface TraceLine {
  /** For people. */
  readonly line: string;
  readonly entry: TraceEntry;
}

type Attempt = TraceEntry & { readonly kind: "attempt" };
type Accepted = TraceEntry & { readonly kind: "accepted" };

/** In the order of time. */
export function linesOf({ msgid, entries }: Life): readonly TraceLine[] {
  const dues = new Dues();
  return entries.flatMap((entry) => {
    const texts = textsOf(entry, msgid, dues);
    dues.take(entry);
    return texts.map(([id, text]) => ({ line: `${time(entry.atMs)} ${id} ${text}`, entry }));
  });
}

/** The last time that a date can say (ECMA-262 §21.4.1.1). */
const MAX_DATE_MS = 8.64e15;

function time(atMs: number): string {
  return new Date(Math.min(atMs, MAX_DATE_MS)).toISOString();
}

/** Since when each envelope was due, as far as is known. */
class Dues {
  readonly #dueMs = new Map<string, number>();

  take(entry: TraceEntry): void {
    if (entry.kind === "accepted") {
      const dueMs = Math.max(entry.atMs, entry.holdUntilMs);
      for (const { evpid } of entry.recipients) this.#dueMs.set(evpid, dueMs);
    } else if (entry.kind === "attempt") this.#dueMs.set(entry.evpid, entry.nextTryAtMs);
    else if (entry.kind === "held") this.#dueMs.set(entry.evpid, entry.untilMs);
    // That was told.
    else if (entry.kind === "waited") this.#dueMs.delete(entry.evpid);
    else if (entry.kind === "ordered") this.#dueMs.set(entry.evpid, entry.atMs);
    // Nothing was tried while no daemon ran.
    else if (entry.kind === "recovered") this.#dueMs.clear();
  }

  waitedMs({ evpid, beganAtMs }: Attempt): number {
    const dueMs = this.#dueMs.get(evpid) ?? 0;
    return dueMs === 0 ? 0 : Math.max(0, beganAtMs - dueMs);
  }
}

type Text = readonly [id: string, text: string];

/** @param msgid whose life it is: a report is in that of two messages. */
function textsOf(entry: TraceEntry, msgid: string, dues: Dues): readonly Text[] {
  const id = "evpid" in entry ? entry.evpid : (tracedMessage(entry) ?? OF_ALL);
  switch (entry.kind) {
    case "accepted":
      return [[id, acceptedText(entry)], ...entry.recipients.map(recipientText)];
    case "attempt":
      return [[id, attemptText(entry, dues.waitedMs(entry))]];
    case "waited":
      return [[id, waitedText(entry)]];
    case "held":
      return [[id, heldText(entry)]];
    case "expired":
      return [[id, `given up: ${printable(entry.diagnostic)}`]];
    case "removed":
      return [[id, "removed by an operator"]];
    case "ordered":
      return [[id, ORDER_TEXTS[entry.order]]];
    case "reported":
      return entry.report === msgid
        ? [[msgid, `is the report of ${NOTICE_TEXTS[entry.action]} of message ${entry.msgid}`]]
        : [[id, `sender told of ${NOTICE_TEXTS[entry.action]} by message ${entry.report}`]];
    case "unreported":
      return [[id, `sender not told of ${NOTICE_TEXTS[entry.action]}: ${printable(entry.why)}`]];
    case "recovered":
      return [
        [
          id,
          `smtpd started with ${entry.messages} messages (${entry.envelopes} envelopes) waiting`,
        ],
      ];
    case "missing":
      return [[id, `${entry.entries} entries could not be written and are missing`]];
    default:
      return unreachable(entry);
  }
}

function waitedText({ waitedMs, reason }: TraceEntry & { readonly kind: "waited" }): string {
  const what = reason === "turn" ? "its turn" : printable(reason);
  return `waited ${formatDuration(waitedMs)} for ${what}`;
}

function heldText({ limit, untilMs, diagnostic }: TraceEntry & { readonly kind: "held" }): string {
  return `held by limit ${printable(limit)} until ${time(untilMs)}: ${printable(diagnostic)}`;
}

const NOTICE_TEXTS: Readonly<Record<NoticeAction, string>> = {
  failed: "the failure",
  delayed: "the delay",
  delivered: "the delivery",
  relayed: "the relaying",
  expanded: "the expansion",
};

const ORDER_TEXTS: Readonly<Record<Order, string>> = {
  scheduled: "to be tried at once, by order of an operator",
  paused: "paused by an operator",
  resumed: "resumed by an operator",
};

function acceptedText(entry: Accepted): string {
  const { reversePath, origin, textBytes, messageId, holdUntilMs } = entry;
  const id = messageId === "" ? "no Message-ID" : `Message-ID ${printable(messageId)}`;
  const held = holdUntilMs === 0 ? "" : `; held back until ${time(holdUntilMs)}`;
  return `accepted from ${angled(reversePath)} ${originText(origin)}; ${textBytes} bytes, ${id}${held}`;
}

function originText(origin: Origin): string {
  const { kind, hostname, address, helo, tls, username, tag } = origin;
  if (kind === "internal") return "as a report of its own";
  const by = kind === "local" ? "by a program of this machine" : `by ${host(hostname, address)}`;
  return [
    by,
    kind === "local" || helo === "" ? "" : `HELO ${quoted(helo)}`,
    tls === undefined ? "" : `${printable(tls.version)} ${printable(tls.cipher)}`,
    username === "" ? "" : `user ${quoted(username)}`,
    tag === "" ? "" : `tag ${quoted(tag)}`,
  ]
    .filter((part) => part !== "")
    .join(", ");
}

function host(hostname: string, address: string): string {
  return `${printable(hostname)} [${printable(address)}]`;
}

function recipientText(recipient: TracedRecipient): Text {
  const { evpid, forwardPath, destination, action, user, rule, trail } = recipient;
  const to = forwardPath === destination ? "" : ` as ${angled(destination)}`;
  const account = user === "" ? "" : ` for user ${quoted(user)}`;
  const way = trail.map(stepText).join("");
  const by = rule === "" ? "" : ` by rule ${printable(rule)}`;
  return [evpid, `to ${angled(forwardPath)}${to}${account}: action ${quoted(action)}${by}${way}`];
}

function stepText({ by, source, key, rule }: TrailStep): string {
  const what = key === "" ? quoted(source) : `${quoted(source)} (${quoted(key)})`;
  return `; followed ${by} ${what} of ${printable(rule)}`;
}

const OUTCOMES: Readonly<Record<Attempt["outcome"], string>> = {
  delivered: "delivered",
  "handed-on": "handed on",
  deferred: "deferred",
  failed: "failed",
  loop: "failed",
};

function attemptText(entry: Attempt, waitedMs: number): string {
  const { number, outcome, tookMs, remote, status, diagnostic, tls, nextTryAtMs } = entry;
  const waited =
    waitedMs > NO_WAIT_MS ? `, after ${formatDuration(waitedMs)} of waiting for its turn` : "";
  const isTaken = outcome === "delivered" || outcome === "handed-on";
  const by = remote === "" ? "" : `${isTaken ? " to" : " by"} ${printable(remote)}`;
  const said = diagnostic === "" ? status : diagnostic;
  const words = said === "" ? "" : `: ${printable(said)}`;
  const next = nextTryAtMs === 0 ? "" : `; next try at ${time(nextTryAtMs)}`;
  const took = `${(tookMs / 1000).toFixed(1)} s`;
  return `attempt ${number}${waited}: ${OUTCOMES[outcome]}${by} in ${took}${tlsText(tls)}${words}${next}`;
}

function tlsText(tls: TracedTls): string {
  if (tls.kind === "none") return "";
  const checked = tls.verified ? "verified" : "not verified";
  return `, ${printable(tls.version)} ${printable(tls.cipher)} ${checked}`;
}
