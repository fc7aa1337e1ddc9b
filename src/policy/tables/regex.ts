/**
 * Tables of regular expressions, found anywhere in the key and in any case (OpenSMTPD
 * folds both; it thereby spoils `\S`, which keeps its meaning here).
 *
 * All patterns of a table are one machine, so that a key is read once. Its time is
 * linear in the key whatever a stranger sends, which is why this is RE2: with a
 * backtracking engine `(a+)+$` and forty letters would stop a dispatcher for ever.
 * Memory is bounded too: a full cache of states is emptied.
 *
 * Patterns were checked when the configuration was read (`checkRegex`); a table with
 * one that is not a pattern is unavailable.
 */
import { RE2JS, RE2JSException, RE2Set } from "re2js";
import { ABSENT } from "#base/lookup.ts";
import type { LocalLookup, TableAnswer } from "./answers.ts";
import { translateRegex } from "./posix-regex.ts";

/** Instructions of the machine of one pattern: `[a-z]{1,255}` has about 500. */
const MAX_PATTERN_INSTRUCTIONS = 4000;
/** Of a whole table. At worst a key of 1023 characters takes as many steps for each. */
const MAX_TABLE_INSTRUCTIONS = 40_000;
/** States that a table may keep. */
const MAX_CACHE_BYTES = 2 * 1024 * 1024;

/** Why `text` cannot be used as a pattern; undefined if it can. */
export function checkRegex(text: string): string | undefined {
  const machine = compileMachine([text], MAX_PATTERN_INSTRUCTIONS);
  return typeof machine === "string" ? machine : undefined;
}

/** Why `patterns`, each good by itself, cannot be one table; undefined if they can. */
export function checkRegexTable(patterns: readonly string[]): string | undefined {
  const machine = compileMachine(patterns, MAX_TABLE_INSTRUCTIONS);
  return typeof machine === "string" ? machine : undefined;
}

/** Of several patterns that match, the first in the table counts. */
export function compileRegexes(name: string, patterns: readonly string[]): LocalLookup {
  if (patterns.length === 0) return () => ABSENT;
  const machine = compileMachine(patterns, MAX_TABLE_INSTRUCTIONS);
  if (typeof machine === "string") {
    const cause = new Error(`Cannot use the patterns of table ${name}: ${machine}`);
    const unavailable: TableAnswer = { kind: "unavailable", cause };
    return () => unavailable;
  }
  return (key) => {
    const [first] = machine.match(key);
    const entry = first === undefined ? undefined : patterns[first];
    return entry === undefined ? ABSENT : { kind: "found", value: "", entry };
  };
}

/** The machine, or why there is none. */
function compileMachine(patterns: readonly string[], maxInstructions: number): RE2Set | string {
  const flags = RE2JS.CASE_INSENSITIVE | RE2JS.DOTALL;
  const machine = new RE2Set(RE2Set.UNANCHORED, flags, MAX_CACHE_BYTES);
  try {
    for (const pattern of patterns) {
      const translation = translateRegex(pattern);
      if (translation.kind === "regex-fault") return translation.reason;
      machine.add(translation.source);
    }
    machine.compile();
  } catch (cause) {
    if (cause instanceof RE2JSException)
      return cause.message.replace(/^error parsing regexp: /u, "");
    throw cause;
  }
  return machine.prog.numInst() > maxInstructions ? "too large" : machine;
}
