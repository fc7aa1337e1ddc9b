/**
 * Domain patterns, where `*` stands for any run of characters, dots included:
 * `*.example.org` matches at any depth, but not `example.org`. OpenSMTPD stops at
 * the first dot; most people who write it do not expect that. `*` alone matches
 * every name that is not empty.
 *
 * The most telling match wins: the name itself, then the longest `*.suffix`, then
 * the other patterns in the order written.
 */
import { ABSENT, type Lookup } from "#base/lookup.ts";

type Answers = ReadonlyMap<string, Lookup<string>>;

/** `answers` by pattern; patterns and the names asked for are in lower case. */
export function compileDomains(answers: Answers): (name: string) => Lookup<string> {
  const suffixes = new Map<string, Lookup<string>>();
  const globs: (readonly [pattern: string, answer: Lookup<string>])[] = [];
  for (const [pattern, answer] of answers) {
    if (!pattern.includes("*")) continue;
    if (pattern.lastIndexOf("*") === 0 && pattern.startsWith("*."))
      suffixes.set(pattern.slice(1), answer);
    else globs.push([pattern, answer]);
  }
  return (name) => {
    if (name === "") return ABSENT;
    const exact = name.includes("*") ? undefined : answers.get(name);
    if (exact !== undefined) return exact;
    return (
      findSuffix(suffixes, name) ??
      globs.find(([pattern]) => matchesGlob(pattern, name))?.[1] ??
      ABSENT
    );
  };
}

/** Asks for each part of `name` that begins with a dot, the longest first. */
function findSuffix(suffixes: Answers, name: string): Lookup<string> | undefined {
  if (suffixes.size === 0) return undefined;
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    const answer = suffixes.get(name.slice(dot));
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** Whether `pattern` matches all of `name`; at most length × length steps, whatever they hold. */
function matchesGlob(pattern: string, name: string): boolean {
  let inPattern = 0;
  let inName = 0;
  let lastStar = -1;
  let starEnd = 0;
  while (inName < name.length) {
    if (pattern[inPattern] === "*") {
      lastStar = inPattern++;
      starEnd = inName;
    } else if (pattern[inPattern] === name[inName]) {
      inPattern++;
      inName++;
    } else if (lastStar >= 0) {
      // The last star takes one more character; an earlier one never needs to.
      inPattern = lastStar + 1;
      inName = ++starEnd;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === "*") inPattern++;
  return inPattern === pattern.length;
}
