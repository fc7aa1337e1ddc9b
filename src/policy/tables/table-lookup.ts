/**
 * Tables prepared for the question that is put to them: each service has its own idea
 * of when a key matches (OpenSMTPD table.c).
 *
 * Keys are compared in lower case, but for patterns. A key longer than any that a table
 * may hold is absent, not an error: a peer chooses its length, and must not be told to
 * try again for ever.
 */
import { ABSENT } from "#base/lookup.ts";
import { unreachable } from "#base/unreachable.ts";
import type { Table } from "#model/config/table.ts";
import type { TableService } from "#model/table-service.ts";
import type { LocalLookup, TableBackend, TableLookup } from "./answers.ts";
import { compileDomains } from "./domain.ts";
import { compileFingerprints } from "./fingerprint.ts";
import { createKeyMemory, type KeyMemory, MAX_KEY_LENGTH } from "./key-forms.ts";
import { foldKey, KeyIndex } from "./key-index.ts";
import { compileMailaddrs } from "./mailaddr.ts";
import { compileNetworks } from "./netaddr.ts";
import { passwdValue } from "./passwd.ts";
import { compileRegexes } from "./regex.ts";
import { compileRemote } from "./remote.ts";

export interface CompileSettings {
  /** `smtp sub-addr-delim`. */
  readonly delimiter: string;
  /** Needed for a remote table; without one its look-ups are unavailable. */
  readonly backend?: TableBackend | undefined;
  /** Shared by tables that are asked about the same things; made anew if absent. */
  readonly memory?: KeyMemory;
}

export function compileTable(
  table: Table,
  service: TableService,
  settings: CompileSettings,
): TableLookup {
  const memory = settings.memory ?? createKeyMemory(settings.delimiter);
  const lookup =
    table.shape === "remote"
      ? compileRemote(table.name, service, settings.backend, memory)
      : compileLocal(table, service, { delimiter: settings.delimiter, memory });
  if (service === "regex") return (key) => (key.length > MAX_KEY_LENGTH ? ABSENT : lookup(key));
  return (key) => (key.length > MAX_KEY_LENGTH ? ABSENT : lookup(foldKey(key)));
}

/** Gets keys in lower case, but for patterns. */
function compileLocal(
  table: Table,
  service: TableService,
  settings: { readonly delimiter: string; readonly memory: KeyMemory },
): LocalLookup {
  const { entries } = table;
  switch (service) {
    case "domain":
      return compileDomains(entries, settings.memory);
    case "netaddr":
    case "addrname":
    case "source":
      return compileNetworks(entries, settings.memory);
    case "mailaddr":
      return compileMailaddrs(entries, settings);
    case "fingerprint":
      return compileFingerprints(entries);
    case "regex":
      return compileRegexes(table.name, [...entries.keys()]);
    case "credentials":
    case "userinfo":
      return table.source.kind === "passwd"
        ? compilePasswd(entries, service)
        : compileStrings(entries);
    case "string":
    case "alias":
    case "relayhost":
    case "mailaddrmap":
      return compileStrings(entries);
    default:
      return unreachable(service);
  }
}

function compileStrings(entries: ReadonlyMap<string, string>): LocalLookup {
  const index = new KeyIndex(entries);
  return (key) => index.get(key) ?? ABSENT;
}

/** A user whose line lacks what the service asks for is not there. */
function compilePasswd(
  entries: ReadonlyMap<string, string>,
  service: "credentials" | "userinfo",
): LocalLookup {
  const index = new KeyIndex(entries);
  return (key) => {
    const line = index.get(key);
    const value = line && passwdValue(line.entry, line.value, service);
    return line === undefined || value === undefined ? ABSENT : { ...line, value };
  };
}
