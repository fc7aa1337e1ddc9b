/** What the configuration declares and nothing in it uses: most often a name that was mistyped, or a line left over. */
import type {
  Config,
  Filter,
  Listener,
  Place,
  RelayAction,
  Rule,
  Table,
} from "#model/config/config.ts";
import { type Finding, warning } from "./finding.ts";

interface Declared {
  readonly at: Place;
  readonly name: string;
}

export function unusedParts(config: Config): readonly Finding[] {
  const { listeners, rules } = config;
  const relays = [...config.actions.values()].filter((action) => action.kind === "relay");
  const filters = usedFilters(listeners, relays);
  const serving = listeners.flatMap(({ tls }) => (tls.mode === "none" ? [] : [tls]));
  const wrappers = [...config.actions.values()].map((action) =>
    action.kind === "relay" ? undefined : action.wrapper,
  );
  const procs = [...config.filters.values()].map((filter) =>
    filter.kind === "proc" ? filter.proc : undefined,
  );
  return [
    ...unused("table", declaredTables(config), usedTables(config)),
    ...unused("pki", config.pkis, [
      ...serving.flatMap(({ pkis }) => pkis),
      ...relays.map(({ pki }) => pki),
    ]),
    ...unused("ca", config.cas, [...serving.map(({ ca }) => ca), ...relays.map(({ ca }) => ca)]),
    ...unused("proc", config.procs, procs),
    ...unused("filter", config.filters, filters),
    ...unused("mda wrapper", config.mdaWrappers, wrappers),
    ...unused(
      "action",
      config.actions,
      rules.map(({ action }) => action),
    ),
  ];
}

function unused(
  what: string,
  declared: ReadonlyMap<string, Declared>,
  used: Iterable<unknown>,
): readonly Finding[] {
  const inUse = new Set(used);
  return [...declared.values()]
    .filter((each) => !inUse.has(each))
    .map(({ at, name }) => warning(at, `${what} ${name} is not used`));
}

function declaredTables({ tables }: Config): ReadonlyMap<string, Table> {
  return new Map(
    [...tables].filter(([name, { source }]) => source.kind !== "builtin" && !isAnonymous(name)),
  );
}

/** A list that stands where it is used. */
function isAnonymous(name: string): boolean {
  return name.startsWith("<");
}

function usedFilters(
  listeners: readonly Listener[],
  relays: readonly RelayAction[],
): readonly Filter[] {
  const named = [...listeners, ...relays].flatMap(({ filters }) => filters);
  return named.flatMap((filter) =>
    filter.kind === "chain" ? [filter, ...filter.filters] : filter,
  );
}

function usedTables(config: Config): readonly (Table | undefined)[] {
  return [
    ...config.listeners.flatMap(tablesOfListener),
    ...config.rules.flatMap(tablesOfRule),
    ...Array.from(config.filters.values(), tableOfFilter),
    ...[...config.actions.values()].flatMap((action) =>
      action.kind === "relay" ? tablesOfRelay(action) : [action.aliases?.table, action.userbase],
    ),
  ];
}

function tablesOfListener({ auth, hostnames, senders }: Listener): readonly (Table | undefined)[] {
  return [auth.mode === "none" ? undefined : auth.table, hostnames, senders?.table];
}

function tablesOfRelay({ to, auth, src, heloSrc }: RelayAction): readonly (Table | undefined)[] {
  return ["table" in to ? to.table : undefined, auth, src, heloSrc];
}

function tablesOfRule({ criteria }: Rule): readonly (Table | undefined)[] {
  return criteria.map(({ test }) => {
    const part = test.kind === "from" ? test.from : test.kind === "for" ? test.to : test;
    return "match" in part ? part.match?.table : undefined;
  });
}

function tableOfFilter(filter: Filter): Table | undefined {
  if (filter.kind !== "phase") return undefined;
  return "match" in filter.condition ? filter.condition.match?.table : undefined;
}
