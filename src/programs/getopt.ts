/**
 * The order of a command line as getopt(3) has it: options, up to the first word that is none,
 * or to `--`; all words behind are operands, whatever they look like.
 *
 * For programs whose options other programs know: ours alone have readOptions (command-line.ts).
 */

/** Takes the letters of one word; a number says how many further words were used. */
type TakeWord<Fault> = (word: string, next: string | undefined) => number | Fault;

/** The operands, or what `take` says is wrong. */
export function operandsBehind<Fault extends string | { readonly kind: string }>(
  words: readonly string[],
  take: TakeWord<Fault>,
): readonly string[] | Fault {
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") return words.slice(at + 1);
    if (!word.startsWith("-") || word === "-") break;
    const taken = take(word, words[at + 1]);
    if (typeof taken !== "number") return taken;
    at += taken;
  }
  return words.slice(at);
}
