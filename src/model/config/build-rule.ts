/** Rules, from what `match` says. Source: smtpd.conf(5); OpenSMTPD parse.y (match). */
import { unreachable } from "#base/unreachable.ts";
import { MAX_NAME_BYTES } from "#model/envelope.ts";
import type { Action } from "./action.ts";
import type { BuildScope } from "./build-scope.ts";
import { formatPlace } from "./place.ts";
import {
  type Criterion,
  CRITERION_ORDER,
  type CriterionTest,
  type ForTest,
  type FromTest,
  type Rule,
} from "./rule.ts";
import type {
  CriterionTestSyntax,
  ForSyntax,
  FromSyntax,
  MatchStatement,
  TableMatchSyntax,
  Word,
} from "./syntax.ts";
import type { TableMatch } from "./table.ts";
import type { TableUse } from "./table-use.ts";

/** A rule that does not say is about mail of this machine, and about mail to it. */
const FROM_LOCAL: Criterion = {
  at: undefined,
  negated: false,
  test: { kind: "from", from: { kind: "local" } },
};
const FOR_LOCAL: Criterion = {
  at: undefined,
  negated: false,
  test: { kind: "for", to: { kind: "local" } },
};

/** Undefined if there is a complaint; `actionNamed` makes those about actions. */
export function buildRule(
  statement: MatchStatement,
  scope: BuildScope,
  actionNamed: (name: Word) => Action | undefined,
): Rule | undefined {
  const { at, outcome } = statement;
  if (Buffer.byteLength(formatPlace(at)) > MAX_NAME_BYTES)
    scope.complaints.error(
      at,
      "the path of this file is too long: envelopes keep it with their rule",
    );
  const criteria: Criterion[] = [];
  for (const { test: syntax, ...criterion } of statement.criteria) {
    const test = buildTest(syntax, scope);
    if (test !== undefined) criteria.push({ ...criterion, test });
  }
  // All of these, whatever becomes of the first, so that their complaints come in one run.
  const action = outcome.kind === "reject" ? "reject" : actionNamed(outcome.name);
  if (action === undefined || criteria.length < statement.criteria.length) return undefined;
  for (const implied of [FROM_LOCAL, FOR_LOCAL])
    if (!criteria.some(({ test }) => test.kind === implied.test.kind)) criteria.push(implied);
  return { at, criteria: criteria.toSorted((left, right) => rank(left) - rank(right)), action };
}

/** Where CRITERION_ORDER has it. */
function rank({ test }: Criterion): number {
  return CRITERION_ORDER.indexOf(test.kind);
}

function buildTest(syntax: CriterionTestSyntax, scope: BuildScope): CriterionTest | undefined {
  const { tables } = scope;
  switch (syntax.kind) {
    case "tls": {
      const match = buildOptional(syntax.match, "fingerprint", scope);
      return match && { kind: "tls", match: match.table };
    }
    case "auth": {
      const match = buildOptional(syntax.match, "auth", scope);
      return match && { kind: "auth", match: match.table };
    }
    case "from": {
      const from = buildFrom(syntax.from, scope);
      return from && { kind: "from", from };
    }
    case "for": {
      const to = buildFor(syntax.to, scope);
      return to && { kind: "for", to };
    }
    case "tag":
    case "helo":
    case "mail-from":
    case "rcpt-to": {
      const match = tables.match(syntax.match, syntax.kind);
      return match && { kind: syntax.kind, match };
    }
    default:
      return unreachable(syntax);
  }
}

function buildFrom(syntax: FromSyntax, scope: BuildScope): FromTest | undefined {
  switch (syntax.kind) {
    case "src": {
      const match = scope.tables.match(syntax.match, "from src");
      return match && { kind: "src", match };
    }
    case "rdns": {
      const match = buildOptional(syntax.match, "from rdns", scope);
      return match && { kind: "rdns", match: match.table };
    }
    case "any":
    case "local":
    case "socket":
      return { kind: syntax.kind };
    default:
      return unreachable(syntax);
  }
}

function buildFor(syntax: ForSyntax, { tables }: BuildScope): ForTest | undefined {
  if (syntax.kind !== "domain") return { kind: syntax.kind };
  const match = tables.match(syntax.match, "for domain");
  return match && { kind: "domain", match };
}

/** A table that need not be given; undefined only after a complaint. */
function buildOptional(
  syntax: TableMatchSyntax | undefined,
  use: TableUse,
  { tables }: BuildScope,
): { readonly table: TableMatch | undefined } | undefined {
  if (syntax === undefined) return { table: undefined };
  const table = tables.match(syntax, use);
  return table && { table };
}
