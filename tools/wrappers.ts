/** The wrappers in bin/: each is one line, `exec …/run" PROGRAM [ARG…] "$@"`, but for `node` and `run` themselves. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER: string = join(import.meta.dirname, "../bin");

/** What the wrapper has run: a program of `src/programs` and the first of its arguments; undefined: it is none. */
export function wrappedCommand(
  wrapper: string,
): readonly [program: string, ...args: string[]] | undefined {
  const line = readFileSync(join(FOLDER, wrapper), "utf8");
  const [, words] = /\/run" ([a-z][a-z ]*) "\$@"$/mu.exec(line) ?? [];
  const [program, ...args] = words?.split(" ") ?? [];
  return program === undefined ? undefined : [program, ...args];
}
