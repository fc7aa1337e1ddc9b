/**
 * What smtpctl(8) asks, and the answers: between smtpctl and the control process,
 * and from there, with a number, to the queue or the parent.
 */
import {
  bool,
  bytes,
  type Codec,
  type Fields,
  list,
  oneOf,
  optional,
  struct,
  text,
  u32,
  u53,
  union,
  type Variants,
} from "#base/codec.ts";
import type { OutlineItem } from "#model/config/outline.ts";
import { MAX_NAME_BYTES } from "#model/envelope.ts";
import { type Grouping, GROUPINGS } from "#model/queue-grouping.ts";
import { type QueueFilter, queueFilterCodec } from "#model/queue-filter.ts";
import {
  type TraceSince,
  traceSinceCodec,
  type TraceSubject,
  traceSubjectCodec,
} from "#model/trace.ts";
import type { ExplainFault, Explanation, ExplainQuestion } from "#model/explanation.ts";
import {
  type RelayBlock,
  relayBlockCodec,
  type RelayQuestion,
  relayQuestionCodec,
} from "#model/relay-report.ts";
import { explainAnswerCodec, explainQuestionCodec } from "./explain-link.ts";
import { outlineItemCodec } from "./outline-link.ts";

/** Bound of one line, one JSON text or one piece of a message in an answer. */
export const MAX_ANSWER_BYTES: number = 256 * 1024;

/** Envelopes: everything, or an evpid (16 hex digits) or msgid (8), or what a filter means. */
export type Target =
  | { readonly kind: "all" }
  | { readonly kind: "id"; readonly id: string }
  /** `within`: of one message, or one envelope. `limit`: no more than so many. */
  | {
      readonly kind: "matching";
      readonly filter: QueueFilter;
      readonly within: string | undefined;
      readonly limit: number | undefined;
    };

/** How rows are wanted, where there may be a million of them: as text, or as JSON. */
export type Form = (typeof FORMS)[number];
const FORMS = ["text", "json"] as const;

export type Subsystem = "mta" | "mda" | "smtp";

/** More envelopes than these are changed only if the operator is sure. */
export const MAX_UNSURE = 50;

/** What is changed is what is meant when it is carried out, and is counted then. */
interface Order {
  readonly target: Target;
  /** False: where more than MAX_UNSURE are meant, nothing is changed, and the answer says so. */
  readonly isSure: boolean;
}

export type ControlRequest =
  | { readonly kind: "show-queue"; readonly target: Target; readonly form: Form }
  /** How many there are: all together, or by what they have in common. */
  | {
      readonly kind: "show-counts";
      readonly target: Target;
      readonly by: Grouping | undefined;
      /** Groups to show; all if undefined. */
      readonly groups: number | undefined;
    }
  | { readonly kind: "show-envelope"; readonly evpid: string }
  | { readonly kind: "show-message"; readonly id: string }
  /** What happened to messages, those that are gone too. */
  | { readonly kind: "show-trace"; readonly subject: TraceSubject; readonly since: TraceSince }
  | { readonly kind: "show-status" }
  | { readonly kind: "show-stats" }
  | { readonly kind: "show-relaying"; readonly question: RelayQuestion }
  /** By its number in what `show-relaying` shows. */
  | { readonly kind: "resume-route"; readonly route: number }
  | { readonly kind: "show-blocks" }
  | { readonly kind: "block"; readonly block: RelayBlock; readonly isBlocked: boolean }
  | (Order & { readonly kind: "schedule" })
  | (Order & { readonly kind: "remove" })
  | (Order & { readonly kind: "pause-envelope"; readonly paused: boolean })
  | { readonly kind: "pause"; readonly subsystem: Subsystem; readonly paused: boolean }
  | { readonly kind: "log"; readonly verbose: boolean }
  | { readonly kind: "stop" }
  | { readonly kind: "reload" }
  | { readonly kind: "update-table"; readonly name: string }
  | { readonly kind: "explain"; readonly question: ExplainQuestion }
  | { readonly kind: "send-tls-reports" }
  | { readonly kind: "outline" };

const VIEWS = ["show-queue", "show-counts", "show-envelope", "show-message", "show-trace"] as const;
const ORDERS = ["schedule", "remove", "pause-envelope"] as const;
/** What is asked of the dispatchers. */
const VIA_QUEUE = ["show-relaying", "resume-route"] as const;
const FOR_PARENT = [
  "log",
  "stop",
  "reload",
  "update-table",
  "explain",
  "outline",
  "show-blocks",
  "block",
  "send-tls-reports",
] as const;

type Of<Kind extends ControlRequest["kind"]> = Extract<ControlRequest, { readonly kind: Kind }>;

/** What changes nothing, and can be answered from a spool as well as by a running queue. */
export type ViewRequest = Of<(typeof VIEWS)[number]>;
/** What changes envelopes. */
export type OrderRequest = Of<(typeof ORDERS)[number]>;
/** What only the queue can answer, or ask its dispatchers. */
export type QueueRequest = ViewRequest | OrderRequest | Of<(typeof VIA_QUEUE)[number]>;
/** What only the parent can answer. */
export type ParentRequest = Of<(typeof FOR_PARENT)[number]>;

export function isView(request: ControlRequest): request is ViewRequest {
  return VIEWS.some((kind) => kind === request.kind);
}

export function isOrder(request: ControlRequest): request is OrderRequest {
  return ORDERS.some((kind) => kind === request.kind);
}

