/**
 * Fingerprints of a peer's certificate and key against a table of them: one of them is
 * enough. Entries in any form are compared as one (model/fingerprint.ts).
 */
import { ABSENT } from "#base/lookup.ts";
import { fingerprintsOfKey, parseFingerprint } from "#model/fingerprint.ts";
import type { LocalLookup } from "./answers.ts";

export function compileFingerprints(entries: ReadonlyMap<string, string>): LocalLookup {
  const known = new Map<string, string>();
  for (const entry of entries.keys()) {
    const fingerprint = parseFingerprint(entry);
    if (fingerprint !== undefined && !known.has(fingerprint)) known.set(fingerprint, entry);
  }
  return (key) => {
    for (const fingerprint of fingerprintsOfKey(key)) {
      const entry = known.get(fingerprint);
      if (entry !== undefined) return { kind: "found", value: entries.get(entry) ?? "", entry };
    }
    return ABSENT;
  };
}
