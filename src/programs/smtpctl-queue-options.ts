/**
 * The options that say which envelopes of the queue a command of smtpctl(8) means, and
 * how many may be shown or changed.
 *
 * An age has its direction in front, `>1h` or `<5m`. A shell that is not told to leave the
 * sign alone takes it away with the duration, and then the option lacks its value: that is
 * an error, never another selection.
 */
import { parseDelay } from "#model/config/delay.ts";
import type { Target } from "#model/ipc/control-link.ts";
import type { TraceSince } from "#model/trace.ts";
import {
  type AddressPattern,
  MAX_PATTERN_BYTES,
  MAX_PATTERNS,
  NO_FILTER,
  QUEUE_STATES,
  type QueueFilter,
  type QueueState,
} from "#model/queue-filter.ts";
import { type Grouping, GROUPINGS } from "#model/queue-grouping.ts";
import type { WaitReason } from "#engine/scheduler/wait-reason.ts";
import type { Takes } from "./smtpctl-commands.ts";
import { type CommandLine, type WrongArguments, wrong } from "./command-line.ts";

/**
 * What is read of the command line of `smtpctl`. `--state` is the folder of the daemon, as of
 * every program, or the state of an envelope: the words that are states are no folders.
 */
export const QUEUE_OPTIONS = {
  action: { type: "string", multiple: true },
  age: { type: "string", multiple: true },
  by: { type: "string" },
  count: { type: "boolean" },
  domain: { type: "string", multiple: true },
  error: { type: "string", multiple: true },
  f: { type: "string", short: "f" },
  from: { type: "string", multiple: true },
  limit: { type: "string" },
  reason: { type: "string", multiple: true },
  route: { type: "string", multiple: true },
  since: { type: "string" },
  state: { type: "string", multiple: true },
  to: { type: "string", multiple: true },
  yes: { type: "boolean", short: "y" },
} as const;

/** Those that are patterns. */
const PATTERN_NAMES = ["action", "domain", "error", "from", "reason", "route", "to"] as const;

const SELECTING: readonly string[] = [...PATTERN_NAMES, "age", "state", "limit"];

/** The options of each kind of command. */
const TAKEN: Readonly<Record<Takes, readonly string[]>> = {
  nothing: [],
  view: ["f"],
  "queue-view": [...SELECTING, "by", "count", "f"],
  order: [...SELECTING, "yes"],
  selection: [...SELECTING, "yes"],
  trace: ["f", "since"],
};

export type QueueOptionValues = CommandLine<typeof QUEUE_OPTIONS>["values"];

const MAX_LIMIT = 0xffff_ffff;

export interface QueueOptions {
  readonly kind: "queue-options";
  readonly filter: QueueFilter;
  readonly limit: number | undefined;
  /** What to show of the envelopes that are meant. */
  readonly view: "envelopes" | "count" | Grouping;
  readonly since: TraceSince;
  /** The operator knows that many may be changed. */
  readonly isSure: boolean;
}

export function readQueueOptions(values: QueueOptionValues): QueueOptions | WrongArguments {
  const filter = readFilter(values);
  if (typeof filter === "string") return wrong(filter);
  const view = readView(values);
  if (typeof view !== "string") return view;
  const limit = values.limit === undefined ? undefined : Number(values.limit);
  if (limit !== undefined && !(/^[1-9][0-9]*$/u.test(values.limit ?? "") && limit <= MAX_LIMIT))
    return wrong(`--limit wants a number: got ${values.limit}`);
  const since = readSince(values.since);
  if (typeof since === "string") return wrong(since);
  return { kind: "queue-options", filter, limit, view, since, isSure: values.yes === true };
}

/**
 * Reasons to wait that could be taken for states, with the pattern that means them. As folders they would have an order
 * without a selection, or ask a daemon that is not there.
 */
const REASON_PATTERNS: Readonly<Record<Exclude<WaitReason["kind"], QueueState>, string>> = {
  hold: "hold",
  limit: "'limit *'",
  "no-action": "'no-action *'",
  paused: "'paused *'",
  recording: "recording",
  retry: "retry",
  suspended: "suspended",
  turn: "turn",
};

/** The string says what is wrong. */
function readState(given: readonly string[]): Pick<QueueFilter, "state"> | string {
  for (const [word, pattern] of Object.entries(REASON_PATTERNS)) {
    if (given.includes(word))
      return `'${word}' is no state, but a reason: --reason ${pattern} (a folder of that name is ./${word})`;
  }
  const [state, ...more] = given.filter(isQueueState);
  return more.length > 0 ? "--state wants one state: got several" : { state };
}

