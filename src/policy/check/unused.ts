/** What the configuration declares and nothing in it uses: most often a name that was mistyped, or a line left over. */
import type { RelayAction } from "#model/config/action.ts";
import { isDeclared } from "#model/config/anonymous-table.ts";
import type { Config } from "#model/config/config.ts";
import type { Filter } from "#model/config/filter.ts";
import type { Listener } from "#model/config/listener.ts";
import { oauthsInUse } from "#model/config/oauths-in-use.ts";
import type { Place } from "#model/config/place.ts";
import type { Table } from "#model/config/table.ts";
import { usesOfTables } from "#model/config/uses-of-tables.ts";
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
    ...unused(
      "table",
      declaredTables(config),
      usesOfTables(config).map(({ table }) => table),
    ),
    ...unused("pki", config.pkis, [
      ...serving.flatMap(({ pkis }) => pkis),
      ...relays.map(({ pki }) => pki),
    ]),
    ...unused("ca", config.cas, [
      ...serving.map(({ ca }) => ca),
      ...relays.map(({ ca }) => ca),
      ...Array.from(config.oauths.values(), ({ ca }) => ca),
    ]),
    ...unused("oauth", config.oauths, oauthsInUse(config)),
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
  return new Map([...tables].filter(([, table]) => isDeclared(table)));
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
