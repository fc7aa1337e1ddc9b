/**
 * The ruleset: which `match` line decides about a recipient. Rules are tried in the
 * order written, and in each the criteria in that of CRITERION_ORDER; the first rule
 * whose criteria all hold decides. A table that cannot be asked stops the search, since
 * a later rule might say the opposite.
 *
 * The answer comes at once unless a remote table is asked. Whoever gives `tell` learns
 * of each rule the first criterion that does not hold, and of each look-up its answer;
 * without it nothing is made for that, and only rules that could match are tried
 * (ruleset-index.ts).
 *
 * Source: OpenSMTPD ruleset.c; smtpd.conf(5).
 */
import type { Config } from "#model/config/config.ts";
import type { Criterion, Rule } from "#model/config/rule.ts";
import type { Reason, ReasonAnswer, ReasonCriterion, Tell } from "#model/reason.ts";
import type { TableAnswer } from "#policy/tables/answers.ts";
import type { Tables } from "#policy/tables/tables.ts";
import type { RuleMatch } from "#policy/expand/expansion-walk.ts";
import {
  asksReverseName,
  CriteriaCompiler,
  type Facts,
  factsOf,
  type Question,
  type RuleQuery,
} from "./ruleset-criteria.ts";
import { RuleIndex } from "./ruleset-index.ts";
import { criterionText } from "./ruleset-text.ts";

export interface Ruleset {
  /** Whether any rule looks at the reverse name of the client, which must be known then. */
  readonly asksReverseName: boolean;
  /** Never rejects its promise. */
  matchRule(query: RuleQuery, tell?: Tell): RuleMatch | Promise<RuleMatch>;
}

interface CompiledCriterion {
  readonly criterion: Criterion;
  readonly question: Question;
}

interface CompiledRule {
  readonly criteria: readonly CompiledCriterion[];
  readonly match: RuleMatch & { readonly kind: "matched" };
}

/** One search: what it is about, who listens, and where it stands. */
interface Search {
  readonly facts: Facts;
  readonly tell: Tell | undefined;
  readonly rules: readonly CompiledRule[];
  /** Numbers of the rules to try; undefined: all. */
  readonly candidates: readonly number[] | undefined;
  /** Rules that are done with. */
  tried: number;
  /** The criterion of the rule under way that comes next. */
  criterion: number;
}

const NO_RULE: RuleMatch = { kind: "none" };

/** @param tables those of `config`, which may be replaced while the ruleset is in use. */
export function compileRuleset(config: Config, tables: Tables): Ruleset {
  const compiler = new CriteriaCompiler(config, tables);
  const rules = config.rules.map((rule): CompiledRule => {
    const criteria = rule.criteria.filter((criterion) => !alwaysHolds(criterion));
    return {
      criteria: criteria.map((criterion) => ({
        criterion,
        question: compiler.question(criterion.test),
      })),
      match: { kind: "matched", rule },
    };
  });
  let index = new RuleIndex(config.rules, tables, config.subAddressDelimiter);
  let indexed = tables.version;
  return {
    asksReverseName: config.rules.some((rule) => rule.criteria.some(asksReverseName)),
    matchRule(query, tell) {
      if (indexed !== tables.version) {
        index = new RuleIndex(config.rules, tables, config.subAddressDelimiter);
        indexed = tables.version;
      }
      const facts = factsOf(query);
      // Who is told of rules is told of all.
      const candidates = tell === undefined ? index.candidates(facts) : undefined;
      return search({ facts, tell, rules, candidates, tried: 0, criterion: 0 });
    },
  };
}

/** `from any` and `for any`. */
function alwaysHolds({ negated, test }: Criterion): boolean {
  if (negated) return false;
  return (
    (test.kind === "from" && test.from.kind === "any") ||
    (test.kind === "for" && test.to.kind === "any")
  );
}

