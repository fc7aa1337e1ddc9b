/**
 * Tables whose entries are elsewhere: in a database, or behind a program. All keys that
 * could match are asked for in one question, the most telling first. So a remote table
 * knows names, `*.suffix` and `*`, addresses and `ADDRESS/BITS` with the host bits zero
 * (IPv6 in the form of RFC 5952), and the forms of a mail address; it knows no pattern
 * with a star elsewhere, and no regular expressions, which would need every entry.
 *
 * OpenSMTPD reads all keys of a `db:` table for each such look-up.
 */
import { ABSENT } from "#base/lookup.ts";
import { fingerprintsOfKey } from "#model/fingerprint.ts";
import type { TableService } from "#model/table-service.ts";
import type { TableAnswer, TableBackend, TableLookup } from "./answers.ts";
import { type KeyMemory, networkKeys } from "./key-forms.ts";

export function compileRemote(
  name: string,
  service: TableService,
  backend: TableBackend | undefined,
  memory: KeyMemory,
): TableLookup {
  if (backend === undefined) return unavailable(`Cannot ask table ${name}: it has no backend`);
  if (service === "regex") return unavailable(`Cannot ask table ${name} for patterns`);
  return async (key) => {
    const keys = remoteKeys(service, key, memory);
    if (keys.length === 0) return ABSENT;
    try {
      return await backend.lookupAny(service, keys);
    } catch (cause) {
      return {
        kind: "unavailable",
        cause: cause instanceof Error ? cause : new Error(String(cause)),
      };
    }
  };
}

function remoteKeys(service: TableService, key: string, memory: KeyMemory): readonly string[] {
  if (service === "domain") return memory.domain(key).all;
  if (service === "mailaddr") return memory.mailaddr(key).all;
  if (service === "fingerprint") return fingerprintsOfKey(key);
  if (service !== "netaddr" && service !== "addrname" && service !== "source") return [key];
  const address = memory.ip(key);
  return address === undefined ? [key] : networkKeys(address);
}

function unavailable(why: string): TableLookup {
  const answer: TableAnswer = { kind: "unavailable", cause: new Error(why) };
  return () => answer;
}
