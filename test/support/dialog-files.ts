/** The dialogs of test/dialogs, read from their files. */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Dialog, parseDialog } from "./dialog.ts";

const FOLDER = fileURLToPath(new URL("../dialogs/", import.meta.url));

/** All of them, by path. */
export function readDialogs(): readonly Dialog[] {
  return globSync("**/*.smtp", { cwd: FOLDER })
    .toSorted()
    .map((path) => parseDialog(path, readFileSync(FOLDER + path, "utf8")));
}
