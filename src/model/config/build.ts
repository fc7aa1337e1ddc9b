/**
 * From the syntax tree to the meaning: names become references, defaults are
 * filled in, values are checked against their bounds.
 *
 * Tables and actions may be used before the line that declares them, which
 * OpenSMTPD refuses; a file that it takes means the same here.
 *
 * Source: smtpd.conf(5); OpenSMTPD parse.y.
 */
import { type ActionDefaults, buildAction } from "./build-action.ts";
import { buildListeners } from "./build-listener.ts";
import { buildRule } from "./build-rule.ts";
import { buildSettings } from "./build-settings.ts";
import type { ComplaintList } from "./complaint.ts";
import { type Action, type Config, formatPlace, type Place } from "./config.ts";
import type { BuildInput } from "./config-source.ts";
import type { ActionStatement, Statement, Word } from "./syntax.ts";
import { warnOfGaps } from "./gap-warnings.ts";
import { TableStore } from "./table-store.ts";
import { meantHint } from "./token-reader.ts";

/** What this returns is of use only if `complaints` has no errors. */
export function build(
  statements: readonly Statement[],
  input: BuildInput,
  complaints: ComplaintList,
): Config {
  const { serverName } = input.context;
  const whole: Place = { file: input.file, line: 0, column: 0 };
  const settings = buildSettings(statements, complaints);
  const tables = new TableStore(complaints, input);
  tables.addBuiltins(input.context, whole);
  for (const statement of statements) if (statement.kind === "table") tables.declare(statement);

  const actions = new ActionStore(complaints, tables, input.isPartial);
  const defaults = { serverName, queueTtlMs: settings.queueTtlMs };
  for (const statement of statements)
    if (statement.kind === "action") actions.declare(statement, defaults);

  const matches = statements.filter((statement) => statement.kind === "match");
  const rules = matches
    .map((statement) => buildRule(statement, tables, (name) => actions.named(name)))
    .filter((rule) => rule !== undefined);
  const listens = statements.filter((statement) => statement.kind === "listen");
  const listeners = buildListeners(listens, input.context, complaints);
  const config = {
    serverName,
    listeners,
    tables: tables.all(),
    actions: actions.all(),
    rules,
    ...settings,
  };
  if (matches.length === 0 && !input.isPartial) complaints.error(whole, "no rules, nothing to do");
  if (!complaints.hasErrors) warnOfGaps(config, whole, complaints);
  return config;
}

/** The actions of a configuration while it is built. */
class ActionStore {
  readonly #complaints: ComplaintList;
  readonly #tables: TableStore;
  readonly #isPartial: boolean;
  /** Undefined for an action that has complaints of its own. */
  readonly #actions = new Map<string, Action | undefined>();
  readonly #places = new Map<string, Place>();

  constructor(complaints: ComplaintList, tables: TableStore, isPartial: boolean) {
    this.#complaints = complaints;
    this.#tables = tables;
    this.#isPartial = isPartial;
  }

  declare(statement: ActionStatement, defaults: ActionDefaults): void {
    const { text, at } = statement.name;
    const earlier = this.#places.get(text);
    if (text === "") this.#complaints.error(at, "an action needs a name");
    if (earlier === undefined) {
      this.#places.set(text, at);
      this.#actions.set(text, buildAction(statement, defaults, this.#tables, this.#complaints));
      return;
    }
    this.#complaints.error(
      at,
      `dispatcher already declared with that name: ${text}`,
      `see ${formatPlace(earlier)}`,
    );
  }

  named(name: Word): Action | undefined {
    if (!this.#actions.has(name.text) && !this.#isPartial)
      this.#complaints.error(
        name.at,
        `no such dispatcher: ${name.text}`,
        meantHint(name.text, [...this.#actions.keys()]),
      );
    return this.#actions.get(name.text);
  }

  all(): ReadonlyMap<string, Action> {
    const built = [...this.#actions].filter(
      (entry): entry is [string, Action] => entry[1] !== undefined,
    );
    return new Map(built);
  }
}
