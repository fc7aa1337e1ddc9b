/**
 * A configuration as JSON, to send from the parent to its children. Tables and
 * actions are written once and named where they are used; reading restores the
 * references and freezes the result.
 */
import type {
  Action,
  Config,
  Criterion,
  ForCriterion,
  FromCriterion,
  Rule,
  Table,
} from "./config.ts";
import { deepFreeze } from "./freeze.ts";

/** A criterion with the name of its table in its place. */
interface Named {
  readonly negated: boolean;
  readonly kind: string;
  readonly table?: string;
}

interface PlainConfig extends Omit<Config, "tables" | "actions" | "rules"> {
  readonly tables: readonly (Omit<Table, "entries"> & {
    readonly entries: readonly (readonly [string, string])[];
  })[];
  readonly actions: readonly Action[];
  readonly rules: readonly {
    readonly at: Rule["at"];
    readonly from: Named;
    readonly for: Named;
    /** The name of an action; none is a rejection. */
    readonly action?: string;
  }[];
}

export function serialiseConfig(config: Config): string {
  const plain: PlainConfig = {
    ...config,
    tables: Array.from(config.tables.values(), (table) => ({
      ...table,
      entries: [...table.entries],
    })),
    actions: [...config.actions.values()],
    rules: config.rules.map((rule) => ({
      at: rule.at,
      from: nameTable(rule.from),
      for: nameTable(rule.for),
      ...(rule.action === "reject" ? {} : { action: rule.action.name }),
    })),
  };
  return JSON.stringify(plain);
}

/** Reads what `serialiseConfig` wrote. @throws {TypeError} if it is anything else. */
export function deserialiseConfig(text: string): Config {
  const plain = JSON.parse(text) as PlainConfig;
  const tables = new Map(
    plain.tables.map((table) => [table.name, { ...table, entries: new Map(table.entries) }]),
  );
  const actions = new Map(
    plain.actions.map((action): [string, Action] => [action.name, restoreUndefined(action)]),
  );
  const rules = plain.rules.map(
    (rule): Rule => ({
      at: rule.at,
      from: findTable(rule.from, tables) as Criterion<FromCriterion>,
      for: findTable(rule.for, tables) as Criterion<ForCriterion>,
      action: rule.action === undefined ? "reject" : find(actions, rule.action),
    }),
  );
  return deepFreeze({ ...plain, tables, actions, rules });
}

/** JSON drops a field that is undefined; the type says that it is there. */
function restoreUndefined(action: Action): Action {
  return action.kind === "relay" ? action : { ...action, user: action.user };
}

function nameTable({ negated, value }: Criterion<FromCriterion | ForCriterion>): Named {
  if (!("table" in value)) return { negated, kind: value.kind };
  return { negated, kind: value.kind, table: value.table.name };
}

function findTable(
  { negated, kind, table }: Named,
  tables: ReadonlyMap<string, Table>,
): Criterion<{ readonly kind: string }> {
  if (table === undefined) return { negated, value: { kind } };
  const value: { readonly kind: string; readonly table: Table } = {
    kind,
    table: find(tables, table),
  };
  return { negated, value };
}

function find<Value>(named: ReadonlyMap<string, Value>, name: string): Value {
  const value = named.get(name);
  if (value === undefined) throw new TypeError(`Cannot read configuration: no '${name}' in it`);
  return value;
}
