/**
 * Commands made of words, each of which may be shortened as long as it is clear
 * which one is meant. Source: smtpctl(8).
 */

/** What a parameter looks like, by the name that stands for it in a pattern. */
export type Parameters = ReadonlyMap<string, RegExp>;

export interface Pattern {
  /** Keywords, and names of parameters: `show envelope EVPID`. */
  readonly words: readonly string[];
}

export type Matched<Command> =
  | {
      readonly kind: "matched";
      readonly command: Command;
      /** What was given for the parameters, in their order. */
      readonly given: readonly string[];
    }
  /** `possible`: what could stand where the first wrong or missing word is; empty if nothing. */
  | { readonly kind: "unclear"; readonly possible: readonly string[] };

/** Finds the one command that `args` name. An exact word is preferred to a longer one. */
export function matchCommand<Command extends Pattern>(
  args: readonly string[],
  commands: readonly Command[],
  parameters: Parameters,
): Matched<Command> {
  let candidates = commands;
  const given: string[] = [];
  for (const [at, arg] of args.entries()) {
    const possible = nextWords(candidates, at);
    const chosen = chooseWord(arg, possible, parameters);
    if (chosen.length !== 1) {
      return { kind: "unclear", possible: chosen.length === 0 ? possible : chosen };
    }
    const word = chosen[0] ?? "";
    if (parameters.has(word)) given.push(arg);
    candidates = candidates.filter((command) => command.words[at] === word);
  }
  const command = candidates.find(({ words }) => words.length === args.length);
  if (command !== undefined) return { kind: "matched", command, given };
  return { kind: "unclear", possible: nextWords(candidates, args.length) };
}

function nextWords(candidates: readonly Pattern[], at: number): readonly string[] {
  const words = candidates.map((command) => command.words[at]);
  return [...new Set(words.filter((word) => word !== undefined))];
}

/** The words that `arg` can mean: none, one, or several that it is short for. */
function chooseWord(
  arg: string,
  possible: readonly string[],
  parameters: Parameters,
): readonly string[] {
  const keywords = possible.filter((word) => !parameters.has(word));
  if (keywords.includes(arg)) return [arg];
  const begun = arg === "" ? [] : keywords.filter((word) => word.startsWith(arg));
  if (begun.length > 0) return begun;
  return possible.filter((word) => parameters.get(word)?.test(arg) === true);
}
