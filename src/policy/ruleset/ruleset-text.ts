/** Criteria in the words of smtpd.conf, for those who ask why a rule does not match. */
import { isAnonymous } from "#model/config/anonymous-table.ts";
import { formatCriterion } from "#model/config/print-rule.ts";
import type { Criterion } from "#model/config/rule.ts";
import type { TableMatch } from "#model/config/table.ts";

/** Of the items of a list that was written in place, as many are shown. */
const MAX_SHOWN_ITEMS = 5;

/** `from src <trusted>`, `!tls`, `for domain { "a.example", "b.example" }`. */
export function criterionText(criterion: Criterion): string {
  return formatCriterion(criterion, matchText);
}

function matchText({ table, regex }: TableMatch): string {
  const pattern = regex ? "regex " : "";
  if (!isAnonymous(table)) return `${pattern}<${table.name}>`;
  const items = Array.from([...table.entries.keys()].slice(0, MAX_SHOWN_ITEMS), (item) =>
    JSON.stringify(item),
  );
  if (table.entries.size === 1) return pattern + items.join("");
  const more = table.entries.size > items.length ? ", …" : "";
  return `${pattern}{ ${items.join(", ")}${more} }`;
}
