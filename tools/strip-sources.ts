/**
 * Writes the sources as plain JavaScript: `strip-sources.ts TARGET`.
 *
 * Types become blanks, so lines and columns stay what they are; `.ts` in imports
 * becomes `.js`. A package ships this. In a checkout the programs in bin/ run it by
 * themselves into node_modules/.cache, because each process that strips types while
 * it loads keeps 25 MB for it (docs/decisions/0002-stripped-sources.md).
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";

const CHECKOUT = dirname(import.meta.dirname);

const target = process.argv[2];
if (target === undefined) throw new TypeError("Cannot strip: want a target folder");
build(target);

/** Replaces `folder` as a whole, so that a program that starts meanwhile sees all or nothing new. */
function build(folder: string): void {
  const fresh = `${folder}.${process.pid}`;
  const old = `${folder}.${process.pid}.old`;
  const begun = new Date();
  mkdirSync(fresh, { recursive: true });
  writeFileSync(join(fresh, "package.json"), manifest());
  for (const file of sourceFiles()) {
    const path = join(fresh, file.replace(/\.ts$/u, ".js"));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, stripped(readFileSync(join(CHECKOUT, file), "utf8")));
  }
  const stamp = join(fresh, "stamp");
  writeFileSync(stamp, "");
  // What is edited while this runs counts as newer.
  utimesSync(stamp, begun, begun);
  try {
    renameSync(folder, old);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  renameSync(fresh, folder);
  rmSync(old, { recursive: true, force: true });
}

function sourceFiles(): readonly string[] {
  return readdirSync(join(CHECKOUT, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .map((file) => join("src", file));
}

function stripped(source: string): string {
  return stripTypeScriptTypes(source).replaceAll(
    /(from\s+|import\s*\(\s*|^import\s+)"([^"]+)\.ts"/gmu,
    '$1"$2.js"',
  );
}

/** Only what the runtime looks for: module type and import names. */
function manifest(): string {
  const { name, version, type, imports } = JSON.parse(
    readFileSync(join(CHECKOUT, "package.json"), "utf8"),
  ) as Record<string, unknown>;
  return `${JSON.stringify({ name, version, type, imports }, undefined, 2)}\n`;
}
