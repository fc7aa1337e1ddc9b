/** Prints rules, with the `from` and `for` that they have by default. */
import { line, type PrintedLine } from "./printed-line.ts";
import { printMatch } from "./print-table.ts";
import { printWord } from "./quote.ts";
import { type Criterion, type CriterionTest, type Rule, tableMatchOf } from "./rule.ts";
import type { TableMatch } from "./table.ts";

export function printRule({ at, criteria, action }: Rule): PrintedLine {
  const outcome = action === "reject" ? "reject" : `action ${printWord(action.name)}`;
  return line("match", at, [...criteria.map(printCriterion), { text: outcome, at }]);
}

function printCriterion(criterion: Criterion): PrintedLine["options"][number] {
  return { text: formatCriterion(criterion, printMatch), at: criterion.at };
}

/** The criterion in the words of smtpd.conf(5), with what it asks a table for as `formatMatch` has it. */
export function formatCriterion(
  { negated, test }: Criterion,
  formatMatch: (match: TableMatch) => string,
): string {
  const match = tableMatchOf(test);
  const operand = match === undefined ? "" : ` ${formatMatch(match)}`;
  return `${negated ? "!" : ""}${wordsOf(test)}${operand}`;
}

function wordsOf(test: CriterionTest): string {
  if (test.kind === "from") return `from ${test.from.kind}`;
  if (test.kind === "tls" && test.match !== undefined) return "tls fingerprint";
  return test.kind === "for" ? `for ${test.to.kind}` : test.kind;
}
