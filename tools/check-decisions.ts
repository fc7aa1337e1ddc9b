/**
 * Fails when two decision records share a number, or one is missing between them,
 * or the index (docs/decisions/README.md) does not name each:
 * `bin/node tools/check-decisions.ts`.
 */
import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path/posix";

const FOLDER = "docs/decisions";

/** What is wrong with the records `files` (base names) and the text of their index. */
export function decisionFaults(files: readonly string[], index: string): readonly string[] {
  const faults: string[] = [];
  const byNumber = new Map<number, string>();
  for (const file of files) {
    const number = Number(/^(\d{4})-[a-z0-9-]+\.md$/.exec(file)?.[1]);
    const other = byNumber.get(number);
    if (Number.isNaN(number)) faults.push(`${file}: is not named NNNN-subject.md`);
    else if (other !== undefined) faults.push(`${file}: has the number of ${other}`);
    else byNumber.set(number, file);
    if (!index.includes(`](${file})`)) faults.push(`${file}: is not in the index`);
  }
  for (let number = 1; number <= Math.max(0, ...byNumber.keys()); number++) {
    if (!byNumber.has(number)) faults.push(`${String(number).padStart(4, "0")}: is missing`);
  }
  return faults;
}

if (import.meta.main) {
  const files = globSync(`${FOLDER}/*.md`)
    .map((path) => basename(path))
    .filter((file) => file !== "README.md")
    .toSorted();
  const faults = decisionFaults(files, readFileSync(`${FOLDER}/README.md`, "utf8"));
  for (const fault of faults) console.error(`${FOLDER}/${fault}`);
  console.log(`${files.length} decisions, ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
