/**
 * Where the programs of processes are, and what such a process reads for itself.
 *
 * A package, and a checkout whose programs are started by bin/, has bundles: whatever a
 * program imports, but native code, is in one file of its own or beside it
 * (docs/decisions/0024-bundles.md). Else the sources are run as they are.
 */
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Role } from "./roles.ts";

const here = fileURLToPath(import.meta.url);
/** `.ts` of sources, `.js` of bundles. */
const EXTENSION = extname(here);
const PROGRAMS = dirname(dirname(here));

/** What they read their code from; sources also import packages, and by names of package.json. */
export const PROGRAM_FOLDER: string = EXTENSION === ".ts" ? dirname(PROGRAMS) : PROGRAMS;

/** The file that such a process runs: `ROLE-main.ts` of this folder, or its bundle. */
export function processProgram(name: Role | "hand-in"): string {
  return join(PROGRAMS, "processes", `${name}-main${EXTENSION}`);
}
