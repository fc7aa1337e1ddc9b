/**
 * `proc …` and `filter …`: programs that see sessions, conditions on one phase of
 * them, and chains of both.
 *
 * Source: smtpd.conf(5); OpenSMTPD parse.y.
 */
import { unreachable } from "#base/unreachable.ts";
import { FILTER_PHASES, type FilterAction, type FilterPhase } from "./filter.ts";
import { isAtTableMatch, parseTableMatch } from "./parse-table.ts";
import { parseCommand, parseAccount } from "./parse-values.ts";
import type { Place } from "./place.ts";
import type {
  FilterConditionSyntax,
  FilterOperand,
  FilterPhaseSyntax,
  FilterStatement,
  ProcStatement,
  ProgramSyntax,
} from "./syntax.ts";
import { Misfit, type TokenReader } from "./token-reader.ts";

const CONDITIONS = ["fcrdns", "rdns", "src", "helo", "auth", "mail-from", "rcpt-to"] as const;
type ConditionWord = (typeof CONDITIONS)[number];

/** The first phase that knows what a condition asks for; "helo" and "ehlo" are one step. */
const KNOWN_SINCE: Readonly<Record<ConditionWord, FilterPhase>> = {
  fcrdns: "connect",
  rdns: "connect",
  src: "connect",
  helo: "helo",
  auth: "auth",
  "mail-from": "mail-from",
  "rcpt-to": "rcpt-to",
};

const ACTIONS = ["reject", "disconnect", "rewrite", "report", "junk", "bypass"] as const;

export function parseProc(reader: TokenReader, at: Place): ProcStatement {
  const name = reader.expectString("a name");
  return { kind: "proc", at, name, program: parseProgram(reader) };
}

export function parseFilter(reader: TokenReader, at: Place): FilterStatement {
  const name = reader.expectString("a filter name");
  const kind = reader.expectOneOf(["proc", "proc-exec", "phase", "chain"]);
  switch (kind) {
    case "proc":
      return { kind: "filter", at, name, filter: { kind, proc: reader.expectString("a name") } };
    case "proc-exec":
      return { kind: "filter", at, name, filter: { kind, program: parseProgram(reader) } };
    case "chain":
      return {
        kind: "filter",
        at,
        name,
        filter: { kind, names: reader.expectNames("a filter name") },
      };
    case "phase":
      return { kind: "filter", at, name, filter: parsePhase(reader) };
    default:
      return unreachable(kind);
  }
}

/** `NAME` or `{ NAME, … }`, after the word `filter` of a listener or relay. */
export function parseFilterOperand(reader: TokenReader): FilterOperand {
  const { at } = reader.peek();
  if (reader.isAtSign("{")) return { at, names: reader.expectNames("a filter name") };
  return { at, names: [reader.expectString("a filter name")] };
}

function parseProgram(reader: TokenReader): ProgramSyntax {
  let program: ProgramSyntax = { command: parseCommand(reader, "a filter") };
  while (!reader.isAtLineEnd()) {
    const { at } = reader.peek();
    const word = reader.expectOneOf(["user", "group", "chroot"]);
    if (program[word] !== undefined)
      throw new Misfit(at, `${word} already specified for this processor`);
    program =
      word === "chroot"
        ? { ...program, chroot: { at, value: reader.expectString("a path in quotes") } }
        : { ...program, [word]: { at, value: parseAccount(reader, word) } };
  }
  return program;
}

function parsePhase(reader: TokenReader): FilterPhaseSyntax {
  const phase = reader.expectOneOf(FILTER_PHASES);
  reader.expectWord("match");
  const negated = reader.acceptSign("!");
  const conditionAt = reader.peek().at;
  const word = reader.expectOneOf(CONDITIONS);
  const condition = parseCondition(reader, word);
  if (!isKnownIn(word, phase))
    throw new Misfit(
      conditionAt,
      `'${word}' cannot be asked in phase '${phase}'`,
      word === "rcpt-to" ? "only in 'rcpt-to'" : `from '${KNOWN_SINCE[word]}' on`,
    );
  return { kind: "phase", phase, negated, condition, action: parseAction(reader, phase) };
}

function isKnownIn(word: ConditionWord, phase: FilterPhase): boolean {
  // A message has several recipients: after RCPT it is not one of them that is asked about.
  if (word === "rcpt-to") return phase === "rcpt-to";
  return FILTER_PHASES.indexOf(phase) >= FILTER_PHASES.indexOf(KNOWN_SINCE[word]);
}

function parseCondition(reader: TokenReader, kind: ConditionWord): FilterConditionSyntax {
  switch (kind) {
    case "fcrdns":
      return { kind };
    case "rdns":
    case "auth":
      return { kind, match: isAtTableMatch(reader) ? parseTableMatch(reader) : undefined };
    case "src":
    case "helo":
    case "mail-from":
    case "rcpt-to":
      return { kind, match: parseTableMatch(reader) };
    default:
      return unreachable(kind);
  }
}

function parseAction(reader: TokenReader, phase: FilterPhase): FilterAction {
  const { at } = reader.peek();
  const kind = reader.expectOneOf(ACTIONS);
  switch (kind) {
    case "reject":
    case "disconnect":
      return parseRefusal(reader, kind);
    case "rewrite":
    case "report":
      return { kind, text: reader.expectString("a text in quotes").text };
    case "junk":
    case "bypass":
      if (phase === "commit") throw new Misfit(at, `'${kind}' is too late in phase 'commit'`);
      return { kind };
    default:
      return unreachable(kind);
  }
}

/** `"NNN text"`: a reply that refuses, on one line. */
function parseRefusal(reader: TokenReader, kind: "reject" | "disconnect"): FilterAction {
  const { text, at } = reader.expectString('a reply in quotes, as in "550 go away"');
  const match = /^([45][0-5][0-9]) +(\P{Cc}+)$/u.exec(text);
  if (match === null)
    throw new Misfit(
      at,
      `invalid reply: ${text}`,
      'a code from 400 to 559 and a text, as in "550 go away"',
    );
  return { kind, code: Number(match[1]), text: match[2] ?? "" };
}
