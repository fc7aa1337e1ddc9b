/** `accept …` and `reject …` of OpenSMTPD before 6.4, as today's `action` and `match`. */
import { parseTableOperand } from "./parse-table.ts";
import { printWord, quote } from "./quote.ts";
import type { TableItems } from "./syntax.ts";
import type { TokenReader } from "./token-reader.ts";

/** More words than any such rule has; a line without end is not read to its end. */
const MAX_CLAUSES = 64;

/** What a rule has said so far, in today's words. */
interface Translation {
  readonly match: string[];
  /** `maildir "~/Mail"`, `relay host …`; undefined until it is known. */
  method: string | undefined;
  readonly options: string[];
  ttl: string | undefined;
}

/** Schemes of relay URLs that have another name today, without their `+auth`. */
const SCHEMES: Readonly<Record<string, string>> = {
  tls: "smtp+tls",
  ssl: "smtps",
  secure: "smtps",
};

/** Options of `relay` and `deliver` that are one word and its operand, and their words today. */
const OPERAND_OPTIONS: ReadonlyMap<string, string> = new Map([
  ["alias", "alias"],
  ["virtual", "virtual"],
  ["userbase", "userbase"],
  ["auth", "auth"],
  ["source", "src"],
  ["hostname", "helo"],
  ["hostnames", "helo-src"],
  ["pki", "pki"],
  ["ca", "ca"],
]);

/** The lines to write; undefined if the rule holds something that has no equivalent. */
export function translateRule(
  reader: TokenReader,
  decision: "accept" | "reject",
  name: string,
): readonly string[] | undefined {
  const rule: Translation = { match: [], method: undefined, options: [], ttl: undefined };
  for (let clauses = 0; !reader.isAtLineEnd(); clauses++)
    if (clauses > MAX_CLAUSES || !readClause(reader, rule)) return undefined;
  if (decision === "reject") return [["match", ...rule.match, "reject"].join(" ")];
  if (rule.method === undefined) return undefined;
  const isLocal = !rule.method.startsWith("relay");
  const words = ["action", name, rule.method, ...rule.options];
  // Every local delivery looked at `~/.forward` then.
  if (isLocal) words.push("forward-file");
  if (rule.ttl !== undefined) words.push("ttl", rule.ttl);
  return [words.join(" "), ["match", ...rule.match, "action", name].join(" ")];
}

/** Reads what follows a word of the rule; false if it is not known. */
type ReadClause = (reader: TokenReader, rule: Translation, not: string) => boolean;

const CLAUSES: ReadonlyMap<string, ReadClause> = new Map<string, ReadClause>([
  ["tagged", (reader, { match }, not) => pushOperand(reader, match, `${not}tag`)],
  ["sender", (reader, { match }) => pushOperand(reader, match, `${notNext(reader)}mail-from`)],
  ["recipient", (reader, { match }) => pushOperand(reader, match, `${notNext(reader)}rcpt-to`)],
  ["from", (reader, rule) => readParty(reader, rule, ["from", "source", "src"])],
  ["for", (reader, rule) => readParty(reader, rule, ["for", "domain", "domain"])],
  ["deliver", (reader, rule) => reader.accept("to") && readDelivery(reader, rule)],
  ["relay", readRelay],
  ["forward-only", (_, rule) => setMethod(rule, "forward-only")],
  ["expire", readExpire],
  ["as", readAs],
  ["backup", readBackup],
  ["rcpt-to", (_, rule) => addOption(rule, "rcpt-to")],
  ["tls", (reader, rule) => addOption(rule, reader.accept("verify") ? "tls" : "tls no-verify")],
  ["verify", (_, rule) => addOption(rule, "tls")],
]);

/** False if what comes next is not known. */
function readClause(reader: TokenReader, rule: Translation): boolean {
  const not = notNext(reader);
  const word = reader.take().text;
  const option = OPERAND_OPTIONS.get(word);
  if (option !== undefined) return pushOperand(reader, rule.options, option);
  return CLAUSES.get(word)?.(reader, rule, not) ?? false;
}

function notNext(reader: TokenReader): string {
  return reader.acceptSign("!") ? "!" : "";
}

/** `from` or `for`, with the word that a table follows, then and now. */
function readParty(
  reader: TokenReader,
  rule: Translation,
  [word, before, today]: readonly [word: string, before: string, today: string],
): boolean {
  const not = notNext(reader);
  if (reader.accept(before)) return pushOperand(reader, rule.match, `${not}${word} ${today}`);
  const { text } = reader.take();
  if (text !== "any" && text !== "local") return false;
  rule.match.push(`${not}${word} ${text}`);
  return true;
}

function setMethod(rule: Translation, method: string): boolean {
  rule.method = method;
  return true;
}

function addOption(rule: Translation, option: string): boolean {
  rule.options.push(option);
  return true;
}

function readExpire(reader: TokenReader, rule: Translation): boolean {
  rule.ttl = reader.take().text;
  return true;
}

function readAs(reader: TokenReader, rule: Translation): boolean {
  const isRelay = rule.method?.startsWith("relay") === true;
  return pushOperand(reader, rule.options, isRelay ? "mail-from" : "user");
}

function readBackup(reader: TokenReader, rule: Translation): boolean {
  const name = reader.isAtString() ? ` mx ${printWord(reader.take().text)}` : "";
  return addOption(rule, `backup${name}`);
}

function readDelivery(reader: TokenReader, rule: Translation): boolean {
  const { text } = reader.take();
  if (!["mbox", "maildir", "lmtp", "mda"].includes(text)) return false;
  rule.method = text;
  if (reader.isAtString() && !reader.isAt("as")) rule.method += ` ${quote(reader.take().text)}`;
  return true;
}

function readRelay(reader: TokenReader, rule: Translation): boolean {
  rule.method = "relay";
  if (reader.accept("via")) {
    if (!reader.isAtString()) return false;
    rule.method += ` host ${printWord(translateUrl(reader.take().text))}`;
  }
  return true;
}

/** `tls+auth://label@host` is `smtp+tls://label@host` today. */
function translateUrl(url: string): string {
  const [whole, old = "", rest = ""] = /^([a-z+]+):\/\/(.*)$/iu.exec(url) ?? [];
  if (whole === undefined) return url;
  const scheme = old.toLowerCase().replace(/\+auth$/u, "");
  return `${SCHEMES[scheme] ?? scheme}://${rest}`;
}

/** `<NAME>`, a value, or `{ … }`, printed after `word`. */
function pushOperand(reader: TokenReader, into: string[], word: string): boolean {
  if (reader.acceptSign("<")) {
    const name = takeName(reader);
    if (name === undefined || !reader.acceptSign(">")) return false;
    into.push(`${word} <${name}>`);
    return true;
  }
  if (reader.isAtSign("{")) {
    const operand = parseTableOperand(reader);
    if (operand.kind !== "inline") return false;
    into.push(`${word} { ${printItems(operand.items).join(", ")} }`);
    return true;
  }
  const value = takeName(reader);
  if (value === undefined) return false;
  into.push(`${word} ${value}`);
  return true;
}

function printItems(items: TableItems): readonly string[] {
  if (items.shape === "list") return items.items.map(({ text }) => printWord(text));
  return items.pairs.map(({ key, value }) => `${printWord(key.text)} = ${printWord(value.text)}`);
}

/** Some names of then are keywords by now, and are printed in quotes. */
function takeName(reader: TokenReader): string | undefined {
  const { kind } = reader.peek();
  if (kind !== "word" && kind !== "quoted" && kind !== "keyword") return undefined;
  return printWord(reader.take().text);
}
