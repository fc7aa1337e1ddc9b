/**
 * Prints the meaning of a configuration as a configuration: macros and includes
 * resolved, defaults written out, every word where it belongs. Read again in the
 * same context it means the same.
 */
import { formatEndpoint } from "#base/endpoint.ts";
import { unreachable } from "#base/unreachable.ts";
import type {
  Action,
  Config,
  ForCriterion,
  FromCriterion,
  Listener,
  Rule,
  Table,
} from "./config.ts";
import { formatDelay } from "./delay.ts";
import { isBareWord } from "./lexer.ts";
import { formatRelayHost } from "./relay-url.ts";
import { formatSize } from "./size.ts";

/** Ends in a newline. */
export function printConfig(config: Config): string {
  const sections = [
    [...config.tables.values()].filter(isDeclared).map(printTable),
    [
      `smtp max-message-size ${formatSize(config.maxMessageBytes)}`,
      `smtp limit max-rcpt ${config.maxRecipients} max-mails ${config.maxMailsPerSession}`,
      `smtp sub-addr-delim ${quote(config.subAddressDelimiter)}`,
      `queue ttl ${formatDelay(config.queueTtlMs)}`,
    ],
    config.listeners.map(printListener),
    [...config.actions.values()].map(printAction),
    config.rules.map(printRule),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join("\n")}\n`)
    .join("\n");
}

/** Others come into being where they are used, or by themselves. */
function isDeclared(table: Table): boolean {
  return table.source.kind !== "builtin" && !isAnonymous(table);
}

function isAnonymous(table: Table): boolean {
  return table.source.kind === "inline" && /^<dynamic:[0-9]+>$/u.test(table.name);
}

function printTable(table: Table): string {
  const { source } = table;
  const content = source.kind === "file" ? quote(`file:${source.path}`) : printItems(table);
  return `table ${printWord(table.name)} ${content}`;
}

function printItems(table: Table): string {
  const items = Array.from(table.entries, ([key, value]) =>
    table.shape === "list" ? printWord(key) : `${printWord(key)} = ${printWord(value)}`,
  );
  return `{ ${items.join(", ")} }`;
}

function printListener(listener: Listener): string {
  const { endpoint } = listener;
  const words = ["listen on"];
  if (endpoint.kind === "unix") {
    const mode = listener.socketMode.toString(8).padStart(4, "0");
    words.push("socket", quote(endpoint.path), "mode", mode);
  } else {
    words.push(printWord(endpoint.host), "port", String(endpoint.port));
    words.push("hostname", printWord(listener.hostname));
  }
  if (listener.tag !== "") words.push("tag", printWord(listener.tag));
  if (listener.maskSource) words.push("mask-src");
  return words.join(" ");
}

function printAction(action: Action): string {
  const words = ["action", printWord(action.name), action.kind, ...methodWords(action)];
  return [...words, "ttl", formatDelay(action.ttlMs)].join(" ");
}

function methodWords(action: Action): readonly string[] {
  switch (action.kind) {
    case "maildir":
      return [quote(action.path.source), ...userWords(action.user)];
    case "lmtp": {
      const destination = printWord(formatEndpoint(action.destination));
      return [destination, ...(action.rcptTo ? ["rcpt-to"] : []), ...userWords(action.user)];
    }
    case "relay": {
      const hosts = action.hosts.map((host) => printWord(formatRelayHost(host)));
      const list = hosts.length > 1 ? `{ ${hosts.join(", ")} }` : hosts.join("");
      return [...(list === "" ? [] : ["host", list]), "helo", printWord(action.helo)];
    }
    default:
      return unreachable(action);
  }
}

function userWords(user: string | undefined): readonly string[] {
  return user === undefined ? [] : ["user", printWord(user)];
}

function printRule(rule: Rule): string {
  const from = `${printNegation(rule.from)}from ${printFrom(rule.from.value)}`;
  const forWhom = `${printNegation(rule.for)}for ${printFor(rule.for.value)}`;
  const outcome = rule.action === "reject" ? "reject" : `action ${printWord(rule.action.name)}`;
  return `match ${from} ${forWhom} ${outcome}`;
}

function printNegation(criterion: Rule["from"] | Rule["for"]): string {
  return criterion.negated ? "!" : "";
}

function printFrom(from: FromCriterion): string {
  return from.kind === "src" ? `src ${printOperand(from.table)}` : from.kind;
}

function printFor(forWhom: ForCriterion): string {
  return forWhom.kind === "domain" ? `domain ${printOperand(forWhom.table)}` : forWhom.kind;
}

function printOperand(table: Table): string {
  if (!isAnonymous(table)) return `<${printWord(table.name)}>`;
  return table.entries.size === 1
    ? [...table.entries.keys()].map(printWord).join("")
    : printItems(table);
}

/** As it is where that reads back as the same text, else in quotes. */
function printWord(text: string): string {
  return isBareWord(text) ? text : quote(text);
}

/**
 * In double quotes. A backslash stands for itself there, but not before a quote or
 * blank, where it makes the next character plain; so those get one more.
 */
function quote(text: string): string {
  // Quotes cannot end in a backslash. Such a text was written without them, and can be again.
  if (text.endsWith("\\")) return text.replaceAll("\\", "\\\\");
  return `"${text.replaceAll('"', '\\"').replaceAll(/(?<=\\)[ \t]/gu, "\\$&")}"`;
}
