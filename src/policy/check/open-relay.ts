/**
 * Whether strangers can send mail to strangers through this server: the rules themselves
 * are asked about such mail, as it would come to each listener, so whatever guards them
 * (an earlier rule, a tag, a list) has its say. Spammers find an open relay in hours, and
 * all its mail is refused everywhere soon after.
 *
 * Two cases are told apart: mail of anybody, and mail of whoever writes a sender or
 * greeting that a rule lets through, since both are the client's to choose.
 *
 * Not asked about: listeners that only this machine reaches, that want a login or a
 * certificate first, or whose own filters refuse clients; relays to LMTP servers or to
 * the hosts of a table, which get no mail for strangers. Remote tables count as a guard.
 */
import { formatEndpoint } from "#base/endpoint.ts";
import {
  type IpNetwork,
  isLoopback,
  networkHolds,
  parseIpAddress,
  parseIpNetwork,
} from "#base/ip-address.ts";
import type { RelayAction } from "#model/config/action.ts";
import type { Config } from "#model/config/config.ts";
import type { Filter } from "#model/config/filter.ts";
import type { Listener } from "#model/config/listener.ts";
import type { Rule } from "#model/config/rule.ts";
import type { TableMatch } from "#model/config/table.ts";
import { UNKNOWN_HOSTNAME } from "#model/envelope.ts";
import type { RuleQuery } from "#policy/ruleset/ruleset-criteria.ts";
import { type Ruleset, compileRuleset } from "#policy/ruleset/ruleset.ts";
import { foldKey } from "#policy/tables/key-index.ts";
import { Tables } from "#policy/tables/tables.ts";
import { type Finding, warning } from "./finding.ts";

/** Of clients that no list names: the addresses of RFC 5737, RFC 3849, and some that everybody knows. */
const STRANGERS: readonly string[] = [
  "203.0.113.77",
  "198.51.100.77",
  "192.0.2.77",
  "2001:db8:ffff::77",
  "8.8.8.8",
  "2620:fe::9",
];
/** Of names that no list has, and nobody either (RFC 6761 §6.4). */
const STRANGE_DOMAIN = "stranger.invalid";
/** Entries of one list that are tried as a sender or greeting. */
const MAX_TRIED_ENTRIES = 3;

export function openRelays(config: Config): readonly Finding[] {
  const tables = new Tables(config.tables, { delimiter: config.subAddressDelimiter });
  const ruleset = compileRuleset(config, tables);
  const byRule = new Map<Rule, Finding>();
  for (const listener of config.listeners.filter(isExposed)) {
    const clients = strangersTo(config, listener);
    for (const query of clients) {
      const rule = relayRule(ruleset, query);
      if (rule !== undefined && !byRule.has(rule)) byRule.set(rule, openRelay(rule, listener));
    }
    const [client] = clients;
    if (client === undefined) continue;
    for (const { query, forged } of forgeries(config.rules, client)) {
      const rule = relayRule(ruleset, query);
      if (rule !== undefined && !byRule.has(rule)) byRule.set(rule, forgedRelay(rule, forged));
    }
  }
  return [...byRule.values()];
}

function openRelay({ at }: Rule, { endpoint }: Listener): Finding {
  return warning(
    at,
    `OPEN RELAY: anybody who reaches ${formatEndpoint(endpoint)} can send mail to anybody through this server`,
    "'match auth from any for any …' is for users that log in, 'from src <…>' for known networks",
  );
}

function forgedRelay({ at }: Rule, forged: "mail-from" | "helo"): Finding {
  const what = forged === "helo" ? "such a name in its greeting" : "such a sender";
  return warning(
    at,
    `OPEN RELAY: a client that writes ${what} can send mail to anybody: anyone can write it`,
    "ask for 'auth' or 'from src <…>' as well",
  );
}

/** Whether a client of another machine reaches it and says who it is, if at all, as it likes. */
function isExposed({ endpoint, auth, tls, filters }: Listener): boolean {
  if (endpoint.kind === "unix" || auth.mode === "required") return false;
  const address = parseIpAddress(endpoint.host);
  if (address !== undefined && isLoopback(address)) return false;
  if (filters.some(refusesClients)) return false;
  const isRequired = tls.mode === "starttls-required" || tls.mode === "smtps";
  return !(isRequired && tls.verify && (tls.ca ?? tls.fingerprints) !== undefined);
}

