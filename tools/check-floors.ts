/**
 * Fails when a file imports what its floor may not: `bin/node tools/check-floors.ts`.
 *
 * A file imports `./x.ts` from its own folder and `#folder/x.ts` from lower floors
 * (tools/floors.ts has the list). Only marked floors reach outside the process. A
 * third-party package belongs to one folder. Nothing climbs with `../`, nothing
 * re-exports, and only tests see the simulated world.
 */
import { globSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path/posix";
import {
  FLOORS,
  PURE_NODE_MODULES,
  TEST_ONLY_FOLDERS,
  TEST_PACKAGES,
  TOOL_PACKAGES,
} from "./floors.ts";
import { type Import, importsOf, withoutText } from "./imports.ts";

/** Globals that reach outside the process, or hold its time and chance. */
const REACHING =
  /(?<![\w.#$])(?:Date\.now|Math\.random|setTimeout|setInterval|setImmediate|fetch|process|performance|console)(?=[.(])|\bnew Date\(\)/g;

const BARREL = /^(?:index|mod)\.ts$/;

interface Reader {
  /** Of `src/`, as in the list of floors; undefined for test, tools and bench. */
  readonly folder: string | undefined;
  readonly isTest: boolean;
}

/** What is wrong with `source`, the text of the file at `path`; each with its line. */
export function floorFaults(path: string, source: string): readonly string[] {
  const inSource = path.startsWith("src/");
  const reader: Reader = {
    folder: inSource ? dirname(path).slice("src/".length) : undefined,
    isTest: path.endsWith(".test.ts") || /^(?:test|fuzz)\//.test(path),
  };
  const faults: string[] = [];
  if (BARREL.test(basename(path))) faults.push(`${path}: is a barrel: name a file for its subject`);
  if (inSource && levelOf(reader.folder) === -1) {
    faults.push(`${path}: its folder is not in tools/floors.ts`);
  }
  for (const imported of importsOf(source)) {
    const fault = importFault(reader, imported);
    if (fault !== undefined)
      faults.push(`${path}:${imported.line}: ${imported.specifier}: ${fault}`);
  }
  if (inSource && !reader.isTest && !reachesOutside(reader)) {
    const text = withoutText(source);
    for (const match of text.matchAll(REACHING)) {
      const line = text.slice(0, match.index).split("\n").length;
      faults.push(`${path}:${line}: ${match[0]}: reaches outside the process: use a port`);
    }
  }
  return faults;
}

function importFault(reader: Reader, imported: Import): string | undefined {
  const { specifier } = imported;
  if (imported.reexported) return "is re-exported: import the file that has the thing";
  if (specifier.startsWith("../")) return "climbs: write #folder/file.ts";
  if (specifier.startsWith("./")) {
    return /^\.\/[^/]+\.ts$/.test(specifier) ? undefined : "is not a file of this folder";
  }
  if (specifier.startsWith("#")) return folderFault(reader, dirname(specifier.slice(1)));
  if (specifier.startsWith("node:")) return nodeFault(reader, imported);
  return packageFault(reader, specifier);
}

function folderFault(reader: Reader, folder: string): string | undefined {
  if (/^(?:test|bench|fuzz)(?:\/|$)/.test(folder)) {
    return reader.isTest || reader.folder === undefined ? undefined : "is not for src";
  }
  if (levelOf(folder) === -1) return `${folder} is not in tools/floors.ts`;
  // A test may put what it tests on the machine itself, or on the simulated one.
  if (reader.isTest && folder.startsWith("world/") && folder !== reader.folder) return undefined;
  if (TEST_ONLY_FOLDERS.includes(folder) && reader.folder !== folder) return "only tests import it";
  if (reader.folder === undefined || levelOf(folder) < levelOf(reader.folder)) return undefined;
  return folder === reader.folder ? "is this folder: write ./" : `is above ${reader.folder}`;
}

function nodeFault(reader: Reader, imported: Import): string | undefined {
  if (reader.folder === undefined || reader.isTest || reachesOutside(reader)) return undefined;
  const allowed = PURE_NODE_MODULES[imported.specifier];
  if (allowed === "*") return undefined;
  const reaching = imported.names.filter((name) => !allowed?.includes(name));
  return reaching.length === 0 ? undefined : `${reaching.join(", ")} reaches outside: use a port`;
}

function packageFault(reader: Reader, specifier: string): string | undefined {
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  if (reader.isTest && TEST_PACKAGES.includes(name)) return undefined;
  if (reader.folder === undefined && TOOL_PACKAGES.includes(name)) return undefined;
  const home = FLOORS.find((floor) => floor.packages?.includes(name));
  if (home === undefined) return "no folder owns this package (tools/floors.ts)";
  return home.folder === reader.folder ? undefined : `belongs to ${home.folder}`;
}

function levelOf(folder: string | undefined): number {
  return FLOORS.findIndex((floor) => floor.folder === folder);
}

function reachesOutside(reader: Reader): boolean {
  return FLOORS[levelOf(reader.folder)]?.reachesOutside === true;
}

if (import.meta.main) {
  const paths = globSync("{src,test,tools,bench,fuzz}/**/*.ts").toSorted();
  const faults = paths.flatMap((path) => floorFaults(path, readFileSync(path, "utf8")));
  for (const fault of faults) console.error(fault);
  console.log(`${paths.length} files on ${FLOORS.length} floors, ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
