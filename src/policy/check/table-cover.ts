/**
 * Whether one list of a rule holds for every key that another holds for: the same list,
 * or a wider one (a network in a larger one, a domain under a `*.suffix`). "No" may also
 * mean that nobody can say.
 *
 * Entries are compared only of lists that are written in the configuration, or that the
 * server makes: a file may have others tomorrow (`update table`), and a remote table is
 * not asked. The rules are those of policy/tables.
 */
import { networkHolds, parseIpNetwork } from "#base/ip-address.ts";
import { splitAddress } from "#protocols/mail/address.ts";
import type { TableMatch } from "#model/config/table.ts";
import { isSimplePattern, matchesGlob } from "#policy/tables/glob.ts";
import { withoutTag } from "#policy/tables/key-forms.ts";
import { foldKey } from "#policy/tables/key-index.ts";

/** How the entries of a list are compared: the services of policy/tables that rules use. */
export type CoverService = "string" | "domain" | "netaddr" | "mailaddr";

/** Whether `wide` holds for every key that the single entry `narrow` holds for. Both are folded. */
type CoversEntry = (wide: string, narrow: string, delimiter: string) => boolean;

/** A list as the checks see it; undefined entries are not known for good. */
export interface KeyList {
  /** Which table it is; two of one name are the same. */
  readonly name: string;
  readonly regex: boolean;
  readonly entries: ReadonlySet<string> | undefined;
}

/** Entries against entries: more are not compared. */
const MAX_PAIRS = 100_000;

export function keyListOf({ table, regex }: TableMatch): KeyList {
  const { name, source, entries } = table;
  const isFixed = source.kind === "inline" || source.kind === "builtin";
  if (!isFixed) return { name, regex, entries: undefined };
  return { name, regex, entries: new Set(regex ? entries.keys() : foldedKeys(entries)) };
}

/** Whether `wide` holds for every key that `narrow` holds for. */
export function covers(
  wide: KeyList,
  narrow: KeyList,
  service: CoverService,
  delimiter: string,
): boolean {
  if (wide.regex !== narrow.regex) return false;
  if (wide.name === narrow.name) return true;
  if (wide.regex) return holdsEach(wide.entries, narrow.entries);
  if (service === "domain" && wide.entries?.has("*") === true) return true;
  if (wide.entries === undefined || narrow.entries === undefined) return false;
  if (wide.entries.size * narrow.entries.size > MAX_PAIRS)
    return holdsEach(wide.entries, narrow.entries);
  const { entries } = wide;
  const coversEntry = ENTRY_COVERS[service];
  return [...narrow.entries].every(
    (entry) =>
      entries.has(entry) || [...entries].some((each) => coversEntry(each, entry, delimiter)),
  );
}

/** Whether there is no key that both hold for. */
export function areDisjoint(
  left: KeyList,
  right: KeyList,
  service: CoverService,
  delimiter: string,
): boolean {
  if (left.regex || right.regex) return false;
  const [ours, theirs] = [left.entries, right.entries];
  if (ours === undefined || theirs === undefined) return false;
  // Local parts and domains of mail addresses may cross; of the others one holds the other, or not.
  if (service === "mailaddr" || ours.size * theirs.size > MAX_PAIRS) return false;
  const coversEntry = ENTRY_COVERS[service];
  const mayCross = (entry: string): boolean =>
    service === "domain" && entry.includes("*") && !isSimplePattern(entry);
  return [...ours].every((one) =>
    [...theirs].every(
      (other) =>
        one !== other &&
        !mayCross(one) &&
        !mayCross(other) &&
        !coversEntry(one, other, delimiter) &&
        !coversEntry(other, one, delimiter),
    ),
  );
}

/** Whether it holds for every client: all that `<anyhost>` has. */
export function isEveryAddress({ regex, entries }: KeyList): boolean {
  if (regex || entries === undefined || !entries.has("local")) return false;
  const widest = [...entries].map(parseIpNetwork).filter((each) => each?.prefixBits === 0);
  return new Set(widest.map((each) => each?.address.family)).size === 2;
}

/** Whether it holds for every domain. */
export function isEveryDomain({ regex, entries }: KeyList): boolean {
  return !regex && entries?.has("*") === true;
}

function foldedKeys(entries: ReadonlyMap<string, string>): readonly string[] {
  return Array.from(entries.keys(), foldKey);
}

function holdsEach(
  wide: ReadonlySet<string> | undefined,
  narrow: ReadonlySet<string> | undefined,
): boolean {
  if (wide === undefined || narrow === undefined) return false;
  return [...narrow].every((entry) => wide.has(entry));
}

const ENTRY_COVERS: Readonly<Record<CoverService, CoversEntry>> = {
  string: (wide, narrow) => wide === narrow,
  domain: coversDomain,
  netaddr: coversNetwork,
  mailaddr: coversMailaddr,
};

function coversDomain(wide: string, narrow: string): boolean {
  if (narrow === "") return true;
  if (wide === "*" || wide === narrow) return true;
  if (!wide.includes("*")) return false;
  // A pattern is in another if its fixed end is; of stars elsewhere nobody can say.
  if (narrow.includes("*"))
    return isSimplePattern(narrow) && isSimplePattern(wide) && narrow.endsWith(wide.slice(1));
  return matchesGlob(wide, narrow);
}

function coversNetwork(wide: string, narrow: string): boolean {
  const [large, small] = [parseIpNetwork(wide), parseIpNetwork(narrow)];
  if (large === undefined || small === undefined) return wide === narrow;
  return large.prefixBits <= small.prefixBits && networkHolds(large, small.address);
}

function coversMailaddr(wide: string, narrow: string, delimiter: string): boolean {
  if (wide === "@") return true;
  if (narrow === "@") return false;
  const [large, small] = [splitAddress(wide), splitAddress(narrow)];
  const isAnywhere = !wide.includes("@");
  // Nothing at all, or nothing behind an "@", is no address: it holds for none.
  if (isAnywhere ? wide === "" : large.domain === "") return false;
  const isUserCovered =
    (large.localPart === "" && wide.startsWith("@")) ||
    large.localPart === small.localPart ||
    large.localPart === withoutTag(small.localPart, delimiter);
  if (!isUserCovered) return false;
  if (isAnywhere) return true;
  return small.domain !== "" && coversDomain(large.domain, small.domain);
}
