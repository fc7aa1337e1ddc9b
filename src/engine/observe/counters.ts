/**
 * Counters: a fold over events, under OpenSMTPD's names where it has one.
 *
 * `smtp.session` and `mta.session` say how many sessions are open now; the others
 * only grow. The names are a fixed set, whatever strangers send, and each process
 * counts only the events that it emits, so that sums over processes are right.
 *
 * Source: OpenSMTPD 7.8, smtpctl(8), `show stats`.
 */
import type { DeliveryResult } from "#model/delivery.ts";
import type { Event } from "#model/events.ts";
import { type Counter, MAX_COUNTERS } from "#model/ipc/parent-link.ts";

/** Sessions counted as open; more than a process can hold. */
const MAX_OPEN_SESSIONS = 1_000_000;

const DELIVERY_NAMES: Readonly<Record<DeliveryResult["outcome"], string>> = {
  delivered: "scheduler.delivery.ok",
  "handed-on": "scheduler.delivery.ok",
  deferred: "scheduler.delivery.tempfail",
  failed: "scheduler.delivery.permfail",
  loop: "scheduler.delivery.loop",
};

/** The one counter that each kind of event adds one to; undefined where `observe` knows more. */
const COUNTED: Readonly<Record<Event["kind"], string | undefined>> = {
  "smtp-connected": undefined,
  "smtp-proxied": undefined,
  "smtp-failed-command": "smtp.failed-command",
  "smtp-authentication": undefined,
  "smtp-tls": "smtp.tls",
  "smtp-cert-check": undefined,
  "smtp-bad-input": "smtp.bad-input",
  "smtp-message": "smtp.message",
  "smtp-disconnected": undefined,
  "smtp-turned-away": undefined,
  "smtp-stress": undefined,
  "mta-connecting": "mta.connection",
  "mta-connected": undefined,
  "mta-tls": "mta.tls",
  "mta-cert-check": undefined,
  "mta-error": "mta.error",
  "mta-closing": undefined,
  "mta-rejects-all": "mta.rejects-all",
  "mta-disconnected": undefined,
  "route-disabled": "mta.route.disabled",
  "route-enabled": undefined,
  "route-lacking": undefined,
  queued: undefined,
  delivery: undefined,
  ordered: undefined,
  waited: undefined,
  expired: "scheduler.envelope.expired",
  removed: "scheduler.envelope.removed",
  bounce: "queue.bounce",
  "bounce-dropped": "queue.bounce.dropped",
  "spool-damage": "queue.spool.damage",
  "spool-trouble": "queue.spool.trouble",
  "spool-progress": undefined,
  "spool-recovered": undefined,
  notice: undefined,
  warning: "log.warning",
  error: "log.error",
};

export class Counters {
  readonly #values = new Map<string, number>();
  readonly #smtpSessions = new Set<string>();
  readonly #mtaSessions = new Set<string>();

  observe(event: Event): void {
    const counted = COUNTED[event.kind];
    if (counted !== undefined) this.add(counted, 1);
    this.#countLimit(event);
    if (event.kind === "smtp-connected") {
      open(this.#smtpSessions, event.session);
      this.add(`smtp.session.${family(event.address)}`, 1);
    } else if (event.kind === "smtp-disconnected") {
      this.#smtpSessions.delete(event.session);
    } else if (event.kind === "smtp-message") {
      this.add("smtp.envelope", event.envelopes.length);
    } else if (event.kind === "smtp-stress") {
      this.add("smtp.stress", event.state === "begins" ? 1 : 0);
    } else if (event.kind === "mta-connecting") {
      open(this.#mtaSessions, event.session);
    } else if (event.kind === "mta-error" || event.kind === "mta-disconnected") {
      this.#mtaSessions.delete(event.session);
    } else if (event.kind === "delivery") {
      this.add(DELIVERY_NAMES[event.result.outcome], 1);
    }
  }

  #countLimit(event: Event): void {
    if (!("limit" in event) || event.limit === undefined) return;
    const limited = event.kind === "bounce-dropped" ? "queue.bounce" : "smtp";
    const clients = event.kind === "smtp-turned-away" ? event.clients : 1;
    this.add(`${limited}.limit.${event.limit}`, clients);
  }

  /** Adds to a counter of the caller's own; names beyond MAX_COUNTERS are not kept. */
  add(name: string, amount: number): void {
    const value = this.#values.get(name);
    if (value === undefined && this.#values.size >= MAX_COUNTERS - 2) return;
    this.#values.set(name, (value ?? 0) + amount);
  }

  /** What was counted, in no particular order; at most MAX_COUNTERS. */
  list(): readonly Counter[] {
    const counters = [...this.#values].map(([name, value]) => ({ name, value }));
    if (this.#values.has("mta.connection"))
      counters.push({ name: "mta.session", value: this.#mtaSessions.size });
    if (counters.some(({ name }) => name.startsWith("smtp.session.")))
      counters.push({ name: "smtp.session", value: this.#smtpSessions.size });
    return counters;
  }
}

function open(sessions: Set<string>, session: string): void {
  if (sessions.size < MAX_OPEN_SESSIONS) sessions.add(session);
}

/** A UNIX-domain client has the address "local". */
function family(address: string): "inet4" | "inet6" | "local" {
  if (address === "local") return "local";
  return address.includes(":") ? "inet6" : "inet4";
}
