/**
 * Why an envelope waits. Each envelope in the queue has exactly one reason at any
 * time; the command line, the metrics and the trace all show this value.
 * Times are wall-clock milliseconds.
 */
import { unreachable } from "#base/unreachable.ts";
import type { AttemptStage, Staged } from "#model/attempt-progress.ts";

/** The two kinds of delivery that can be paused as a whole. */
export const DELIVERY_SUBSYSTEMS = ["mta", "mda"] as const;
export type DeliverySubsystem = (typeof DELIVERY_SUBSYSTEMS)[number];

export type WaitReason =
  /** The last try was deferred; the next one is at `untilMs`. */
  | { readonly kind: "retry"; readonly untilMs: number }
  /** The client asked for it not to be tried before (RFC 4865). */
  | { readonly kind: "hold"; readonly untilMs: number }
  /** It is due, and its route comes round next. */
  | { readonly kind: "turn" }
  /** It is due, and `max` attempts (or envelopes) are under way that `name` counts. */
  | { readonly kind: "limit"; readonly name: string; readonly max: number }
  /** An attempt would have broken the limit `name`, which lets it through at `untilMs`. */
  | { readonly kind: "limit"; readonly name: string; readonly untilMs: number }
  | { readonly kind: "paused"; readonly subsystem: DeliverySubsystem }
  | { readonly kind: "suspended"; readonly by: "operator" }
  /** The configuration has no action of this name (any more) that could carry it: it waits for one. */
  | { readonly kind: "no-action"; readonly action: string }
  /** `stage`, and `remote` if that is known: how far the attempt is, for who has asked. */
  | {
      readonly kind: "inflight";
      readonly sinceMs: number;
      readonly stage: AttemptStage;
      readonly remote: string;
    }
  /** The attempt is over; its result is being made durable. */
  | { readonly kind: "recording" }
  /** No daemon runs: this is what is on the disk. */
  | { readonly kind: "offline"; readonly isSuspended: boolean };

/**
 * What kind of reason it is, with what it is about but without times and numbers, so that
 * it stays the same while it lasts: what filters and counts go by.
 */
export function reasonName(reason: WaitReason): string {
  if (reason.kind === "limit") return `limit ${reason.name}`;
  if (reason.kind === "paused") return `paused ${reason.subsystem}`;
  if (reason.kind === "no-action") return `no-action ${reason.action}`;
  if (reason.kind === "offline" && reason.isSuspended) return "suspended";
  return reason.kind;
}

/** The reason in words, for people. */
export function formatReason(reason: WaitReason, nowMs: number): string {
  switch (reason.kind) {
    case "retry":
      return `retry in ${seconds(reason.untilMs - nowMs)} s`;
    case "hold":
      return `held back for ${seconds(reason.untilMs - nowMs)} s, as the client asked`;
    case "turn":
      return "due, its turn comes next";
    case "limit":
      return "untilMs" in reason
        ? `limit ${reason.name} for ${seconds(reason.untilMs - nowMs)} s`
        : `limit ${reason.name} (${reason.max}) is used up`;
    case "paused":
      return `${reason.subsystem} is paused`;
    case "suspended":
      return `suspended by ${reason.by}`;
    case "no-action":
      return `action '${reason.action}' is gone from the configuration`;
    case "inflight":
      return `in flight for ${seconds(nowMs - reason.sinceMs)} s${stageText(reason)}`;
    case "recording":
      return "its result is being recorded";
    case "offline":
      return reason.isSuspended ? "suspended, and no daemon runs" : "no daemon runs";
    default:
      return unreachable(reason);
  }
}

const STAGE_TEXTS: Readonly<Record<AttemptStage, readonly [words: string, before: string]>> = {
  begun: ["", ""],
  dns: [", asking DNS", ""],
  connection: [", waiting for a connection", " to "],
  connecting: [", connecting", " to "],
  greeting: [", being greeted", " by "],
  tls: [", TLS", " with "],
  sending: [", sending", " to "],
  reply: [", all is sent, waiting for the reply", " of "],
};

function stageText({ stage, remote }: Staged): string {
  const [words, before] = STAGE_TEXTS[stage];
  return remote === "" || before === "" ? words : `${words}${before}${remote}`;
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
