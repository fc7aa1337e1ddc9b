/** Criteria in the words of smtpd.conf, for those who ask why a rule does not match. */
import { unreachable } from "#base/unreachable.ts";
import { isAnonymous } from "#model/config/anonymous-table.ts";
import type { Criterion, CriterionTest, TableMatch } from "#model/config/config.ts";

/** Of the items of a list that was written in place, as many are shown. */
const MAX_SHOWN_ITEMS = 5;

/** `from src <trusted>`, `!tls`, `for domain { "a.example", "b.example" }`. */
export function criterionText({ negated, test }: Criterion): string {
  return `${negated ? "!" : ""}${testText(test)}`;
}

function testText(test: CriterionTest): string {
  switch (test.kind) {
    case "from":
      return "match" in test.from
        ? words(`from ${test.from.kind}`, test.from.match)
        : `from ${test.from.kind}`;
    case "for":
      return "match" in test.to
        ? words(`for ${test.to.kind}`, test.to.match)
        : `for ${test.to.kind}`;
    case "tls":
      return "tls";
    case "tag":
    case "helo":
    case "auth":
    case "mail-from":
    case "rcpt-to":
      return words(test.kind, test.match);
    default:
      return unreachable(test);
  }
}

function words(option: string, match: TableMatch | undefined): string {
  if (match === undefined) return option;
  return `${option}${match.regex ? " regex" : ""} ${tableText(match)}`;
}

function tableText({ table }: TableMatch): string {
  if (!isAnonymous(table)) return `<${table.name}>`;
  const items = Array.from([...table.entries.keys()].slice(0, MAX_SHOWN_ITEMS), (item) =>
    JSON.stringify(item),
  );
  if (table.entries.size === 1) return items.join("");
  return `{ ${items.join(", ")}${table.entries.size > items.length ? ", …" : ""} }`;
}
