/** Finds the word that somebody most likely meant. */

/** One slip in a short word, two in a longer one. */
const SHORT_WORD_LENGTH = 4;
/** Of more words, as a large file declares them, only the first are looked at. */
const MAX_CANDIDATES = 1000;

/** The candidate nearest to `word`, or "" if none is near. */
export function nearestWord(word: string, candidates: readonly string[]): string {
  const sameLetters = candidates.find((known) => known.toLowerCase() === word.toLowerCase());
  if (sameLetters !== undefined) return sameLetters;
  let best = "";
  let bestDistance = word.length <= SHORT_WORD_LENGTH ? 2 : 3;
  for (const candidate of candidates.slice(0, MAX_CANDIDATES)) {
    // The distance is at least what the lengths differ by.
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours between `from` and `to`. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const edits = [
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      ];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) edits.push((beforeLast[column - 2] ?? 0) + 1);
      current.push(Math.min(...edits));
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
