/**
 * Which files of tests a pattern of run-tests.ts means: a glob is taken as it is; what is none is
 * how the paths of a suite's files begin.
 */
import { globSync } from "node:fs";
import { relative } from "node:path";

/** @param suite paths of its files, from the working folder. */
export function testsOf(pattern: string, suite: readonly string[]): readonly string[] {
  const begin = relative("", pattern);
  const begun = suite.filter((file) => file.startsWith(begin));
  const named = globSync(pattern).filter((file) => file.endsWith(".test.ts"));
  return [...new Set([...begun, ...named.map((file) => relative("", file))])];
}
