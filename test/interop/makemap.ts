/** makemap(8), as an operator calls it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { run } from "./peer-program.ts";
import type { Scratch } from "./scratch.ts";

const MAKEMAP: string = new URL("../../bin/makemap", import.meta.url).pathname;

/** Writes the text `name` into the scratch folder and makes `NAME.db` of it. */
export async function makemap(
  { folder }: Scratch,
  name: string,
  text: string,
  type: "aliases" | "mapping" | "set",
): Promise<void> {
  const path = `${folder}/${name}`;
  writeFileSync(path, text);
  const { code, output } = await run([MAKEMAP, "-t", type, path]);
  assert.equal(code, 0, output);
}
