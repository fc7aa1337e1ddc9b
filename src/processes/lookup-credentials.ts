/**
 * The tables of one configuration that `auth` names: of listeners, as engine/auth asks them,
 * and of relays. A table that a configuration does not use for that tells nobody's password.
 */
import type { Config } from "#model/config/config.ts";
import type { Table } from "#model/config/table.ts";
import { usesOfTables } from "#model/config/uses-of-tables.ts";
import type { CredentialsTable } from "#engine/auth/credentials.ts";
import type { TableBackend, TableLookup } from "#policy/tables/answers.ts";
import { compileTable } from "#policy/tables/table-lookup.ts";

/** `auth` of relays: `user:password` by label. */
export function relayTables(
  config: Config,
  backendOf: (table: Table) => TableBackend | undefined,
): ReadonlyMap<string, TableLookup> {
  const { subAddressDelimiter: delimiter } = config;
  const tables = usesOfTables(config).flatMap(({ use, table }) =>
    use === "relay auth" ? [table] : [],
  );
  return new Map(
    tables.map((table) => {
      const backend = backendOf(table);
      return [table.name, compileTable(table, "credentials", { delimiter, backend })];
    }),
  );
}

/** @param backendOf where the entries of a table are that is not in memory. */
export function credentialsTables(
  config: Config,
  backendOf: (table: Table) => TableBackend | undefined,
): ReadonlyMap<string, CredentialsTable> {
  const tables = usesOfTables(config).flatMap(({ use, table }) =>
    use === "listen auth" ? [table] : [],
  );
  return new Map(tables.map((table) => [table.name, credentialsTable(table, config, backendOf)]));
}

function credentialsTable(
  table: Table,
  { subAddressDelimiter: delimiter }: Config,
  backendOf: (table: Table) => TableBackend | undefined,
): CredentialsTable {
  const backend = backendOf(table);
  return {
    name: table.name,
    lookup: compileTable(table, "credentials", { delimiter, backend }),
    entries: table.source.kind === "passwd" ? passwdEntries(table) : [...table.entries],
  };
}

/** Of a line of passwd(5) only the hash. */
function passwdEntries({ entries }: Table): readonly (readonly [string, string])[] {
  return Array.from(entries, ([user, line]) => [user, line.slice(0, hashLength(line))] as const);
}

function hashLength(line: string): number {
  const colon = line.indexOf(":");
  return colon < 0 ? line.length : colon;
}
