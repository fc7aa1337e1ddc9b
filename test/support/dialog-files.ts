/** The dialogs of test/dialogs, read from their files. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Dialog, parseDialog } from "./dialog.ts";

const FOLDER = fileURLToPath(new URL("../dialogs/", import.meta.url));

/** All of them, by path. */
export function readDialogs(): readonly Dialog[] {
  return globSync("**/*.smtp", { cwd: FOLDER })
    .toSorted()
    .map((path) => parseDialog(path, readFileSync(FOLDER + path, "utf8"), configBeside(path)));
}

function configBeside(path: string): string | undefined {
  const file = FOLDER + path.replace(/\.smtp$/u, ".conf");
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}