function refusesClients(filter: Filter): boolean {
  if (filter.kind === "chain") return filter.filters.some(refusesClients);
  if (filter.kind !== "phase") return false;
  return filter.action.kind === "reject" || filter.action.kind === "disconnect";
}

/** What strangers would say to the listener: with TLS if it has some, with a name or without. */
function strangersTo({ rules }: Config, listener: Listener): readonly RuleQuery[] {
  const networks = rules.flatMap(namedNetworks);
  return STRANGERS.filter((address) => !isNamed(address, networks)).flatMap((address) =>
    [UNKNOWN_HOSTNAME, STRANGE_DOMAIN].map((hostname) => ({
      via: "tcp" as const,
      address,
      hostname,
      helo: STRANGE_DOMAIN,
      tag: listener.tag,
      username: "",
      tls: listener.tls.mode !== "none",
      reversePath: `stranger@${STRANGE_DOMAIN}`,
      destination: `somebody@${STRANGE_DOMAIN}`,
    })),
  );
}

/** The networks that a rule has in a list, but for those that are everybody. */
function namedNetworks({ criteria }: Rule): readonly IpNetwork[] {
  return criteria.flatMap(({ test }) => {
    if (test.kind !== "from" || test.from.kind !== "src") return [];
    const networks = Array.from(test.from.match.table.entries.keys(), parseIpNetwork);
    return networks.filter((network) => network !== undefined).filter(isSome);
  });
}

/** Whether somebody is meant, and not everybody. */
function isSome({ prefixBits }: IpNetwork): boolean {
  return prefixBits > 1;
}

function isNamed(text: string, networks: readonly IpNetwork[]): boolean {
  const address = parseIpAddress(text);
  if (address === undefined) return true;
  return networks.some((network) => networkHolds(network, address));
}

interface Forgery {
  readonly query: RuleQuery;
  readonly forged: "mail-from" | "helo";
}

/** The same client, with senders and greetings that the rules ask for. */
function forgeries(rules: readonly Rule[], client: RuleQuery): readonly Forgery[] {
  return rules.flatMap(({ criteria }) =>
    criteria.flatMap(({ negated, test }): readonly Forgery[] => {
      if (negated) return [];
      if (test.kind === "mail-from")
        return examples(test.match).map((entry) => ({
          query: { ...client, reversePath: senderFor(entry) },
          forged: "mail-from",
        }));
      if (test.kind === "helo")
        return examples(test.match).map((entry) => ({
          query: { ...client, helo: nameFor(entry) },
          forged: "helo",
        }));
      return [];
    }),
  );
}

/** Nobody can say what a pattern of a regular expression would match. */
function examples({ table, regex }: TableMatch): readonly string[] {
  if (regex) return [];
  return [...table.entries.keys()].slice(0, MAX_TRIED_ENTRIES).map(foldKey);
}

function senderFor(entry: string): string {
  const at = entry.lastIndexOf("@");
  const user = at < 0 ? entry : entry.slice(0, at);
  const domain = at < 0 ? "" : entry.slice(at + 1);
  return `${user === "" ? "stranger" : user}@${domain === "" ? STRANGE_DOMAIN : nameFor(domain)}`;
}

function nameFor(pattern: string): string {
  return pattern.replaceAll("*", "stranger");
}

/** The rule that would relay the mail to a stranger's own servers; undefined if none does. */
function relayRule(ruleset: Ruleset, query: RuleQuery): Rule | undefined {
  const match = ruleset.matchRule(query);
  // Without a backend a remote table answers at once, that it cannot be asked.
  if (match instanceof Promise || match.kind !== "matched") return undefined;
  const { action } = match.rule;
  if (action === "reject" || action.kind !== "relay") return undefined;
  return reachesStrangers(action) ? match.rule : undefined;
}

function reachesStrangers({ to }: RelayAction): boolean {
  if (to.kind === "domain") return false;
  return to.kind !== "hosts" || to.hosts.some(({ protocol }) => protocol === "smtp");
}
