/**
 * A route: the envelopes that share a way out, and so its limits. Envelopes that
 * are due stand in line here, grouped by message, so that one attempt carries
 * every recipient of a message that goes the same way.
 *
 * Which route: relay by MX, the action and the destination's domain; `relay host`
 * and lmtp, the action; what agents deliver, the action and the user.
 */
import { unreachable } from "#base/unreachable.ts";
import { domainOf } from "#protocols/mail/address.ts";
import type { Action, RelayHost } from "#model/config/action.ts";
import type { Gate } from "./gate.ts";
import type { TaskLimits } from "./limits.ts";
import type { EnvelopeRecord, MessageRecord, Plan } from "./record.ts";
import { type TakesTurns, type TurnLine, Turns } from "./turns.ts";
import type { DeliverySubsystem } from "./wait-reason.ts";

/** Envelopes in one attempt; the rest of a larger message goes in further attempts. */
const MAX_TASK_ENVELOPES = 1000;

export interface RouteKey {
  readonly name: string;
  readonly subsystem: DeliverySubsystem;
  /** The user whose limit counts; undefined for relay and lmtp. */
  readonly user: string | undefined;
  /**
   * What one attempt takes of a delivery session: all of it, or one place, as a Maildir's
   * deliveries are done by one process that is there already, and share its syncs.
   */
  readonly session: "whole" | "place";
  /** The domain, or the one relay host, whose limit counts; undefined for others. */
  readonly domain: string | undefined;
}

/** Undefined if `action` is not one that can carry out the plan. */
export function routeKeyOf(
  plan: Plan,
  destination: string,
  action: Action | undefined,
): RouteKey | undefined {
  if (action === undefined) return undefined;
  const { transport } = plan;
  switch (action.kind) {
    case "relay": {
      if (transport.kind !== "mta") return undefined;
      const domain = domainOf(destination);
      if (action.to.kind !== "hosts") {
        const name = `relay ${action.name} ${domain}`;
        return { name, subsystem: "mta", user: undefined, session: "whole", domain };
      }
      const host = onlyHost(action.to.hosts);
      const name = `relay ${action.name}`;
      return { name, subsystem: "mta", user: undefined, session: "whole", domain: host };
    }
    case "lmtp":
      if (transport.kind !== "mda") return undefined;
      // A command or file of a list is no business of that server's.
      if (transport.listed !== undefined) return routeOfUser(action, transport.user, "whole");
      return {
        name: `lmtp ${action.name}`,
        subsystem: "mda",
        user: undefined,
        session: "whole",
        domain: undefined,
      };
    case "maildir":
      return transport.kind === "mda" ? maildirRoute(action, transport) : undefined;
    case "mbox":
    case "mda":
      return transport.kind === "mda" ? routeOfUser(action, transport.user, "whole") : undefined;
    case "forward-only":
    case "expand-only":
      // They make envelopes of other actions alone.
      return undefined;
    default:
      return unreachable(action);
  }
}

function routeOfUser({ kind, name }: Action, user: string, session: RouteKey["session"]): RouteKey {
  return { name: `${kind} ${name} ${user}`, subsystem: "mda", user, session, domain: undefined };
}

/** A command or file of a list is no part of what a Maildir's session does. */
function maildirRoute(
  action: Action,
  { user, listed }: Plan["transport"] & { readonly kind: "mda" },
): RouteKey {
  if (listed === undefined) return routeOfUser(action, user, "place");
  const key = routeOfUser(action, user, "whole");
  return { ...key, name: `${key.name} listed` };
}

type Place = "idle" | "round" | Gate;

/** How many envelopes are due: in all, asleep, and waiting for nothing but their turn. */
export interface DueCount {
  all: number;
  asleep: number;
  turn: number;
}

export interface RouteParts {
  /** What has to have room for an attempt, in the order in which it is asked. */
  readonly gates: readonly Gate[];
  readonly limits: TaskLimits;
  readonly due: DueCount;
}

/** Several hosts are no one place whose limit could count. */
function onlyHost(hosts: readonly RelayHost[]): string | undefined {
  const [host] = hosts;
  if (host === undefined || hosts.length > 1) return undefined;
  return host.endpoint.kind === "tcp" ? host.endpoint.host.toLowerCase() : undefined;
}

