/**
 * Entries of smtpd.conf(5): the parts of the page whose heading is a word of the
 * language, with what each must have.
 *
 * An entry's words are those set as code in its heading and in the first column of its
 * tables. Its default is a paragraph that begins with `Default:`. Its examples are
 * fenced with `smtpd.conf`: a whole file; `smtpd.conf fragment`: lines that
 * test/support/manual-examples.ts completes to one.
 */
import { type Block, type Inline, type ManualPage, type Part, plainText } from "./manual-page.ts";

export interface ManualEntry {
  /** Name of the section that it is in. */
  readonly section: string;
  /** The heading without its marks. */
  readonly title: string;
  /** In the order of the page; each once. */
  readonly words: readonly string[];
  /** Its paragraphs, without marks. */
  readonly text: string;
  /** What stands behind `Default:`. */
  readonly default: string | undefined;
  /** First and second column of its tables. */
  readonly rows: readonly ManualRow[];
  readonly examples: readonly string[];
}

export interface ManualRow {
  readonly words: readonly string[];
  readonly text: string;
}

const DEFAULT = "Default: ";

export function entriesOf(page: ManualPage): readonly ManualEntry[] {
  return page.parts.filter(isEntry).map((part) => {
    const rows = part.blocks.flatMap(rowsOf);
    const paragraphs = part.blocks.filter((block) => block.kind === "paragraph");
    const said = paragraphs.map(({ inlines }) => plainText(inlines));
    const words = [...wordsOf(part.heading), ...rows.flatMap((row) => row.words)];
    return {
      section: part.section,
      title: plainText(part.heading),
      words: [...new Set(words)],
      text: said.join("\n"),
      default: said.find((text) => text.startsWith(DEFAULT))?.slice(DEFAULT.length),
      rows,
      examples: part.blocks.filter((block) => block.kind === "code").map(({ text }) => text),
    };
  });
}

type EntryPart = Part & { readonly heading: readonly Inline[] };

/** Headings of other parts begin with plain text. */
function isEntry(part: Part): part is EntryPart {
  return part.heading !== undefined && part.heading[0]?.kind !== "text";
}

function rowsOf(block: Block): readonly ManualRow[] {
  if (block.kind !== "table") return [];
  const [, ...rows] = block.rows;
  return rows.map(([first = [], second = []]) => ({
    words: wordsOf(first),
    text: plainText(second),
  }));
}

/** Of code: what begins with a letter, or is set apart as `<…>` or `%{…}`; signs are no words. */
export function wordsOf(inlines: readonly Inline[]): readonly string[] {
  return inlines
    .filter(({ kind }) => kind === "code")
    .flatMap(({ text }) => text.split(/\s+/u))
    .filter((word) => /^(?:[a-z]|<[a-z]|%\{[a-z])/u.test(word));
}
