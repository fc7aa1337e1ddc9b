/**
 * `match …`: criteria in any order, each at most once, then what becomes of the mail.
 *
 * Source: smtpd.conf(5); OpenSMTPD parse.y (match).
 */
import { unreachable } from "#base/unreachable.ts";
import { isAtTableMatch, parseTableMatch, parseTableOperand } from "./parse-table.ts";
import type { Place } from "./place.ts";
import type { CriterionSyntax, CriterionTestSyntax, MatchStatement } from "./syntax.ts";
import { Misfit, type TokenReader } from "./token-reader.ts";

const CRITERIA = ["tag", "helo", "tls", "auth", "mail-from", "rcpt-to", "from", "for"] as const;
const CRITERIA_AND_OUTCOMES = [...CRITERIA, "action", "reject"] as const;
const FROM = ["any", "local", "socket", "src", "rdns", "auth", "mail-from"] as const;
const FOR = ["any", "local", "domain", "rcpt-to"] as const;

export function parseMatch(reader: TokenReader, at: Place): MatchStatement {
  const criteria: CriterionSyntax[] = [];
  for (;;) {
    const negated = reader.acceptSign("!");
    const { at: wordAt } = reader.peek();
    const word = reader.expectOneOf(negated ? CRITERIA : CRITERIA_AND_OUTCOMES);
    if (word === "reject") return { kind: "match", at, criteria, outcome: { kind: "reject" } };
    if (word === "action") {
      const name = reader.expectString("an action name");
      return { kind: "match", at, criteria, outcome: { kind: "action", name } };
    }
    const tests = parseCriterion(reader, word);
    for (const [index, test] of tests.entries()) {
      if (criteria.some((earlier) => earlier.test.kind === test.kind))
        throw new Misfit(wordAt, `${test.kind} already specified for this rule`);
      // `!from auth T` is `from any` and `!auth T`: the last one is what was meant.
      const isMeant = index === tests.length - 1;
      criteria.push({ at: wordAt, negated: negated && isMeant, test });
    }
  }
}

/** One test, or `from any` or `for any` and the one that stands behind it. */
function parseCriterion(
  reader: TokenReader,
  word: (typeof CRITERIA)[number],
): readonly CriterionTestSyntax[] {
  switch (word) {
    case "from":
      return parseFrom(reader);
    case "for":
      return parseFor(reader);
    case "tls": {
      const match = reader.accept("fingerprint")
        ? { regex: false, table: parseTableOperand(reader) }
        : undefined;
      return [{ kind: word, match }];
    }
    case "auth":
      return [{ kind: word, match: isAtTableMatch(reader) ? parseTableMatch(reader) : undefined }];
    case "tag":
    case "helo":
    case "mail-from":
    case "rcpt-to":
      return [{ kind: word, match: parseTableMatch(reader) }];
    default:
      return unreachable(word);
  }
}

function parseFrom(reader: TokenReader): readonly CriterionTestSyntax[] {
  const kind = reader.expectOneOf(FROM);
  switch (kind) {
    case "src":
      return [{ kind: "from", from: { kind, match: parseTableMatch(reader) } }];
    case "rdns": {
      const match = isAtTableMatch(reader) ? parseTableMatch(reader) : undefined;
      return [{ kind: "from", from: { kind, match } }];
    }
    case "auth":
    case "mail-from":
      return [{ kind: "from", from: { kind: "any" } }, ...parseCriterion(reader, kind)];
    case "any":
    case "local":
    case "socket":
      return [{ kind: "from", from: { kind } }];
    default:
      return unreachable(kind);
  }
}

function parseFor(reader: TokenReader): readonly CriterionTestSyntax[] {
  const kind = reader.expectOneOf(FOR);
  if (kind === "domain") return [{ kind: "for", to: { kind, match: parseTableMatch(reader) } }];
  if (kind === "rcpt-to")
    return [{ kind: "for", to: { kind: "any" } }, ...parseCriterion(reader, kind)];
  return [{ kind: "for", to: { kind } }];
}
