/**
 * From the syntax tree to the meaning: names become references, defaults are
 * filled in, values are checked against their bounds.
 *
 * Whatever a line names may be declared after it, which OpenSMTPD refuses; a file
 * that it takes means the same here.
 *
 * Source: smtpd.conf(5); OpenSMTPD parse.y.
 */
import type { Action, MdaWrapper } from "./action.ts";
import { warnOfActionDifferences } from "./action-differences.ts";
import { buildAction } from "./build-action.ts";
import { buildFilters } from "./build-filter.ts";
import { buildListeners } from "./build-listener.ts";
import { isTaken, Names } from "./build-names.ts";
import { buildOAuths, loadOAuthSecrets } from "./build-oauth.ts";
import { buildCas, buildPkis } from "./build-pki.ts";
import { buildRule } from "./build-rule.ts";
import type { BuildScope } from "./build-scope.ts";
import { buildSettings } from "./build-settings.ts";
import { buildWrappers } from "./build-wrapper.ts";
import type { ComplaintList } from "./complaint.ts";
import type { Config } from "./config.ts";
import type { BuildInput } from "./config-source.ts";
import { MAX_ACTION_NAME_LENGTH } from "./defaults.ts";
import { warnOfGaps } from "./gap-warnings.ts";
import { loadIncludes } from "./includes.ts";
import type { OAuth } from "./oauth.ts";
import type { Ca, Pki } from "./pki.ts";
import type { Place } from "./place.ts";
import type { ActionStatement, Statement } from "./syntax.ts";
import { TableStore } from "./table-store.ts";

/** What this returns is of use only if `complaints` has no errors. */
export function build(
  statements: readonly Statement[],
  input: BuildInput,
  complaints: ComplaintList,
): Config {
  const { context, isPartial } = input;
  const whole: Place = { file: input.file, line: 0, column: 0 };
  const { settings, places } = buildSettings(statements, context, complaints);
  const tables = new TableStore(complaints, input);
  tables.addBuiltins(context, whole);
  for (const statement of statements) if (statement.kind === "table") tables.declare(statement);

  const pkis = new Names<Pki>(
    buildPkis(statements),
    (name) => `pki name not found: ${name}`,
    complaints,
    isPartial,
  );
  const cas = new Names<Ca>(
    buildCas(statements),
    (name) => `ca name not found: ${name}`,
    complaints,
    isPartial,
  );
  // Host names of certificates are the same in any case.
  const ca: BuildScope["ca"] = ({ text, at }) => cas.named({ text: text.toLowerCase(), at });
  const oauths = new Names<OAuth>(
    buildOAuths(statements, { complaints, ca }),
    (name) => `no such oauth: ${name}`,
    complaints,
    isPartial,
  );
  const wrappers = new Names<MdaWrapper>(
    buildWrappers(statements, complaints),
    (name) => `no mda wrapper with that name: ${name}`,
    complaints,
    isPartial,
  );
  const filters = buildFilters(statements, { complaints, tables, isPartial });
  const scope: BuildScope = {
    context,
    complaints,
    tables,
    settings,
    tellsDifferences: settings.compat === "none" && !places.has("compat"),
    pki: ({ text, at }) => pkis.named({ text: text.toLowerCase(), at }),
    ca,
    oauth: (name) => oauths.named(name),
    wrapper: (name) => wrappers.named(name),
    filters: (operand) => filters.named(operand),
  };

  const listeners = buildListeners(
    statements.filter((statement) => statement.kind === "listen"),
    whole,
    scope,
  );
  const actions = new Names<Action>(
    buildActions(statements, scope),
    (name) => `no such dispatcher: ${name}`,
    complaints,
    isPartial,
  );
  const matches = statements.filter((statement) => statement.kind === "match");
  const rules = matches
    .map((statement) => buildRule(statement, scope, (name) => actions.named(name)))
    .filter((rule) => rule !== undefined);
  const config: Config = {
    ...settings,
    serverName: context.serverName,
    places,
    listeners,
    tables: tables.all(),
    pkis: pkis.all(),
    cas: cas.all(),
    oauths: oauths.all(),
    oauthSecrets: loadOAuthSecrets(oauths.all().values(), input.read, complaints),
    procs: filters.procs,
    filters: filters.filters,
    mdaWrappers: wrappers.all(),
    actions: actions.all(),
    rules,
    includes: loadIncludes(actions.all().values(), input.readIncluded, complaints),
  };
  if (matches.length === 0 && !isPartial) complaints.error(whole, "no rules, nothing to do");
  if (!complaints.hasErrors) warnOfGaps(config, whole, complaints);
  warnOfActionDifferences(config.actions.values(), scope);
  return config;
}

/** By name; undefined for an action that has complaints of its own. */
function buildActions(
  statements: readonly Statement[],
  scope: BuildScope,
): ReadonlyMap<string, Action | undefined> {
  const actions = new Map<string, Action | undefined>();
  const places = new Map<string, Place>();
  const declared = statements.filter(
    (statement): statement is ActionStatement => statement.kind === "action",
  );
  for (const statement of declared) {
    const { name } = statement;
    if (name.text === "") scope.complaints.error(name.at, "an action needs a name");
    if (name.text.length > MAX_ACTION_NAME_LENGTH)
      scope.complaints.error(
        name.at,
        "action name too long",
        `at most ${MAX_ACTION_NAME_LENGTH} characters`,
      );
    if (isTaken(name, places, "dispatcher", scope.complaints)) continue;
    actions.set(name.text, buildAction(statement, scope));
  }
  return actions;
}
