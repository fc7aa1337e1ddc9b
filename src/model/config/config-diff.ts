/**
 * What changes from one configuration to another: parts that are added, removed or
 * changed, by their names, and rules by their content, since a rule has no name and its
 * place among the others decides. A part that only stands on another line is the same.
 */
import type { Outline, OutlineItem, Section } from "./outline.ts";

export type Change =
  | { readonly kind: "added"; readonly section: Section; readonly to: OutlineItem }
  | { readonly kind: "removed"; readonly section: Section; readonly from: OutlineItem }
  | {
      /** "moved": a rule that is tried before or after others than it was. */
      readonly kind: "changed" | "moved";
      readonly section: Section;
      readonly from: OutlineItem;
      readonly to: OutlineItem;
    };

/** Section by section, in the order of the new text, what is gone first. */
export function diffOutlines(from: Outline, to: Outline): readonly Change[] {
  return [
    ...diffNamed(
      from.filter((item) => !isRule(item)),
      to.filter((item) => !isRule(item)),
    ),
    ...diffRules(from.filter(isRule), to.filter(isRule)),
  ];
}

function isRule({ section }: OutlineItem): boolean {
  return section === "rule";
}

/** Parts whose secrets were left out are compared by their words. */
function isSame(from: OutlineItem, to: OutlineItem): boolean {
  const hasDigests = from.digest !== "" && to.digest !== "";
  return hasDigests ? from.digest === to.digest : from.text === to.text;
}

function diffNamed(from: Outline, to: Outline): readonly Change[] {
  const before = new Map(from.map((item) => [keyOf(item), item]));
  const after = new Map(to.map((item) => [keyOf(item), item]));
  const sections = new Set([...from, ...to].map(({ section }) => section));
  return [...sections].flatMap((section) => [
    ...from.filter((item) => item.section === section && !after.has(keyOf(item))).map(removed),
    ...to
      .filter((item) => item.section === section)
      .flatMap((item) => comparedWith(before.get(keyOf(item)), item)),
  ]);
}

function comparedWith(from: OutlineItem | undefined, to: OutlineItem): readonly Change[] {
  if (from === undefined) return [added(to)];
  if (isSame(from, to)) return [];
  return [{ kind: "changed", section: to.section, from, to }];
}

function keyOf({ section, name }: OutlineItem): string {
  return `${section} ${name}`;
}

// Rules.

interface Pair {
  readonly from: OutlineItem;
  readonly to: OutlineItem;
  readonly fromIndex: number;
}

function diffRules(from: Outline, to: Outline): readonly Change[] {
  const unpaired = new Map<string, number[]>();
  for (const [index, { digest }] of from.entries())
    unpaired.set(digest, [...(unpaired.get(digest) ?? []), index]);
  const pairs = to.map((item): Pair | OutlineItem => {
    const fromIndex = unpaired.get(item.digest)?.shift();
    const before = fromIndex === undefined ? undefined : from[fromIndex];
    if (fromIndex === undefined || before === undefined) return item;
    return { from: before, to: item, fromIndex };
  });
  const isGone = new Set([...unpaired.values()].flat());
  const kept = longestRise(pairs.filter((pair) => "fromIndex" in pair).map(fromIndexOf));
  return [
    ...from.filter((_, index) => isGone.has(index)).map(removed),
    ...pairs.flatMap((pair): readonly Change[] => {
      if (!("fromIndex" in pair)) return [added(pair)];
      if (kept.has(pair.fromIndex)) return [];
      return [{ kind: "moved", section: "rule", from: pair.from, to: pair.to }];
    }),
  ];
}

function fromIndexOf({ fromIndex }: Pair): number {
  return fromIndex;
}

/**
 * As many of `values`, which differ, as can be taken so that they rise: the rules that
 * stay where they are, so that as few as possible have moved. Patience sorting.
 */
function longestRise(values: readonly number[]): ReadonlySet<number> {
  const piles: number[] = [];
  const before = new Map<number, number | undefined>();
  for (const value of values) {
    const at = firstNotBelow(piles, value);
    before.set(value, at === 0 ? undefined : piles[at - 1]);
    piles[at] = value;
  }
  const rise = new Set<number>();
  for (let value = piles.at(-1); value !== undefined; value = before.get(value)) rise.add(value);
  return rise;
}

function firstNotBelow(rising: readonly number[], value: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rising[middle] ?? value) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function added(to: OutlineItem): Change {
  return { kind: "added", section: to.section, to };
}

function removed(from: OutlineItem): Change {
  return { kind: "removed", section: from.section, from };
}
