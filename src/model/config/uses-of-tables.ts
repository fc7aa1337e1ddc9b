/** Where a configuration uses its tables, and what for: a table may be there several times. */
import { unreachable } from "#base/unreachable.ts";
import type { Action } from "./action.ts";
import type { Config } from "./config.ts";
import type { Filter } from "./filter.ts";
import { credentialsOf, type Listener } from "./listener.ts";
import type { Rule } from "./rule.ts";
import type { Table } from "./table.ts";
import type { TableUse } from "./table-use.ts";

export interface UsedTable {
  readonly use: TableUse;
  readonly table: Table;
}

type Used = readonly [use: TableUse, table: Table | undefined];

export function usesOfTables(config: Config): readonly UsedTable[] {
  const used: readonly Used[] = [
    ...config.listeners.flatMap(usedByListener),
    ...[...config.actions.values()].flatMap(usedByAction),
    ...config.rules.flatMap(usedByRule),
    ...[...config.filters.values()].flatMap(usedByFilter),
  ];
  return used.flatMap(([use, table]) => (table === undefined ? [] : [{ use, table }]));
}

function usedByListener(listener: Listener): readonly Used[] {
  const { auth, hostnames, senders, proxy, xclient, tls } = listener;
  return [
    ["fingerprint", tls.mode === "none" ? undefined : tls.fingerprints],
    ["listen auth", credentialsOf(auth)],
    ["hostnames", hostnames],
    ["senders", senders?.table],
    ["proxy", proxy?.from],
    ["xclient", xclient],
  ];
}

function usedByAction(action: Action): readonly Used[] {
  if (action.kind !== "relay") {
    const { aliases, userbase } = action;
    return [
      [aliases?.kind ?? "alias", aliases?.table],
      ["userbase", userbase],
    ];
  }
  const { to, auth, src, heloSrc, fingerprints } = action;
  return [
    ["host", to.kind === "hosts" ? to.table : undefined],
    ["domain", to.kind === "domain" ? to.table : undefined],
    ["relay auth", auth],
    ["src", src],
    ["helo-src", heloSrc],
    ["fingerprint", fingerprints],
  ];
}

function usedByRule({ criteria }: Rule): readonly Used[] {
  return criteria.map(({ test }): Used => {
    switch (test.kind) {
      case "from":
        if (test.from.kind === "src") return ["from src", test.from.match.table];
        return ["from rdns", test.from.kind === "rdns" ? test.from.match?.table : undefined];
      case "for":
        return ["for domain", test.to.kind === "domain" ? test.to.match.table : undefined];
      case "tls":
        return ["fingerprint", test.match?.table];
      case "tag":
      case "helo":
      case "auth":
      case "mail-from":
      case "rcpt-to":
        return [test.kind, test.match?.table];
      default:
        return unreachable(test);
    }
  });
}

function usedByFilter(filter: Filter): readonly Used[] {
  if (filter.kind !== "phase" || filter.condition.kind === "fcrdns") return [];
  return [[`filter ${filter.condition.kind}`, filter.condition.match?.table]];
}
