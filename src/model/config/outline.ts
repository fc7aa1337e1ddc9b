/**
 * The parts of a configuration, each with its words, its place, and a digest of all that
 * it means: enough to compare two configurations, without what they keep secret. Words
 * show no password and no key; of a part that has one the digest can be left out.
 */
import { hash } from "node:crypto";
import { formatEndpoint } from "#base/endpoint.ts";
import type { Action } from "./action.ts";
import { isDeclared } from "./anonymous-table.ts";
import type { Config } from "./config.ts";
import type { Filter } from "./filter.ts";
import type { Listener, ListenerAuth } from "./listener.ts";
import type { OAuth } from "./oauth.ts";
import type { Place } from "./place.ts";
import { printAction } from "./print-action.ts";
import { printCa, printFilter, printPki, printProc, printWrapper } from "./print-filter.ts";
import { printListener } from "./print-listener.ts";
import { printOAuth } from "./print-oauth.ts";
import { printRule } from "./print-rule.ts";
import { printLimits, printSettings } from "./print-settings.ts";
import { printTable } from "./print-table.ts";
import { formatLine, type PrintedLine } from "./printed-line.ts";
import type { Rule } from "./rule.ts";
import type { Table } from "./table.ts";
import { TABLE_USES } from "./table-use.ts";
import { usesOfTables } from "./uses-of-tables.ts";

export const SECTIONS = [
  "setting",
  "table",
  /** A file that aliases include. */
  "include",
  "pki",
  "ca",
  /** Who judges tokens. */
  "oauth",
  "proc",
  "filter",
  "wrapper",
  "listener",
  "action",
  "rule",
] as const;
export type Section = (typeof SECTIONS)[number];

export interface OutlineItem {
  readonly section: Section;
  /** What makes it the same part in another configuration: a name, an endpoint; "" for a rule. */
  readonly name: string;
  /** As smtpd.conf has it; long lists and what is secret are not written out. */
  readonly text: string;
  /** Undefined for a default. */
  readonly at: Place | undefined;
  /** Of everything that it means; "" where that is left out. */
  readonly digest: string;
}

/** In the order of the text, section by section. */
export type Outline = readonly OutlineItem[];

/** Entries of a table that are written out. */
const MAX_SHOWN_ENTRIES = 8;
/** Longest text of a part. */
export const MAX_OUTLINE_TEXT = 512;
const HIDDEN = "(hidden)";

/** @param secrets "left-out": who reads the outline is not to know them, nor to guess at them. */
export function outlineOf(config: Config, secrets: "digested" | "left-out"): Outline {
  const outliner = new Outliner(config, secrets === "digested");
  const { tables, pkis, cas, oauths, procs, filters, mdaWrappers, listeners, actions, rules } =
    config;
  return [
    ...[...printSettings(config), ...printLimits(config, "all")].map((printed) =>
      outliner.setting(printed),
    ),
    ...[...tables.values()].filter(isDeclared).map((table) => outliner.table(table)),
    ...Array.from(config.includes, ([path, text]) => outliner.include(path, text)),
    ...Array.from(pkis.values(), (pki) => outliner.named("pki", pki.name, printPki(pki))),
    ...Array.from(cas.values(), (ca) => outliner.named("ca", ca.name, printCa(ca))),
    ...Array.from(oauths.values(), (oauth) => outliner.oauth(oauth)),
    ...Array.from(procs.values(), (proc) => outliner.named("proc", proc.name, printProc(proc))),
    ...Array.from(filters.values(), (filter) => outliner.filter(filter)),
    ...Array.from(mdaWrappers.values(), (wrapper) =>
      outliner.named("wrapper", wrapper.name, printWrapper(wrapper)),
    ),
    ...listeners.map((listener) => outliner.listener(listener)),
    ...Array.from(actions.values(), (action) => outliner.action(action)),
    ...rules.map((rule) => outliner.rule(rule)),
  ];
}

class Outliner {
  readonly #config: Config;
  readonly #digestsSecrets: boolean;
  readonly #secretTables: ReadonlySet<Table>;

  constructor(config: Config, digestsSecrets: boolean) {
    this.#config = config;
    this.#digestsSecrets = digestsSecrets;
    this.#secretTables = new Set(secretTables(config));
  }

  setting(printed: PrintedLine): OutlineItem {
    const { subject = "", at } = printed;
    const isSecret = this.#isSecretSetting(subject);
    const words = formatLine(printed);
    const text = isSecret ? `${subject} ${HIDDEN}` : words;
    return this.#item({ section: "setting", name: subject, text, at }, words, isSecret);
  }