/** Due envelopes of one message; entries that left the line meanwhile are skipped when taken. */
interface Group extends TakesTurns<Group> {
  readonly message: MessageRecord;
  readonly records: EnvelopeRecord[];
  from: number;
}

export class Route implements TakesTurns<Route> {
  line: TurnLine<Route> | undefined = undefined;
  before: Route | undefined = undefined;
  after: Route | undefined = undefined;
  readonly key: RouteKey;
  /** What has to have room for an attempt, in the order in which it is asked. */
  readonly gates: readonly Gate[];
  /** How much of it is at hand. */
  limits: TaskLimits;
  /** Envelopes in the queue that go this way. */
  envelopes = 0;
  /** Envelopes with a carrier, or whose results are being recorded. */
  underWay = 0;
  /** The name of what its envelopes in line last waited for (wait-reason.ts). */
  waitsFor = "turn";
  /** The configuration, counted by the route table, that is known to have this route. */
  generation = 0;
  readonly #turns = new Turns<Group>();
  readonly #groups = new Map<MessageRecord, Group>();
  /** How many of its subsystem are due. */
  readonly #due: DueCount;
  #place: Place = "idle";
  #asleep = 0;
  #ready = 0;

  constructor(key: RouteKey, { gates, limits, due }: RouteParts) {
    this.key = key;
    this.gates = gates;
    this.limits = limits;
    this.#due = due;
  }

  /** Where the route stands: nowhere, in the round of routes, or in line at a gate. */
  get place(): Place {
    return this.#place;
  }

  /** All that is due on it waits for the same as it does. */
  set place(place: Place) {
    const due = this.#ready + this.#asleep;
    this.#count(-due);
    this.#place = place;
    this.#count(due);
  }

  /** Envelopes that are due on it and asleep: they come when those in line have gone. */
  get asleep(): number {
    return this.#asleep;
  }

  set asleep(envelopes: number) {
    const change = envelopes - this.#asleep;
    this.#count(change);
    this.#due.asleep += change;
    this.#asleep = envelopes;
  }

  /** Envelopes that are due, awake and not under way. */
  get ready(): number {
    return this.#ready;
  }

  /** The highest level of a message that is due on it. */
  get level(): number {
    return this.#turns.level;
  }

  push(record: EnvelopeRecord): void {
    this.#ready++;
    this.#count(1);
    const group = this.#groups.get(record.owner);
    if (group !== undefined) {
      group.records.push(record);
      return;
    }
    const started: Group = {
      line: undefined,
      before: undefined,
      after: undefined,
      message: record.owner,
      records: [record],
      from: 0,
    };
    this.#groups.set(record.owner, started);
    this.#turns.push(started, record.owner.level);
  }

  /** Counts out an envelope that left the line; its `state` must not be "ready" any more. */
  leave(): void {
    this.#ready--;
    this.#count(-1);
    if (this.#ready === 0) {
      this.#turns.clear();
      this.#groups.clear();
    }
  }

  /** Envelopes of the message whose turn it is, made "inflight"; never empty while `ready` > 0. */
  take(): readonly EnvelopeRecord[] {
    const taken: EnvelopeRecord[] = [];
    while (taken.length === 0 && this.#ready > 0) {
      const group = this.#turns.shift();
      if (group === undefined) throw new RangeError("Cannot take: line and count differ");
      this.#fill(taken, group);
    }
    return taken;
  }

  #fill(taken: EnvelopeRecord[], group: Group): void {
    for (;;) {
      const record = group.records[group.from];
      if (record === undefined || taken.length === MAX_TASK_ENVELOPES) break;
      group.from++;
      // It may be in line again, on the route that a new configuration has given it.
      if (record.state !== "ready" || record.route !== this) continue;
      record.state = "inflight";
      taken.push(record);
    }
    // To the end of the line, so that a message to very many does not hold up the others.
    if (group.from < group.records.length) this.#turns.push(group, group.message.level);
    else this.#groups.delete(group.message);
    this.#ready -= taken.length;
    this.#count(-taken.length);
    if (this.#ready === 0) {
      this.#turns.clear();
      this.#groups.clear();
    }
  }

  #count(change: number): void {
    this.#due.all += change;
    if (typeof this.#place === "string") this.#due.turn += change;
    else this.#place.count.envelopes += change;
  }
}
