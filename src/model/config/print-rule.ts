/** Prints rules, with the `from` and `for` that they have by default. */
import { unreachable } from "#base/unreachable.ts";
import type { Criterion, ForTest, FromTest, Rule, TableMatch } from "./config.ts";
import { line, type PrintedLine } from "./printed-line.ts";
import { printMatch } from "./print-table.ts";
import { printWord } from "./quote.ts";

export function printRule({ at, criteria, action }: Rule): PrintedLine {
  const outcome = action === "reject" ? "reject" : `action ${printWord(action.name)}`;
  return line("match", at, [...criteria.map(printCriterion), { text: outcome, at }]);
}

function printCriterion({ at, negated, test }: Criterion): PrintedLine["options"][number] {
  return { text: `${negated ? "!" : ""}${printTest(test)}`, at };
}

function printTest(test: Criterion["test"]): string {
  switch (test.kind) {
    case "from":
      return `from ${printFrom(test.from)}`;
    case "for":
      return `for ${printFor(test.to)}`;
    case "tls":
      return "tls";
    case "auth":
      return withMatch("auth", test.match);
    case "tag":
    case "helo":
    case "mail-from":
    case "rcpt-to":
      return withMatch(test.kind, test.match);
    default:
      return unreachable(test);
  }
}

function printFrom(from: FromTest): string {
  return withMatch(from.kind, "match" in from ? from.match : undefined);
}

function printFor(to: ForTest): string {
  return withMatch(to.kind, "match" in to ? to.match : undefined);
}

function withMatch(word: string, match: TableMatch | undefined): string {
  return match === undefined ? word : `${word} ${printMatch(match)}`;
}
