/**
 * A manual page of man/ as blocks, for what checks it, tries its examples and makes
 * a page for man(1) from it.
 *
 * Markdown in which a page has the parts that mdoc(7) gives one: `# name(section)`,
 * sections in capitals below `##`, entries and subsections below `###`, paragraphs,
 * tables, fenced text, and lists. An item whose first line ends in a backslash is a
 * term and what is said about it. Anything else of Markdown is a fault, so that no
 * part of a page is lost on the way.
 */
import { marked, type Token, type Tokens } from "marked";

export interface Inline {
  readonly kind: "text" | "code" | "emphasis" | "break";
  readonly text: string;
}

export type Block =
  | { readonly kind: "heading"; readonly level: number; readonly inlines: readonly Inline[] }
  | { readonly kind: "paragraph"; readonly inlines: readonly Inline[] }
  | { readonly kind: "list"; readonly items: readonly (readonly Inline[])[] }
  /** The first row is the heading. */
  | { readonly kind: "table"; readonly rows: readonly (readonly (readonly Inline[])[])[] }
  /** Fenced text; `info` is what stands behind the fence. */
  | { readonly kind: "code"; readonly info: string; readonly text: string };

/** What is below one `###` heading, or between `##` and the first of them. */
export interface Part {
  /** Name of the section, as in "LISTENER OPTIONS". */
  readonly section: string;
  /** Undefined for what a section begins with. */
  readonly heading: readonly Inline[] | undefined;
  readonly blocks: readonly Block[];
}

export interface ManualPage {
  readonly name: string;
  /** Of the manual: 1 to 8. */
  readonly section: string;
  readonly parts: readonly Part[];
}

export function readManualPage(markdown: string): ManualPage {
  const [title, ...blocks] = marked.lexer(markdown).flatMap(blockOf);
  if (title?.kind !== "heading" || title.level !== 1) throw new Error("no title");
  const [, name, section] = /^([a-z.]+)\(([1-8])\)$/u.exec(plainText(title.inlines)) ?? [];
  if (name === undefined || section === undefined) throw new Error("title is not name(section)");
  return { name, section, parts: partsOf(blocks) };
}

/** The text without its marks. */
export function plainText(inlines: readonly Inline[]): string {
  return inlines.map(({ text }) => text).join("");
}

function partsOf(blocks: readonly Block[]): readonly Part[] {
  const parts: (Part & { readonly blocks: Block[] })[] = [];
  for (const block of blocks) {
    const last = parts.at(-1);
    if (block.kind === "heading" && block.level === 2)
      parts.push({ section: plainText(block.inlines), heading: undefined, blocks: [] });
    else if (last === undefined) throw new Error("text before the first section");
    else if (block.kind === "heading" && block.level === 3)
      parts.push({ section: last.section, heading: block.inlines, blocks: [] });
    else if (block.kind === "heading") throw new Error("headings are of level 1 to 3");
    else last.blocks.push(block);
  }
  return parts;
}

function blockOf(token: Token): readonly Block[] {
  switch (token.type) {
    case "space":
      return [];
    case "heading": {
      const { depth, tokens } = token as Tokens.Heading;
      return [{ kind: "heading", level: depth, inlines: tokens.flatMap(inlineOf) }];
    }
    case "paragraph":
      return [{ kind: "paragraph", inlines: (token as Tokens.Paragraph).tokens.flatMap(inlineOf) }];
    case "code": {
      const { lang, text } = token as Tokens.Code;
      return [{ kind: "code", info: lang ?? "", text: `${text}\n` }];
    }
    case "table": {
      const { header, rows } = token as Tokens.Table;
      const cells = [header, ...rows].map((row) =>
        row.map((cell) => cell.tokens.flatMap(inlineOf)),
      );
      return [{ kind: "table", rows: cells }];
    }
    case "list":
      return [{ kind: "list", items: (token as Tokens.List).items.map(itemOf) }];
    default:
      throw new Error(`a page may not have this: ${token.raw}`);
  }
}

function itemOf({ tokens }: Tokens.ListItem): readonly Inline[] {
  const [only, ...others] = tokens;
  if (only?.type !== "text" || others.length > 0) throw new Error("an item of a list is one text");
  return ((only as Tokens.Text).tokens ?? []).flatMap(inlineOf);
}

function inlineOf(token: Token): readonly Inline[] {
  switch (token.type) {
    case "text":
    case "escape":
      return [{ kind: "text", text: (token as Tokens.Text).text.replaceAll("\n", " ") }];
    case "codespan":
      return [{ kind: "code", text: (token as Tokens.Codespan).text.replaceAll("\n", " ") }];
    case "em":
      return [{ kind: "emphasis", text: (token as Tokens.Em).text.replaceAll("\n", " ") }];
    case "br":
      return [{ kind: "break", text: " " }];
    default:
      throw new Error(`a page may not have this: ${token.raw}`);
  }
}
