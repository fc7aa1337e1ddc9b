/**
 * What the world knows this server by: its names and its addresses, and the domains whose mail
 * it takes from anybody.
 */
import { parseIpAddress } from "#base/ip-address.ts";
import { isPrivate } from "#base/public-address.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import type { Config } from "#model/config/config.ts";
import type { Rule } from "#model/config/rule.ts";
import type { TableMatch } from "#model/config/table.ts";

/** Domains that are looked at: each costs ten questions to the DNS. */
export const MAX_CHECKED_DOMAINS = 20;
/** Addresses that are looked at. */
const MAX_ADDRESSES = 8;

/** @param own all addresses of the machine. */
export function publicAddresses(own: readonly string[]): readonly string[] {
  return own.filter(isSeen).slice(0, MAX_ADDRESSES);
}

function isSeen(text: string): boolean {
  const address = parseIpAddress(text);
  return address !== undefined && !isPrivate(address);
}

/** A name that the world can look up. */
function isWorldName(name: string): boolean {
  return isHostName(name) && /\.[a-z][a-z0-9-]*$/iu.test(name) && !/\.localdomain$/iu.test(name);
}

export interface ServedDomains {
  readonly domains: readonly string[];
  /** Why there may be more, each in a line. */
  readonly leftOut: readonly string[];
}

/** By the rules whose action delivers here. */
export function servedDomains({ rules, serverName }: Config): ServedDomains {
  const named = rules.filter(isForOthers).flatMap((rule) => domainsOf(rule, serverName));
  const all = new Set(named.flatMap(({ domains }) => domains));
  const leftOut = new Set(named.flatMap(({ unknown }) => unknown));
  if (all.size > MAX_CHECKED_DOMAINS)
    leftOut.add(`${all.size} domains are served, and ${MAX_CHECKED_DOMAINS} are looked at`);
  return { domains: [...all].slice(0, MAX_CHECKED_DOMAINS), leftOut: [...leftOut] };
}

interface NamedDomains {
  readonly domains: readonly string[];
  /** What nobody can say of the others. */
  readonly unknown: readonly string[];
}

function domainsOf({ criteria }: Rule, serverName: string): readonly NamedDomains[] {
  return criteria.flatMap(({ negated, test }) => {
    if (test.kind !== "for" || negated) return [];
    if (test.to.kind === "domain") return [domainsIn(test.to.match)];
    const own = test.to.kind === "local" ? [serverName].filter(isWorldName) : [];
    return [{ domains: own, unknown: [] }];
  });
}

function domainsIn({ table, regex }: TableMatch): NamedDomains {
  const { kind } = table.source;
  const isHidden = regex || kind === "db" || kind === "program";
  const keys = regex ? [] : [...table.entries.keys()];
  return {
    domains: keys.filter(isWorldName).map((key) => key.toLowerCase()),
    unknown: isHidden ? [`nobody can say which domains table <${table.name}> has`] : [],
  };
}

function isForOthers(rule: Rule): boolean {
  return rule.action !== "reject" && rule.action.kind !== "relay" && !isForOwn(rule);
}

/** Whether the rule is for mail of this machine alone. */
function isForOwn({ criteria }: Rule): boolean {
  return criteria.some(
    ({ negated, test }) =>
      test.kind === "from" &&
      !negated &&
      (test.from.kind === "local" || test.from.kind === "socket"),
  );
}

/** The names by which it greets, in lower case. */
export function ownNames({ serverName, listeners }: Config): readonly string[] {
  const names = [serverName, ...listeners.map(({ hostname }) => hostname)];
  return [...new Set(names.map((name) => name.toLowerCase()))].filter(isWorldName);
}
