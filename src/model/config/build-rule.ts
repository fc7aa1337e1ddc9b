/** Rules, from what `match` says. Source: smtpd.conf(5). */
import type { Action, Criterion, ForCriterion, FromCriterion, Rule } from "./config.ts";
import type { MatchStatement, Word } from "./syntax.ts";
import type { TableStore } from "./table-store.ts";

/** Undefined if there is a complaint; `actionNamed` makes those about actions. */
export function buildRule(
  statement: MatchStatement,
  tables: TableStore,
  actionNamed: (name: Word) => Action | undefined,
): Rule | undefined {
  const { at, outcome } = statement;
  // All three, whatever becomes of the first, so that their complaints come in one run.
  const from = buildFrom(statement, tables);
  const forWhom = buildFor(statement, tables);
  const action = outcome.kind === "reject" ? "reject" : actionNamed(outcome.name);
  if (from === undefined || forWhom === undefined || action === undefined) return undefined;
  return { at, from, for: forWhom, action };
}

/** Without `from` a rule is about mail of this machine. */
function buildFrom(
  statement: MatchStatement,
  tables: TableStore,
): Criterion<FromCriterion> | undefined {
  const { negated, value } = statement.from ?? { negated: false, value: { kind: "local" } };
  if (value.kind !== "src") return { negated, value: { kind: value.kind } };
  const table = tables.list(value.table, "from");
  return table && { negated, value: { kind: "src", table } };
}

/** Without `for` a rule is about mail to this machine. */
function buildFor(
  statement: MatchStatement,
  tables: TableStore,
): Criterion<ForCriterion> | undefined {
  const { negated, value } = statement.for ?? { negated: false, value: { kind: "local" } };
  if (value.kind !== "domain") return { negated, value: { kind: value.kind } };
  const table = tables.list(value.table, "for");
  return table && { negated, value: { kind: "domain", table } };
}
