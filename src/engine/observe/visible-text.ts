/**
 * Text that strangers wrote, made fit for a log or a terminal.
 *
 * What comes out is one line of printable characters: controls, invisible and
 * direction-changing characters, and spaces other than U+0020 become escapes as
 * vis(3) writes them (`\n`, `\033`, `\342\200\256`), so nothing can move the
 * cursor, add a line or reorder what is read. Its length is bounded.
 */

/** Longest value of one field. */
const MAX_VALUE_LENGTH = 512;

/** Ends a text that was cut. */
const CUT = "...";

/** Printable ASCII; without the backslash in `PLAIN`. */
const ASCII = /^[ -~]*$/;
const PLAIN = /^[ -[\]-~]*$/;
/**
 * Other (controls, formats, surrogates, private, unassigned), line and paragraph separators,
 * what is not shown though it is a mark or letter (variation selectors, fillers), odd spaces.
 */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/u;

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

const encoder = new TextEncoder();

/** `text` escaped so that unvis(3) gives it back: a backslash is doubled. */
export function visible(text: string, maxLength: number = MAX_VALUE_LENGTH): string {
  if (text.length <= maxLength && PLAIN.test(text)) return text;
  return escaped(text, maxLength, (character) =>
    character === "\\" ? "\\\\" : escapeHidden(character),
  );
}

/**
 * `text` without anything that a terminal would obey. Backslashes stay single, so
 * text that is escaped already stays as it is.
 */
export function printable(text: string, maxLength: number = MAX_VALUE_LENGTH): string {
  if (text.length <= maxLength && ASCII.test(text)) return text;
  return escaped(text, maxLength, escapeHidden);
}

/** A text of any length for a terminal: its lines and tabs stay. */
export function printableLines(text: string): string {
  return text.replaceAll(/[^\n\t]+/g, (run) => printable(run, Number.POSITIVE_INFINITY));
}

/** Inside `"…"`: as `visible`, with quotes escaped. */
export function quoted(text: string, maxLength: number = MAX_VALUE_LENGTH): string {
  return `"${visible(text, maxLength).replaceAll('"', '\\"')}"`;
}

/** As the value of a `name=value` field: quoted only when it has to be. */
export function fieldValue(text: string): string {
  return /^[^\s"=<>]+$/.test(text) ? visible(text) : quoted(text);
}

/** `<…>` around an address that cannot end the field early: spaces and angles are escaped. */
export function angled(address: string): string {
  return `<${visible(address).replace(/[ <>]/g, octal)}>`;
}

/** JSON text with what a terminal would obey as `\u` escapes; the value stays the same. */
export function printableJson(json: string): string {
  if (ASCII.test(json)) return json;
  return escaped(json, Number.POSITIVE_INFINITY, (character) =>
    HIDDEN.test(character) ? unicodeEscapes(character) : character,
  );
}

function escaped(text: string, maxLength: number, escape: (character: string) => string): string {
  let out = "";
  for (const character of text.toWellFormed()) {
    const next = escape(character);
    if (out.length + next.length > maxLength) return out + CUT;
    out += next;
  }
  return out;
}

function escapeHidden(character: string): string {
  if (!HIDDEN.test(character)) return character;
  return SHORT_ESCAPES.get(character) ?? octal(character);
}

/** The bytes of `character` as vis(3) writes what it hides: `\342\200\256`. */
export function octal(character: string): string {
  let out = "";
  for (const byte of encoder.encode(character)) out += `\\${byte.toString(8).padStart(3, "0")}`;
  return out;
}

function unicodeEscapes(character: string): string {
  let out = "";
  for (let at = 0; at < character.length; at++) {
    out += `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  }
  return out;
}
