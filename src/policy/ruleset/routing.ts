/**
 * Decides about recipients: the ruleset chooses the action, and the action makes
 * the envelope that the queue will hold.
 *
 * A local action without `user` delivers as the recipient, who must be an account
 * of this machine; the user database is the one thing that may take time. All
 * other answers come at once, as plain values.
 *
 * Nothing is ever delivered as root (nooSMTPD): its mail is refused here, and
 * again by whoever starts an agent.
 *
 * Limits: no aliases, virtual users or forward files yet. Source: OpenSMTPD lka_session.c.
 */
import type { Lookup } from "#base/lookup.ts";
import type { User, Users } from "#base/ports/users.ts";
import { splitAddress } from "#protocols/mail/address.ts";
import { NO_TRAIL, type Transport } from "#model/envelope.ts";
import type { RecipientQuery, Resolution, Routing } from "#model/resolution.ts";
import { type Action, type Config, formatPlace } from "#model/config/config.ts";
import { accountName, isAccountName } from "#policy/expand/account-name.ts";
import { compileRuleset } from "./ruleset.ts";

const MTA: Transport = { kind: "mta" };
const NO_RULE: Resolution = { kind: "rejected", rule: "" };
const UNAVAILABLE: Resolution = { kind: "unavailable" };

export function createRouting(config: Config, users: Users): Routing {
  const ruleset = compileRuleset(config);
  return {
    resolve(query) {
      const { localPart, domain } = splitAddress(query.forwardPath);
      const match = ruleset.matchRule({ via: query.via, address: query.origin.address, domain });
      if (match.kind === "none") return NO_RULE;
      if (match.kind === "unavailable") return UNAVAILABLE;
      const { action } = match.rule;
      const rule = formatPlace(match.rule.at);
      if (action === "reject") return { kind: "rejected", rule };
      if (action.kind === "relay") return accept(query, action, rule, MTA);
      const user = accountName(localPart, config.subAddressDelimiter);
      if (user === "") return { kind: "rejected", rule };
      if (action.user !== undefined)
        return accept(query, action, rule, { kind: "mda", user, extension: "" });
      if (!isAccountName(user)) return { kind: "rejected", rule };
      return users.lookup(user).then((answer) => decide(query, action, rule, answer));
    },
  };
}

function decide(
  query: RecipientQuery,
  action: Action,
  rule: string,
  answer: Lookup<User>,
): Resolution {
  if (answer.kind === "unavailable") return UNAVAILABLE;
  if (answer.kind === "absent" || answer.value.uid === 0) return { kind: "rejected", rule };
  return accept(query, action, rule, { kind: "mda", user: answer.value.name, extension: "" });
}

function accept(
  query: RecipientQuery,
  action: Action,
  rule: string,
  transport: Transport,
): Resolution {
  const envelope = {
    destination: query.forwardPath,
    action: action.name,
    transport,
    rule,
    trail: NO_TRAIL,
    ttlMs: action.ttlMs,
  };
  return { kind: "accepted", envelopes: [envelope] };
}