  table(table: Table): OutlineItem {
    const { name, at, entries, source } = table;
    const isSecret = this.#secretTables.has(table) || source.kind === "passwd";
    const isInline = source.kind === "inline";
    const isShort = isInline && !isSecret && entries.size <= MAX_SHOWN_ENTRIES;
    const count = `${entries.size} ${entries.size === 1 ? "entry" : "entries"}`;
    const words = formatLine(printTable(table));
    const bare = isInline ? `table ${name} { ${count} }` : `${words}, ${count}`;
    const text = isShort || table.shape === "remote" ? words : bare;
    const all = JSON.stringify([words, table.shape, ...entries]);
    return this.#item({ section: "table", name, text, at }, all, isSecret);
  }

  include(path: string, text: string): OutlineItem {
    const words = `include:${path}, ${text.length} characters`;
    return this.#item({ section: "include", name: path, text: words, at: undefined }, text, false);
  }

  oauth(oauth: OAuth): OutlineItem {
    const { at, name, client } = oauth;
    const text = formatLine(printOAuth(oauth));
    const secret = client && this.#config.oauthSecrets.get(client.path);
    const all = JSON.stringify([text, secret]);
    return this.#item({ section: "oauth", name, text, at }, all, secret !== undefined);
  }

  listener(listener: Listener): OutlineItem {
    const { auth, endpoint } = listener;
    const shown: Listener = { ...listener, auth: withoutCredentials(auth) };
    const name = formatEndpoint(endpoint);
    return this.named("listener", name, printListener(listener), printListener(shown));
  }

  action(action: Action): OutlineItem {
    const shown: Action =
      action.kind === "relay" ? { ...action, auth: withoutValues(action.auth) } : action;
    return this.named("action", action.name, printAction(action), printAction(shown));
  }

  filter(filter: Filter): OutlineItem {
    const printed = printFilter(filter, this.#config);
    const shown = printFilter(filterWithoutPasswords(filter), this.#config);
    return this.named("filter", filter.name, printed, shown);
  }

  rule(rule: Rule): OutlineItem {
    return this.named("rule", "", printRule(rule), printRule(withoutPasswords(rule)));
  }

  /** @param shown `printed` without what is secret in it. */
  named(section: Section, name: string, printed: PrintedLine, shown = printed): OutlineItem {
    const words = formatLine(printed);
    const text = formatLine(shown);
    return this.#item({ section, name, text, at: printed.at }, words, text !== words);
  }

  #item(shown: Omit<OutlineItem, "digest">, all: string, isSecret: boolean): OutlineItem {
    const isLeftOut = isSecret && !this.#digestsSecrets;
    const digest = isLeftOut ? "" : hash("sha256", all);
    return { ...shown, text: shortened(shown.text), digest };
  }

  #isSecretSetting(subject: string): boolean {
    if (subject.startsWith("srs key")) return true;
    return subject === "queue encryption" && this.#config.queueEncryption.kind === "key";
  }
}

function secretTables(config: Config): readonly Table[] {
  const uses = usesOfTables(config).filter(({ use }) => TABLE_USES[use].isSecret === true);
  return uses.map(({ table }) => table);
}

/** A table that stands where it is used is printed there, and with it what it holds. */
function withoutValues<Maybe extends Table | undefined>(table: Maybe): Table | Maybe {
  if (table === undefined || table.shape === "list" || isDeclared(table)) return table;
  const entries = new Map(Array.from(table.entries.keys(), (key) => [key, HIDDEN]));
  return { ...table, entries };
}

function withoutCredentials(auth: ListenerAuth): ListenerAuth {
  if (auth.mode === "none" || auth.passwords.kind !== "table") return auth;
  const { passwords } = auth;
  return { ...auth, passwords: { ...passwords, table: withoutValues(passwords.table) } };
}

/** The rule as it may be shown: a list of `auth` that stands in it may have passwords. */
export function withoutPasswords(rule: Rule): Rule {
  const criteria = rule.criteria.map((criterion) => {
    const { test } = criterion;
    if (test.kind !== "auth" || test.match === undefined) return criterion;
    const table = withoutValues(test.match.table);
    return { ...criterion, test: { ...test, match: { ...test.match, table } } };
  });
  return { ...rule, criteria };
}

function filterWithoutPasswords(filter: Filter): Filter {
  if (filter.kind !== "phase") return filter;
  const { condition } = filter;
  if (condition.kind !== "auth" || condition.match === undefined) return filter;
  const match = { ...condition.match, table: withoutValues(condition.match.table) };
  return { ...filter, condition: { ...condition, match } };
}

function shortened(text: string): string {
  return text.length <= MAX_OUTLINE_TEXT ? text : `${text.slice(0, MAX_OUTLINE_TEXT - 3)}...`;
}
