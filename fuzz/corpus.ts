/** Inputs on disk: fuzz/corpus/TARGET/, one file each, named by what is in it or by a person. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "corpus");

export interface CorpusFile {
  readonly name: string;
  readonly input: Buffer;
}

export function readCorpus(target: string): readonly CorpusFile[] {
  const folder = join(FOLDER, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .toSorted()
    .map((name) => ({ name, input: readFileSync(join(folder, name)) }));
}

/** Keeps `input`; returns the path of its file. */
export function keep(target: string, kind: "crash" | "found", input: Buffer): string {
  const folder = join(FOLDER, target);
  mkdirSync(folder, { recursive: true });
  const hash = createHash("sha256").update(input).digest("hex").slice(0, 12);
  const path = join(folder, `${kind}-${hash}`);
  writeFileSync(path, input);
  return path;
}
