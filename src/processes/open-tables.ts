/** The tables that are not in memory, of one configuration: open until another one is taken up. */
import type { TableFiles } from "#base/ports/table-files.ts";
import type { Config } from "#model/config/config.ts";
import type { Table } from "#model/config/table.ts";
import type { Observe } from "#model/events.ts";
import type { CredentialsTable } from "#engine/auth/credentials.ts";
import type { TableBackend, TableLookup } from "#policy/tables/answers.ts";
import { usesOfTables } from "#model/config/uses-of-tables.ts";
import { credentialsTables, relayTables } from "./lookup-credentials.ts";
import { bounded, WatchedTable } from "./watched-table.ts";

export interface OpenTables {
  /** By name. */
  readonly files: ReadonlyMap<string, WatchedTable>;
  /** By name. */
  readonly credentials: ReadonlyMap<string, CredentialsTable>;
  /** What relays show to their hosts, by name. */
  readonly relays: ReadonlyMap<string, TableLookup>;
  /** Of relays, which are told what is in them: for `host` and `src`. */
  readonly fetched: ReadonlySet<string>;
  /** What is wrong with them, in one line. */
  readonly fault: string | undefined;
}

/** Opens all of them; those that cannot be read now too: they may come to be readable. */
export function openTables(config: Config, tableFiles: TableFiles, observe: Observe): OpenTables {
  const files = new Map<string, WatchedTable>();
  const faults: string[] = [];
  for (const { name, source } of config.tables.values()) {
    if (source.kind !== "db") continue;
    const table = new WatchedTable(name, tableFiles.table(source.path), observe);
    const fault = table.check();
    if (fault !== undefined) faults.push(fault);
    files.set(name, table);
  }
  const fault = faults.length === 0 ? undefined : bounded(faults.join("; "));
  const backendOf = ({ name }: Table): TableBackend | undefined => files.get(name)?.backend;
  const credentials = credentialsTables(config, backendOf);
  const relays = relayTables(config, backendOf);
  return { files, credentials, relays, fetched: fetchedTables(config), fault };
}

export function closeTables({ files }: OpenTables): void {
  for (const table of files.values()) table.close();
}

function fetchedTables(config: Config): ReadonlySet<string> {
  const used = usesOfTables(config).filter(({ use }) => use === "host" || use === "src");
  return new Set(used.map(({ table }) => table.name));
}
