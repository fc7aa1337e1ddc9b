/**
 * Decides about recipients: rules choose the action, and expansion (policy/expand)
 * makes the envelopes that the queue will hold.
 *
 * Answers come at once, as plain values, unless something outside must be asked: a
 * remote table, the user database, a forward file.
 *
 * Nothing is ever delivered as root (nooSMTPD): its mail is refused here, and
 * again by whoever starts an agent.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Users } from "#base/ports/users.ts";
import type { ForwardFiles } from "#model/forward-file.ts";
import type { RecipientQuery, Routing } from "#model/resolution.ts";
import type { Config } from "#model/config/config.ts";
import { Expansion } from "#policy/expand/expansion.ts";
import { Includes } from "#policy/expand/includes.ts";
import { Tables } from "#policy/tables/tables.ts";
import type { RuleQuery } from "./ruleset-criteria.ts";
import { compileRuleset } from "./ruleset.ts";
import { srsRecipient } from "./srs-recipient.ts";

/** Whom decisions ask. What is left out is made of the configuration, or is not there. */
export interface RoutingParties {
  readonly users: Users;
  /** Without it no forward file can be read: recipients that have one are deferred. */
  readonly forwardFiles?: ForwardFiles;
  readonly tables?: Tables;
  readonly includes?: Includes;
  /** Without it senders that SRS has rewritten are not understood. */
  readonly clock?: Pick<Clock, "wallMs">;
}

const NO_FORWARD_FILES: ForwardFiles = {
  read: () => ({ kind: "unavailable", why: "nobody here can read it" }),
};

export function createRouting(config: Config, parties: RoutingParties): Routing {
  const tables =
    parties.tables ?? new Tables(config.tables, { delimiter: config.subAddressDelimiter });
  const ruleset = compileRuleset(config, tables);
  const expansion = new Expansion(config, {
    users: parties.users,
    forwardFiles: parties.forwardFiles ?? NO_FORWARD_FILES,
    includes: parties.includes ?? new Includes(config.includes),
    table: (table, service) => tables.lookup(table, service),
    matchRule: (query, destination, tell) => ruleset.matchRule(ruleQuery(query, destination), tell),
  });
  const { asksReverseName } = ruleset;
  const { srs } = config;
  const { clock } = parties;
  if (srs === undefined || clock === undefined)
    return { asksReverseName, resolve: (query, tell) => expansion.expand(query, tell) };
  return {
    asksReverseName,
    resolve: (query, tell) =>
      expansion.expand(srsRecipient(query, { srs, nowMs: clock.wallMs() }, tell), tell),
  };
}

function ruleQuery(
  query: RecipientQuery,
  destination: { readonly address: string; readonly isInternal: boolean },
): RuleQuery {
  const { origin, via, tls, reversePath } = query;
  const { address, hostname, helo, tag, username, tls: under } = origin;
  return {
    via: destination.isInternal ? "internal" : via,
    address,
    hostname,
    helo,
    tag,
    username,
    tls,
    ...(under && { fingerprints: under.fingerprints }),
    reversePath,
    destination: destination.address,
  };
}
