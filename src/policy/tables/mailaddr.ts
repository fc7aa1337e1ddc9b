/**
 * Mail addresses as rules name them: `user@domain`, `@domain`, `user` (in any domain) and
 * `@`, which matches everything, the null sender too. The domain may be a pattern
 * (domain.ts); a `*` in place of the user is a user of that name. Neither part is
 * compared by case. The tag of an address (`user+tag`) is passed over unless the entry
 * has one.
 *
 * The most telling entry wins (key-forms.ts has the order); patterns with a star
 * elsewhere than in front of the domain are tried one by one, after all others but `@`.
 *
 * Source: OpenSMTPD table.c (table_mailaddr_match); virtual(5) for the order.
 */
import { ABSENT } from "#base/lookup.ts";
import { splitAddress } from "#protocols/mail/address.ts";
import type { LocalLookup } from "./answers.ts";
import { isSimplePattern, matchesGlob } from "./glob.ts";
import { type KeyMemory, withoutTag } from "./key-forms.ts";
import { foldKey, KeyIndex } from "./key-index.ts";

interface AddressGlob {
  readonly key: string;
  /** "" is every user. */
  readonly user: string;
  readonly domain: string;
}

export interface MailaddrSettings {
  readonly memory: KeyMemory;
  readonly delimiter: string;
}

export function compileMailaddrs(
  entries: ReadonlyMap<string, string>,
  { memory, delimiter }: MailaddrSettings,
): LocalLookup {
  const index = new KeyIndex(entries);
  const patterns = [...entries.keys()].filter(hasDomainPattern).map(foldKey);
  const globs = patterns.map(toGlob).filter(({ domain }) => !isSimplePattern(domain));
  return (address) => {
    const forms = memory.mailaddr(address);
    for (const key of patterns.length > 0 ? forms.all : forms.plain) {
      if (key === "@" && globs.length > 0) {
        const glob = findGlob(globs, address, delimiter);
        if (glob !== undefined) return index.get(glob.key) ?? ABSENT;
      }
      const answer = index.get(key);
      if (answer !== undefined) return answer;
    }
    return ABSENT;
  };
}

function hasDomainPattern(key: string): boolean {
  return key.includes("@") && splitAddress(key).domain.includes("*");
}

function toGlob(key: string): AddressGlob {
  const { localPart, domain } = splitAddress(key);
  return { key, user: localPart, domain };
}

function findGlob(
  globs: readonly AddressGlob[],
  address: string,
  delimiter: string,
): AddressGlob | undefined {
  const { localPart, domain } = splitAddress(address);
  if (domain === "") return undefined;
  const bare = withoutTag(localPart, delimiter);
  return globs.find(
    (glob) =>
      (glob.user === "" || glob.user === localPart || glob.user === bare) &&
      matchesGlob(glob.domain, domain),
  );
}
