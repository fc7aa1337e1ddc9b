/** The wrappers in bin/: each is one line, `exec …/run" PROGRAM [ARG…] "$@"`, but for `node` and `run` themselves. */
import { readFileSync } from "node:fs";

const FOLDER: string = new URL("../bin/", import.meta.url).pathname;

/** What the wrapper has run: a program of `src/programs` and the first of its arguments; undefined: it is none. */
export function wrappedCommand(
  wrapper: string,
): readonly [program: string, ...args: string[]] | undefined {
  const line = readFileSync(`${FOLDER}${wrapper}`, "utf8");
  const [, words] = /\/run" ([a-z][a-z ]*) "\$@"$/mu.exec(line) ?? [];
  const [program, ...args] = words?.split(" ") ?? [];
  return program === undefined ? undefined : [program, ...args];
}