/** The string says what is wrong. */
function readFilter(values: QueueOptionValues): QueueFilter | string {
  const tooMuch = excess(values);
  if (tooMuch !== undefined) return tooMuch;
  const { action = [], domain = [], error = [], from = [], reason = [], route = [] } = values;
  const { to = [], age = [] } = values;
  const ages = readAges(age);
  if (typeof ages === "string") return ages;
  const state = readState(values.state ?? []);
  if (typeof state === "string") return state;
  return {
    from: from.map(addressPattern),
    to: to.map(addressPattern),
    domains: domain.map((name) => name.replace(/^@/u, "")),
    routes: route,
    actions: action,
    reasons: reason,
    errors: error,
    ...state,
    ...ages,
  };
}

/** A word of `--state` that is a state, not a folder. */
export function isQueueState(word: string): word is QueueState {
  return QUEUE_STATES.some((state) => state === word);
}

/** By the names that they have in QUEUE_OPTIONS. */
export function takenOptions(takes: Takes): readonly string[] {
  return TAKEN[takes];
}

/** What is given but is not for a command that `takes` less, as it is written. */
export function excessOption(values: QueueOptionValues, takes: Takes): string | undefined {
  const found = Object.entries(values).find(
    ([name, value]) =>
      value !== undefined &&
      !TAKEN[takes].includes(name) &&
      (name !== "state" || values.state?.some(isQueueState) === true),
  );
  if (found === undefined) return undefined;
  const [name] = found;
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** The envelopes that are meant; `id` is a msgid or evpid. */
export function targetOf({ filter, limit }: QueueOptions, id: string | undefined): Target {
  if (isSelecting(filter) || limit !== undefined)
    return { kind: "matching", filter, within: id, limit };
  return id === undefined ? { kind: "all" } : { kind: "id", id };
}

/** Whether there is anything that an envelope could fail to have. */
export function isSelecting(filter: QueueFilter): boolean {
  return Object.entries(filter).some(([, value]) =>
    Array.isArray(value) ? value.length > 0 : value !== undefined,
  );
}

/** An empty text, `@` (as `show queue` writes it) and `<>` are the null sender. */
function addressPattern(given: string): AddressPattern {
  const address = given.startsWith("<") && given.endsWith(">") ? given.slice(1, -1) : given;
  if (address === "" || address === "@") return { kind: "null" };
  if (address.startsWith("@")) return { kind: "domain", domain: address.slice(1) };
  if (address.includes("@")) return { kind: "address", address };
  return { kind: "local-part", localPart: address };
}

/** The string says what is wrong. */
function readAges(
  given: readonly string[],
): Pick<QueueFilter, "olderThanMs" | "newerThanMs"> | string {
  let { olderThanMs, newerThanMs } = NO_FILTER;
  for (const age of given) {
    const ageMs = parseDelay(age.slice(1));
    if (ageMs === undefined || !/^[<>]/u.test(age))
      return `--age wants '>DURATION' or '<DURATION', such as '>1h': got ${age}`;
    if (age.startsWith(">")) olderThanMs = Math.max(ageMs, olderThanMs ?? 0);
    else newerThanMs = Math.min(ageMs, newerThanMs ?? ageMs);
  }
  return { olderThanMs, newerThanMs };
}

/** A date, with a time if that matters, of UTC. */
const DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?Z?)?$/u;

/** The string says what is wrong. */
function readSince(given: string | undefined): TraceSince | string {
  if (given === undefined) return { kind: "ever" };
  const agoMs = parseDelay(given);
  if (agoMs !== undefined) return { kind: "ago", agoMs };
  const text = given.includes("T") && !given.endsWith("Z") ? `${given}Z` : given;
  const atMs = DATE.test(given) ? Date.parse(text) : Number.NaN;
  if (atMs >= 0) return { kind: "at", atMs };
  return `--since wants a duration, such as 2h, or a date and time of UTC, such as 2026-11-25T08:00: got ${given}`;
}

function readView({ by, count }: QueueOptionValues): QueueOptions["view"] | WrongArguments {
  if (by === undefined) return count === true ? "count" : "envelopes";
  if (count === true) return wrong("--by counts: --count is too much");
  const grouping = GROUPINGS.find((each) => each === by);
  return grouping ?? wrong(`--by wants one of ${GROUPINGS.join(", ")}: got ${by}`);
}

/** Says what does not fit into a request. */
function excess(values: QueueOptionValues): string | undefined {
  for (const name of PATTERN_NAMES) {
    const given = values[name] ?? [];
    if (given.length > MAX_PATTERNS) return `--${name} is given more than ${MAX_PATTERNS} times`;
    if (given.some((each) => Buffer.byteLength(each) > MAX_PATTERN_BYTES))
      return `--${name} is too long`;
  }
  return undefined;
}
