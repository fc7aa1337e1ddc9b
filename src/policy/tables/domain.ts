/**
 * Domain patterns, where `*` stands for any run of characters, dots included:
 * `*.example.org` matches at any depth, but not `example.org`. OpenSMTPD stops at
 * the first dot; most people who write it do not expect that. `*` alone matches
 * every name that is not empty.
 *
 * The most telling match wins: the name itself, then the longest `*.suffix`, then
 * the patterns with a star elsewhere in the order written, then `*`. The number of
 * entries does not matter but for those with a star elsewhere, which are tried one
 * by one.
 */
import { ABSENT } from "#base/lookup.ts";
import type { LocalLookup } from "./answers.ts";
import { isSimplePattern, matchesGlob } from "./glob.ts";
import { KeyIndex, foldKey } from "./key-index.ts";
import type { KeyMemory } from "./key-forms.ts";

export function compileDomains(
  entries: ReadonlyMap<string, string>,
  memory: KeyMemory,
): LocalLookup {
  const index = new KeyIndex(entries);
  const patterns = [...entries.keys()].filter((key) => key.includes("*")).map(foldKey);
  const globs = patterns.filter((pattern) => !isSimplePattern(pattern));
  return (name) => {
    const forms = memory.domain(name);
    for (const key of patterns.length > 0 ? forms.all : forms.plain) {
      if (key === "*" && globs.length > 0) {
        const glob = globs.find((pattern) => matchesGlob(pattern, name));
        if (glob !== undefined) return index.get(glob) ?? ABSENT;
      }
      const answer = index.get(key);
      if (answer !== undefined) return answer;
    }
    return ABSENT;
  };
}
