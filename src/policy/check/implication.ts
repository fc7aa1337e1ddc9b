/**
 * Whether a criterion of a rule holds whenever a criterion of another does. "No" may
 * also mean that nobody can say: a rule is never called unreachable for a guess.
 *
 * What criteria ask is in policy/ruleset/ruleset-criteria.ts.
 */
import { unreachable } from "#base/unreachable.ts";
import type { Criterion, CriterionTest, ForTest, FromTest } from "#model/config/rule.ts";
import type { TableMatch } from "#model/config/table.ts";
import {
  areDisjoint,
  type CoverService,
  covers,
  isEveryAddress,
  isEveryDomain,
  type KeyList,
  keyListOf,
} from "./table-cover.ts";

/** What a criterion asks, in a form that can be compared. */
export interface Claim {
  readonly negated: boolean;
  readonly kind: CriterionTest["kind"];
  readonly about:
    | { readonly kind: "all" }
    /** A fact that has no list: `socket`, `tls`, a reverse name or a login at all. */
    | { readonly kind: "fact"; readonly fact: "socket" | "tls" | "rdns" | "auth" }
    | {
        readonly kind: "list";
        readonly on: "src" | "rdns" | "auth" | "tls" | "text";
        readonly list: KeyList;
      };
  readonly service: CoverService;
}

/** What `local` stands for in a configuration. */
export interface LocalLists {
  readonly addresses: KeyList;
  readonly names: KeyList;
}

export function claimOf({ negated, test }: Criterion, local: LocalLists): Claim {
  const { kind } = test;
  return { negated, kind, about: aboutOf(test, local), service: SERVICES[kind] };
}

/** Of `from rdns` it is "domain", as of `for` and `helo`. */
const SERVICES: Readonly<Record<CriterionTest["kind"], CoverService>> = {
  tag: "string",
  from: "netaddr",
  for: "domain",
  helo: "domain",
  // Its names are compared in one way or another: only equal entries cover each other.
  auth: "string",
  tls: "string",
  "mail-from": "mailaddr",
  "rcpt-to": "mailaddr",
};

function aboutOf(test: CriterionTest, local: LocalLists): Claim["about"] {
  switch (test.kind) {
    case "from":
      return aboutFrom(test.from, local);
    case "for":
      return aboutFor(test.to, local);
    case "tls":
      return factOrList("tls", test.match);
    case "auth":
      return factOrList("auth", test.match);
    case "tag":
    case "helo":
    case "mail-from":
    case "rcpt-to":
      return { kind: "list", on: "text", list: keyListOf(test.match) };
    default:
      return unreachable(test);
  }
}

function aboutFrom(from: FromTest, local: LocalLists): Claim["about"] {
  switch (from.kind) {
    case "any":
      return { kind: "all" };
    case "socket":
      return { kind: "fact", fact: "socket" };
    case "local":
      return { kind: "list", on: "src", list: local.addresses };
    case "src":
      return listOrAll("src", keyListOf(from.match), isEveryAddress);
    case "rdns":
      return factOrList("rdns", from.match);
    default:
      return unreachable(from);
  }
}

function aboutFor(to: ForTest, local: LocalLists): Claim["about"] {
  switch (to.kind) {
    case "any":
      return { kind: "all" };
    case "local":
      return { kind: "list", on: "text", list: local.names };
    case "domain":
      return listOrAll("text", keyListOf(to.match), isEveryDomain);
    default:
      return unreachable(to);
  }
}

function listOrAll(
  on: "src" | "text",
  list: KeyList,
  isEvery: (list: KeyList) => boolean,
): Claim["about"] {
  return isEvery(list) ? { kind: "all" } : { kind: "list", on, list };
}

function factOrList(fact: "rdns" | "auth" | "tls", match: TableMatch | undefined): Claim["about"] {
  if (match === undefined) return { kind: "fact", fact };
  return { kind: "list", on: fact, list: keyListOf(match) };
}

/** Whether the claim holds for every message. */
export function alwaysHolds({ negated, about }: Claim): boolean {
  return !negated && about.kind === "all";
}

/** Whether the claim holds for no message. */
export function neverHolds({ negated, about }: Claim): boolean {
  return negated && about.kind === "all";
}

/** Whether `then` holds whenever `given` does. */
export function implies(given: Claim, then: Claim, delimiter: string): boolean {
  if (alwaysHolds(then)) return true;
  if (given.kind !== then.kind) return false;
  if (given.negated && then.negated) return isWithin(then, given, delimiter);
  if (!given.negated && !then.negated) return isWithin(given, then, delimiter);
  return !given.negated && excludes(given, then, delimiter);
}

/** Whether what `narrow` asks, negation aside, is true only where what `wide` asks is. */
function isWithin(narrow: Claim, wide: Claim, delimiter: string): boolean {
  if (wide.about.kind === "all") return true;
  if (narrow.about.kind === "all") return false;
  if (wide.about.kind === "fact") return factOf(narrow) === wide.about.fact;
  // A socket has the address `local`, and that alone.
  if (narrow.about.kind === "fact")
    return (
      narrow.about.fact === "socket" &&
      wide.about.on === "src" &&
      !wide.about.list.regex &&
      wide.about.list.entries?.has("local") === true
    );
  if (narrow.about.on !== wide.about.on) return false;
  return covers(wide.about.list, narrow.about.list, serviceOf(narrow), delimiter);
}

/** What is true of every message that the claim is about, negation aside. */
function factOf({ about }: Claim): string | undefined {
  if (about.kind === "fact") return about.fact;
  return about.kind === "list" ? about.on : undefined;
}

/** Whether no message is what both ask, negation aside. */
function excludes(left: Claim, right: Claim, delimiter: string): boolean {
  if (left.about.kind === "list" && right.about.kind === "list")
    return (
      left.about.on === right.about.on &&
      left.about.on !== "auth" &&
      areDisjoint(left.about.list, right.about.list, serviceOf(left), delimiter)
    );
  // A socket has no reverse name.
  const facts = [factOf(left), factOf(right)];
  return facts.includes("socket") && facts.includes("rdns");
}

function serviceOf({ about, service }: Claim): CoverService {
  return about.kind === "list" && about.on === "rdns" ? "domain" : service;
}
