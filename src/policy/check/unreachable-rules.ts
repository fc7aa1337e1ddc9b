/**
 * Rules that no message reaches: an earlier one matches whenever they do, or they ask
 * for what is never so. Only what is certain is told: lists in files may change while
 * the server runs, and what two earlier rules do together is not looked at.
 */
import type { Config } from "#model/config/config.ts";
import { formatPlace } from "#model/config/place.ts";
import type { Rule } from "#model/config/rule.ts";
import { localTables } from "#policy/ruleset/local-tables.ts";
import { type Finding, warning } from "./finding.ts";
import {
  alwaysHolds,
  type Claim,
  claimOf,
  implies,
  type LocalLists,
  neverHolds,
} from "./implication.ts";
import { keyListOf } from "./table-cover.ts";

/** Criteria that are compared with each other; then no more rules are looked at. */
const MAX_COMPARISONS = 20_000_000;

interface ClaimedRule {
  readonly rule: Rule;
  readonly claims: readonly Claim[];
}

export function unreachableRules(config: Config): readonly Finding[] {
  const local = localLists(config);
  const findings: Finding[] = [];
  const earlier: ClaimedRule[] = [];
  let comparisons = 0;
  for (const rule of config.rules) {
    const claims = rule.criteria.map((criterion) => claimOf(criterion, local));
    if (claims.some(neverHolds)) {
      findings.push(warning(rule.at, "this rule matches nothing: '!' and 'any' leave nobody"));
      continue;
    }
    if (comparisons > MAX_COMPARISONS) return findings;
    const shadow = earlier.find((each) => {
      comparisons += each.claims.length * claims.length;
      return isWider(each.claims, claims, config.subAddressDelimiter);
    });
    if (shadow === undefined)
      earlier.push({ rule, claims: claims.filter((claim) => !alwaysHolds(claim)) });
    else findings.push(unreachable(rule, shadow.rule));
  }
  return findings;
}

/** Whether all of `wide` holds whenever all of `narrow` does. */
function isWider(wide: readonly Claim[], narrow: readonly Claim[], delimiter: string): boolean {
  return wide.every((then) => narrow.some((given) => implies(given, then, delimiter)));
}

function unreachable(rule: Rule, shadow: Rule): Finding {
  const where = formatPlace(shadow.at);
  const isSame = rule.action === shadow.action;
  return warning(
    rule.at,
    `this rule is never reached: that of ${where} matches whatever it would`,
    isSame
      ? "it does the same, so this line can go"
      : `the first rule that matches decides: write it before ${where}, or leave it out`,
  );
}

/** Under names of their own: they hold more than `<localhost>` and `<localnames>`. */
function localLists(config: Config): LocalLists {
  const { addresses, names } = localTables(config);
  return {
    addresses: { ...keyListOf({ table: addresses, regex: false }), name: "from local" },
    names: { ...keyListOf({ table: names, regex: false }), name: "for local" },
  };
}