export function isForQueue(request: ControlRequest): request is QueueRequest {
  return isView(request) || isOrder(request) || VIA_QUEUE.some((kind) => kind === request.kind);
}

export function isForParent(request: ControlRequest): request is ParentRequest {
  return FOR_PARENT.some((kind) => kind === request.kind);
}

/** Any number of the others, then one `done`. */
export type ControlAnswer =
  /** One thing shown: as OpenSMTPD prints it, and as JSON; "" where it is not wanted. */
  | { readonly kind: "row"; readonly line: string; readonly json: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "explained"; readonly answer: Explanation | ExplainFault }
  /** A part of the running configuration. */
  | { readonly kind: "outlined"; readonly item: OutlineItem }
  /** Nothing was changed: so many are meant. Rows before it are some of them. */
  | { readonly kind: "unsure"; readonly count: number }
  | { readonly kind: "done"; readonly ok: boolean; readonly text: string; readonly count: number };

/** The end of the answers to what was done, to `count` envelopes. */
export function done(count = 0): ControlAnswer {
  return { kind: "done", ok: true, text: "", count };
}

/** The end of the answers to what could not be done. */
export function failed(why: string): ControlAnswer {
  return { kind: "done", ok: false, text: why, count: 0 };
}

export interface NumberedRequest {
  readonly id: number;
  readonly request: ControlRequest;
}

export interface NumberedAnswer {
  readonly id: number;
  readonly answer: ControlAnswer;
}

/**
 * The queue's answers may be many: it stops after a page with "paused" and goes on
 * at "more". "cancel": nobody wants the rest.
 */
export type FlowRequest = { readonly kind: "more" } | { readonly kind: "cancel" };
export type Paused = { readonly kind: "paused" };

/** What the control process sends to the queue. `id` of a FlowRequest is that of the request it is about. */
export interface PagedRequest {
  readonly id: number;
  readonly request: ControlRequest | FlowRequest;
}

/** What the queue answers. */
export interface PagedAnswer {
  readonly id: number;
  readonly answer: ControlAnswer | Paused;
}

const targetCodec: Codec<Target> = union<Target>({
  all: [1, {}],
  id: [2, { id: text(MAX_NAME_BYTES) }],
  matching: [
    3,
    { filter: queueFilterCodec, within: optional(text(MAX_NAME_BYTES)), limit: optional(u32) },
  ],
});

const SUBSYSTEMS: readonly Subsystem[] = ["mta", "mda", "smtp"];
const subsystemCodec: Codec<Subsystem> = oneOf(SUBSYSTEMS);
export const subsystemsCodec: Codec<readonly Subsystem[]> = list(subsystemCodec, SUBSYSTEMS.length);

const orderFields: Fields<Order> = { target: targetCodec, isSure: bool };

const requestVariants: Variants<ControlRequest> = {
  "show-queue": [1, { target: targetCodec, form: oneOf(FORMS) }],
  "show-envelope": [2, { evpid: text(MAX_NAME_BYTES) }],
  "show-message": [3, { id: text(MAX_NAME_BYTES) }],
  "show-status": [4, {}],
  "show-stats": [5, {}],
  schedule: [6, orderFields],
  remove: [7, orderFields],
  "pause-envelope": [8, { ...orderFields, paused: bool }],
  pause: [9, { subsystem: subsystemCodec, paused: bool }],
  log: [10, { verbose: bool }],
  stop: [11, {}],
  reload: [12, {}],
  "update-table": [13, { name: text(MAX_NAME_BYTES) }],
  explain: [14, { question: explainQuestionCodec }],
  outline: [15, {}],
  "send-tls-reports": [48, {}],
  "show-counts": [
    16,
    { target: targetCodec, by: optional(oneOf(GROUPINGS)), groups: optional(u32) },
  ],
  "show-relaying": [18, { question: relayQuestionCodec }],
  "resume-route": [19, { route: u53 }],
  "show-blocks": [20, {}],
  block: [21, { block: relayBlockCodec, isBlocked: bool }],
  "show-trace": [17, { subject: traceSubjectCodec, since: traceSinceCodec }],
};

export const controlRequestCodec: Codec<ControlRequest> = union<ControlRequest>(requestVariants);

const answerVariants: Variants<ControlAnswer> = {
  row: [1, { line: text(MAX_ANSWER_BYTES), json: text(MAX_ANSWER_BYTES) }],
  bytes: [2, { bytes: bytes(MAX_ANSWER_BYTES) }],
  done: [3, { ok: bool, text: text(MAX_ANSWER_BYTES), count: u32 }],
  explained: [4, { answer: explainAnswerCodec }],
  outlined: [5, { item: outlineItemCodec }],
  unsure: [6, { count: u32 }],
};

export const controlAnswerCodec: Codec<ControlAnswer> = union<ControlAnswer>(answerVariants);

export const numberedRequestCodec: Codec<NumberedRequest> = struct<NumberedRequest>({
  id: u32,
  request: controlRequestCodec,
});

export const numberedAnswerCodec: Codec<NumberedAnswer> = struct<NumberedAnswer>({
  id: u32,
  answer: controlAnswerCodec,
});

export const pagedRequestCodec: Codec<PagedRequest> = struct<PagedRequest>({
  id: u32,
  request: union<ControlRequest | FlowRequest>({
    ...requestVariants,
    more: [32, {}],
    cancel: [33, {}],
  }),
});

export const pagedAnswerCodec: Codec<PagedAnswer> = struct<PagedAnswer>({
  id: u32,
  answer: union<ControlAnswer | Paused>({ ...answerVariants, paused: [32, {}] }),
});