/** Goes on from where `state` stands. */
function search(state: Search): RuleMatch | Promise<RuleMatch> {
  const { rules, candidates, tell } = state;
  const count = candidates === undefined ? rules.length : candidates.length;
  for (; state.tried < count; state.tried++, state.criterion = 0) {
    const rule = rules[candidates === undefined ? state.tried : (candidates[state.tried] ?? 0)];
    if (rule === undefined) break;
    const outcome = tryRule(rule, state);
    if (outcome instanceof Promise) return outcome.then((verdict) => resume(state, verdict));
    if (outcome !== "fails") return outcome;
  }
  tell?.({ kind: "no-rule" });
  return NO_RULE;
}

/** Goes on after a remote table has answered for the criterion that `state` stands at. */
function resume(state: Search, verdict: Verdict): RuleMatch | Promise<RuleMatch> {
  if (verdict === "holds") state.criterion++;
  else if (verdict === "fails") {
    state.tried++;
    state.criterion = 0;
  } else return verdict;
  return search(state);
}

type Verdict = "holds" | "fails" | (RuleMatch & { readonly kind: "unavailable" });

/** The match if all criteria hold; a promise is of the verdict of the criterion that the state stands at. */
function tryRule(
  rule: CompiledRule,
  state: Search,
): (RuleMatch & { readonly kind: "matched" | "unavailable" }) | "fails" | Promise<Verdict> {
  const { criteria, match } = rule;
  for (; state.criterion < criteria.length; state.criterion++) {
    const compiled = criteria[state.criterion];
    if (compiled === undefined) break;
    const verdict = tryCriterion(compiled, match.rule, state);
    if (verdict !== "holds") return verdict;
  }
  const { at, action } = match.rule;
  state.tell?.({
    kind: "rule-matched",
    rule: at,
    action: action === "reject" ? undefined : action.name,
  });
  return match;
}

function tryCriterion(
  compiled: CompiledCriterion,
  rule: Rule,
  { facts, tell }: Search,
): Verdict | Promise<Verdict> {
  const { criterion, question } = compiled;
  if (question.kind === "fact") return judge(question.holds(facts), criterion, rule, tell);
  const key = question.keyOf(facts);
  if (key === undefined) return judge(false, criterion, rule, tell);
  const answer = question.lookup(key);
  if (answer instanceof Promise)
    return answer.then((late) => {
      tell?.(lookupReason(question, key, late));
      return weigh(late, criterion, rule, tell);
    });
  tell?.(lookupReason(question, key, answer));
  return weigh(answer, criterion, rule, tell);
}

function weigh(
  answer: TableAnswer,
  criterion: Criterion,
  rule: Rule,
  tell: Tell | undefined,
): Verdict {
  if (answer.kind !== "unavailable") return judge(answer.kind === "found", criterion, rule, tell);
  const why = answer.cause.message;
  tell?.({ kind: "rule-unavailable", rule: rule.at, criterion: reasonCriterion(criterion), why });
  return answer;
}

function judge(
  holds: boolean,
  criterion: Criterion,
  rule: Rule,
  tell: Tell | undefined,
): "holds" | "fails" {
  if (holds !== criterion.negated) return "holds";
  tell?.({ kind: "rule-skipped", rule: rule.at, criterion: reasonCriterion(criterion) });
  return "fails";
}

function reasonCriterion(criterion: Criterion): ReasonCriterion {
  return { at: criterion.at, text: criterionText(criterion) };
}

function lookupReason(
  { table, serviceOf }: Question & { readonly kind: "table" },
  key: string,
  answer: TableAnswer,
): Reason {
  const told = reasonAnswer(answer, key);
  return { kind: "table-lookup", table, service: serviceOf(key), key, answer: told };
}

function reasonAnswer(answer: TableAnswer, key: string): ReasonAnswer {
  if (answer.kind === "absent") return answer;
  if (answer.kind === "unavailable") return { kind: "unavailable", why: answer.cause.message };
  const { entry } = answer;
  // What stands beside the key decides nothing here, and may be a password.
  return { kind: "found", value: "", ...(entry === key ? {} : { entry }) };
}
