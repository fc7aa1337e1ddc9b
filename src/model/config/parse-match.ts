/** `match …`. Source: smtpd.conf(5). */
import type { Place } from "./config.ts";
import { parseTableOperand } from "./parse-table.ts";
import type { ForSyntax, FromSyntax, MatchStatement, Negatable } from "./syntax.ts";
import { Misfit, type TokenReader } from "./token-reader.ts";

const CRITERIA = ["from", "for"] as const;
const CRITERIA_AND_OUTCOMES = [...CRITERIA, "action", "reject"] as const;

/** Criteria in any order, each at most once, then what becomes of the mail. */
export function parseMatch(reader: TokenReader, at: Place): MatchStatement {
  let from: Negatable<FromSyntax> | undefined;
  let forWhom: Negatable<ForSyntax> | undefined;
  for (;;) {
    const negated = reader.acceptSign("!");
    const { at: wordAt } = reader.peek();
    const word = reader.expectOneOf(negated ? CRITERIA : CRITERIA_AND_OUTCOMES, "match criterion");
    const isTwice = (word === "from" && from) || (word === "for" && forWhom);
    if (isTwice) throw new Misfit(wordAt, `${word} already specified for this rule`);
    switch (word) {
      case "from":
        from = { negated, value: parseFrom(reader) };
        break;
      case "for":
        forWhom = { negated, value: parseFor(reader) };
        break;
      case "reject":
        return { kind: "match", at, from, for: forWhom, outcome: { kind: "reject" } };
      case "action": {
        const name = reader.expectString("an action name");
        return { kind: "match", at, from, for: forWhom, outcome: { kind: "action", name } };
      }
    }
  }
}

function parseFrom(reader: TokenReader): FromSyntax {
  const kind = reader.expectOneOf(["any", "local", "socket", "src"], "from criterion");
  return kind === "src" ? { kind, table: parseTableOperand(reader) } : { kind };
}

function parseFor(reader: TokenReader): ForSyntax {
  const kind = reader.expectOneOf(["any", "local", "domain"], "for criterion");
  return kind === "domain" ? { kind, table: parseTableOperand(reader) } : { kind };
}
