/**
 * Whether an envelope is one that a filter means.
 *
 * Addresses, domains and names are compared in lower case; a `*` stands for any run of
 * characters, in time bounded by the product of both lengths, whatever they hold.
 */
import { unreachable } from "#base/unreachable.ts";
import type { AddressPattern, QueueFilter } from "#model/queue-filter.ts";
import { domainOf, splitAddress } from "#protocols/mail/address.ts";
import { matchesGlob } from "#policy/tables/glob.ts";
import { reasonName } from "#engine/scheduler/wait-reason.ts";
import { type QueuedEnvelope, stateOf } from "./show.ts";

export interface EnvelopeFilter {
  /** False: no envelope to this domain, in lower case, is meant. Cheap, for walks that can pass over many. */
  mayGoTo(domain: string): boolean;
  /** The domains that are meant, in lower case; undefined: all, or what a pattern means. */
  readonly domains: readonly string[] | undefined;
  matches(queued: QueuedEnvelope, nowMs: number): boolean;
}

type Condition = (queued: QueuedEnvelope, nowMs: number) => boolean;
type TextTest = (text: string) => boolean;

export function compileFilter(filter: QueueFilter): EnvelopeFilter {
  const domain = anyOf(filter.domains.map(domainTest));
  const conditions = conditionsOf(filter);
  return {
    domains: plainNames(filter.domains),
    mayGoTo: (name) => domain === undefined || domain(name),
    matches: (queued, nowMs) =>
      (domain === undefined || domain(domainOf(queued.envelope.destination))) &&
      conditions.every((holds) => holds(queued, nowMs)),
  };
}

/** The cheap ones first. */
function conditionsOf(filter: QueueFilter): readonly Condition[] {
  const { state, olderThanMs, newerThanMs } = filter;
  const conditions: Condition[] = [];
  if (olderThanMs !== undefined)
    conditions.push((queued, nowMs) => ageMs(queued, nowMs) > olderThanMs);
  if (newerThanMs !== undefined)
    conditions.push((queued, nowMs) => ageMs(queued, nowMs) < newerThanMs);
  if (state !== undefined) conditions.push(({ reason }) => stateOf(reason) === state);
  const texts: readonly (readonly [TextTest | undefined, (queued: QueuedEnvelope) => string])[] = [
    [anyOf(filter.actions.map(glob)), ({ envelope }) => envelope.action],
    [anyOf(filter.routes.map(glob)), ({ route }) => route],
    [anyOf(filter.reasons.map(glob)), ({ reason }) => reasonName(reason)],
    [anyOf(filter.from.map(addressTest)), ({ message }) => message.reversePath],
    [anyOf(filter.errors.map(glob)), ({ lastError }) => lastError],
  ];
  for (const [test, textOf] of texts)
    if (test !== undefined) conditions.push((queued) => test(textOf(queued).toLowerCase()));
  const to = anyOf(filter.to.map(addressTest));
  if (to !== undefined)
    conditions.push(
      ({ envelope: { forwardPath, destination } }) =>
        to(forwardPath.toLowerCase()) ||
        (destination !== forwardPath && to(destination.toLowerCase())),
    );
  return conditions;
}

function ageMs({ message }: QueuedEnvelope, nowMs: number): number {
  return nowMs - message.acceptedAtMs;
}

function addressTest(pattern: AddressPattern): TextTest {
  switch (pattern.kind) {
    case "null":
      return (address) => address === "";
    case "domain": {
      const test = domainTest(pattern.domain);
      return (address) => test(splitAddress(address).domain);
    }
    case "local-part": {
      const test = glob(pattern.localPart);
      return (address) => test(splitAddress(address).localPart);
    }
    case "address":
      return glob(pattern.address);
    default:
      return unreachable(pattern);
  }
}

/** No name is not a domain that `*` means. */
function domainTest(pattern: string): TextTest {
  const test = glob(pattern);
  return (name) => name !== "" && test(name);
}

/** Undefined if there are none, or patterns among them. */
function plainNames(patterns: readonly string[]): readonly string[] | undefined {
  const isPlain = patterns.length > 0 && !patterns.some((pattern) => pattern.includes("*"));
  return isPlain ? patterns.map((pattern) => pattern.toLowerCase()) : undefined;
}

/** Undefined if there is nothing to hold. */
function anyOf(tests: readonly TextTest[]): TextTest | undefined {
  const [first] = tests;
  if (first === undefined || tests.length === 1) return first;
  return (text) => tests.some((test) => test(text));
}

function glob(pattern: string): TextTest {
  const folded = pattern.toLowerCase();
  if (!folded.includes("*")) return (text) => text === folded;
  return (text) => matchesGlob(folded, text);
}
