/**
 * Where the programs of processes are, and what such a process reads for itself.
 *
 * A package, and a checkout whose programs are started by bin/, has bundles: whatever a
 * program imports, but native code, is in one file of its own or beside it
 * (docs/decisions/0024-bundles.md). Else the sources are run as they are.
 */
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(import.meta.url);
/** `.ts` of sources, `.js` of bundles. */
const EXTENSION = extname(here);
const PROGRAMS = dirname(dirname(here));

/** Sources import packages, and by names that package.json explains. */
export const PROGRAM_FOLDER: string = EXTENSION === ".ts" ? dirname(PROGRAMS) : PROGRAMS;

/** @param name of a file in this folder that is a program, without its ending. */
export function processProgram(name: string): string {
  return join(PROGRAMS, "processes", `${name}-main${EXTENSION}`);
}
