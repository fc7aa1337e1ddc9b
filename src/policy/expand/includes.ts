/**
 * The files that aliases include: read with the configuration, since whoever expands
 * may read no file, and parsed when they are first wanted.
 */
import {
  type ExpansionFault,
  type ExpansionList,
  parseExpansionFile,
} from "#model/expansion-list.ts";

type Parsed = ExpansionList | ExpansionFault;

export class Includes {
  #texts: ReadonlyMap<string, string>;
  readonly #lists = new Map<string, Parsed>();

  /** @param texts by path. */
  constructor(texts: ReadonlyMap<string, string>) {
    this.#texts = texts;
  }

  /** Undefined if the file could not be read. */
  list(path: string): Parsed | undefined {
    const known = this.#lists.get(path);
    if (known !== undefined) return known;
    const text = this.#texts.get(path);
    if (text === undefined) return undefined;
    const list = parseExpansionFile(text);
    this.#lists.set(path, list);
    return list;
  }

  /** Puts what the files are now in the place of what they were. */
  replace(texts: ReadonlyMap<string, string>): void {
    this.#texts = texts;
    this.#lists.clear();
  }
}
