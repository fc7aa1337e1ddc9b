/**
 * How many envelopes have something in common, and how old they are: what qshape(1) of
 * Postfix tells of a queue.
 *
 * The groups that are kept apart are bounded: those that are seen first. What comes under
 * a name beyond that is counted together.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Grouping } from "#model/queue-grouping.ts";
import { domainOf } from "#protocols/mail/address.ts";
import { reasonName } from "#engine/scheduler/wait-reason.ts";
import { addressField, type QueuedEnvelope, visibleField } from "./show.ts";

/** Names that are kept apart. */
export const MAX_GROUPS = 10_000;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The ages that are counted apart: younger than this, and older than all. */
const AGES: readonly (readonly [name: string, belowMs: number])[] = [
  ["5m", 5 * MINUTE_MS],
  ["1h", HOUR_MS],
  ["6h", 6 * HOUR_MS],
  ["1d", 24 * HOUR_MS],
];

const COLUMN = 10;
/** No name has a blank at its begin, and so is not this one. */
const OTHERS = " others";

/** How a row is shown: as text, and as JSON; "" where it is nothing. */
export interface TallyRow {
  readonly line: string;
  readonly json: string;
}

interface Group {
  readonly name: string;
  total: number;
  /** As in AGES, then the rest. */
  readonly byAge: number[];
  oldestAtMs: number;
}

export class Tally {
  readonly #by: Grouping;
  readonly #groups = new Map<string, Group>();
  readonly #all: Group = emptyGroup("TOTAL");

  constructor(by: Grouping) {
    this.#by = by;
  }

  add(queued: QueuedEnvelope, nowMs: number): void {
    const ageMs = nowMs - queued.message.acceptedAtMs;
    const older = AGES.findIndex(([, belowMs]) => ageMs < belowMs);
    const column = older < 0 ? AGES.length : older;
    for (const group of [this.#all, this.#group(nameOf(this.#by, queued))]) {
      group.total++;
      group.byAge[column] = (group.byAge[column] ?? 0) + 1;
      group.oldestAtMs = Math.min(group.oldestAtMs, queued.message.acceptedAtMs);
    }
  }

  /** The largest groups first, `limit` of them. */
  *rows(limit: number = MAX_GROUPS): Generator<TallyRow> {
    if (this.#all.total === 0) return;
    const ages = [...AGES.map(([name]) => `<${name}`), "older"];
    yield { line: columns(["total", ...ages], this.#by), json: "" };
    yield { line: formatGroup(this.#all, "TOTAL"), json: "" };
    const groups = [...this.#groups.values()].toSorted(
      (a, b) => b.total - a.total || (a.name < b.name ? -1 : 1),
    );
    for (const group of groups.slice(0, limit)) {
      const isOthers = group.name === OTHERS;
      const line = formatGroup(group, isOthers ? "(others)" : shownName(this.#by, group.name));
      const name = isOthers ? null : group.name;
      yield { line, json: JSON.stringify({ by: this.#by, name, ...figures(group) }) };
    }
  }

  #group(name: string): Group {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    if (this.#groups.size >= MAX_GROUPS - 1 && name !== OTHERS) return this.#group(OTHERS);
    const group = emptyGroup(name);
    this.#groups.set(name, group);
    return group;
  }
}

function emptyGroup(name: string): Group {
  return {
    name,
    total: 0,
    byAge: Array.from({ length: AGES.length + 1 }, () => 0),
    oldestAtMs: Number.POSITIVE_INFINITY,
  };
}

function nameOf(by: Grouping, { message, envelope, reason, route, lastError }: QueuedEnvelope) {
  switch (by) {
    case "domain":
      return domainOf(envelope.destination);
    case "from":
      return message.reversePath;
    case "to":
      return envelope.destination;
    case "reason":
      return reasonName(reason);
    case "error":
      return lastError;
    case "route":
      return route;
    case "action":
      return envelope.action;
    default:
      return unreachable(by);
  }
}

/** A name that is empty is the null sender, or nothing. */
function shownName(by: Grouping, name: string): string {
  if (by === "from" || by === "to") return addressField(name);
  return name === "" ? "-" : visibleField(name);
}

function figures({ total, byAge, oldestAtMs }: Group): object {
  const ages = AGES.map(([name], at) => [`under${name}`, byAge[at]] as const);
  return {
    envelopes: total,
    ages: { ...Object.fromEntries(ages), older: byAge[AGES.length] },
    oldestAtMs,
  };
}

function formatGroup({ total, byAge }: Group, name: string): string {
  return columns([total, ...byAge].map(String), name);
}

/** Numbers to the right, then the name: whatever it holds, the columns before it stay. */
function columns(numbers: readonly string[], name: string): string {
  return `${numbers.map((number) => number.padStart(COLUMN)).join("")}  ${name}`;
}
