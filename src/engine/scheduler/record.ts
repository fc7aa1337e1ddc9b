/**
 * What is kept in memory of each message and envelope in the queue. Small on
 * purpose: a million of them wait in a bad week. What envelopes share (action,
 * rule, last words of a dead host) is one object; times are on the monotonic
 * clock unless the name says wall.
 */
import { type HeapItem, OUTSIDE_HEAP } from "#base/heap.ts";
import { hex32, hex32At } from "#base/hex.ts";
import {
  type Envelope,
  MAX_HOLD_MS,
  type Message,
  type RecipientTerms,
  type TrailStep,
  type Transport,
} from "#model/envelope.ts";
import { MSGID_DIGITS } from "#model/ids.ts";
import type { Route } from "./route.ts";

/** What the rules decided; one object for all envelopes with the same decision. */
export interface Plan {
  readonly action: string;
  readonly transport: Transport;
  readonly rule: string;
  readonly trail: readonly TrailStep[];
  readonly ttlMs: number;
}

/** What was said when an envelope was last deferred; shared where it is the same. */
export interface LastWords {
  readonly status: string;
  readonly diagnostic: string;
  readonly remote: string;
  /** The limit for which nothing was tried; "": something was. Not kept over a restart, as such limits are not. */
  readonly limit: string;
}

/**
 * - waiting: for its next try, asleep or about to be
 * - ready: due, in line on its route; in the scheduler's heap for its expiry
 * - stranded: due, but the configuration has no action for it; in that heap too
 * - inflight: handed to the carrier
 * - recording: its end, deferral or removal is being made durable
 * - suspended: until an operator resumes it, asleep or about to be; does not expire
 * - gone: finished
 */
export type EnvelopeState =
  | "waiting"
  | "ready"
  | "stranded"
  | "inflight"
  | "recording"
  | "suspended"
  | "gone";

export class MessageRecord {
  /** Replaced only by an equal one that shares more. */
  message: Message;
  /** When it was accepted; negative if that was before this process's clock began. */
  readonly acceptedAtMs: number;
  /** Envelopes that are not finished, in no particular order. */
  readonly envelopes: EnvelopeRecord[];
  /** Who is higher goes first. */
  readonly level: number;

  /** `planned`: each envelope with what was decided about it. */
  constructor(
    message: Message,
    acceptedAtMs: number,
    planned: readonly (readonly [envelope: Envelope, plan: Plan])[],
  ) {
    this.message = message;
    this.acceptedAtMs = acceptedAtMs;
    this.level = levelOf(message);
    // `map` makes an array of just this size; `push` would leave room for 16 more.
    this.envelopes = planned.map(([envelope, plan], slot) => {
      const record = new EnvelopeRecord(this, numberOf(envelope.evpid), envelope, plan);
      record.slot = slot;
      return record;
    });
  }
}

/** The level of a message for which nothing was asked. */
export const USUAL_LEVEL = 0;

/** By MT-PRIORITY, -9 to 9; of one priority, our own reports go last. */
function levelOf({ terms, origin }: Message): number {
  const level = USUAL_LEVEL + 2 * (terms?.priority ?? 0);
  return origin.kind === "internal" ? level - 1 : level;
}

/** What an envelope has of its own from the start. */
export type Recipient = Pick<Envelope, "forwardPath" | "destination" | "terms">;

export class EnvelopeRecord implements HeapItem {
  heapKey = 0;
  heapIndex: number = OUTSIDE_HEAP;
  readonly owner: MessageRecord;
  /** Place in `owner.envelopes`. */
  slot = 0;
  /** The evpid's last eight digits, as a signed number. */
  readonly id: number;
  readonly forwardPath: string;
  readonly destination: string;
  readonly terms: RecipientTerms | undefined;
  readonly plan: Plan;
  /** Undefined when the configuration has no action for it. */
  route: Route | undefined = undefined;
  state: EnvelopeState = "waiting";
  /** When it is to be tried; means something while it waits. */
  dueMs = 0;
  /** It does not expire before. */
  graceUntilMs = 0;
  /** What an operator wants done with it once its attempt is over. */
  afterwards: "retry" | "suspend" | "remove" = "retry";
  retryCount = 0;
  /** Wall clock; 0 if it was never tried. */
  lastTryAtWallMs = 0;
  lastWords: LastWords | undefined = undefined;
  /** The delay that the sender was last told of, in milliseconds; 0: of none. */
  warnedMs = 0;

  constructor(owner: MessageRecord, id: number, recipient: Recipient, plan: Plan) {
    const { forwardPath, destination, terms } = recipient;
    this.owner = owner;
    this.id = id;
    this.forwardPath = forwardPath;
    // One text where they are equal.
    this.destination = destination === forwardPath ? forwardPath : destination;
    this.terms = terms;
    this.plan = plan;
  }
}

/** The last eight digits of an evpid, as a signed number: the `id` of its record. */
export function numberOf(evpid: string): number {
  return hex32At(evpid, MSGID_DIGITS) | 0;
}

export function evpidOf(record: EnvelopeRecord): string {
  return record.owner.message.msgid + hex32(record.id);
}

/** The envelope as it was accepted. */
export function envelopeOf(record: EnvelopeRecord): Envelope {
  const { action, transport, rule, trail, ttlMs } = record.plan;
  return {
    evpid: evpidOf(record),
    forwardPath: record.forwardPath,
    terms: record.terms,
    destination: record.destination,
    action,
    transport,
    rule,
    trail,
    ttlMs,
  };
}

/** It is held back (RFC 4865) and was not tried; `state` is "waiting" or "suspended". */
export function isHeld({ lastTryAtWallMs, owner }: EnvelopeRecord): boolean {
  return lastTryAtWallMs === 0 && (owner.message.terms?.holdUntilMs ?? 0) > 0;
}

/** For how long a message was held back from its acceptance on. */
export function heldForMs({ terms, acceptedAtMs }: Message): number {
  const untilMs = terms?.holdUntilMs ?? 0;
  return untilMs === 0 ? 0 : Math.min(Math.max(untilMs - acceptedAtMs, 0), MAX_HOLD_MS);
}

/** When the queue gives up. */
export function expiresAtMs(record: EnvelopeRecord): number {
  return Math.max(record.owner.acceptedAtMs + record.plan.ttlMs, record.graceUntilMs);
}
