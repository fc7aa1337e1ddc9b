/**
 * What `from local` and `for local` stand for: the server's own lists, and what is local
 * besides.
 */
import type { Config } from "#model/config/config.ts";
import type { Table } from "#model/config/table.ts";

const NO_ENTRIES: ReadonlyMap<string, string> = new Map();

export interface LocalTables {
  /** Asked as "netaddr": `<localhost>`, and all of the loopback network. */
  readonly addresses: Table;
  /** Asked as "domain": `<localnames>`, where an address may also stand as a literal (RFC 5321 §4.1.3). */
  readonly names: Table;
}

/** They have the names of the server's lists, which they hold more than. */
export function localTables({ tables, serverName }: Config): LocalTables {
  const addresses = [...(tables.get("localhost")?.entries ?? NO_ENTRIES).keys()];
  const names = [...(tables.get("localnames")?.entries ?? NO_ENTRIES).keys()];
  const literals = addresses.map((text) => (text.includes(":") ? `[ipv6:${text}]` : `[${text}]`));
  return {
    addresses: builtin("localhost", [...addresses, "local", "127.0.0.0/8", "::1"]),
    names: builtin("localnames", [...names, "localhost", serverName, ...literals]),
  };
}

function builtin(name: string, keys: readonly string[]): Table {
  return {
    at: { file: "", line: 0, column: 0 },
    name,
    source: { kind: "builtin" },
    shape: "list",
    entries: new Map(keys.map((key) => [key, ""])),
  };
}
