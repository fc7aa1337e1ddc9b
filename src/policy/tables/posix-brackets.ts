/**
 * Bracket expressions of POSIX, `[…]`, in the syntax of RE2 (posix-regex.ts).
 *
 * A backslash is itself, as POSIX says, but before the letters of Perl's classes:
 * `[\w.-]` is what people write, and few want a backslash there.
 *
 * Source: POSIX.1-2024 XBD §9.3.5.
 */

export type Brackets =
  | { readonly kind: "brackets"; readonly source: string; readonly end: number }
  | { readonly kind: "regex-fault"; readonly reason: string };

/** A part of what stands between brackets; a `single` may begin or end a range. */
type Item =
  | { readonly kind: "class" | "single"; readonly text: string; readonly end: number }
  | { readonly kind: "regex-fault"; readonly reason: string };

const CLASSES = "alnum alpha blank cntrl digit graph lower print punct space upper xdigit";
const CLASS_NAMES: readonly string[] = CLASSES.split(" ");

/** The brackets that open at `start` in `pattern`. */
export function translateBrackets(pattern: string, start: number): Brackets {
  // OpenBSD's edges of words.
  const edge = matchAt(/\[\[:[<>]:\]\]/uy, pattern, start);
  if (edge !== undefined) return { kind: "brackets", source: "\\b", end: start + edge[0].length };
  const isNegated = pattern[start + 1] === "^";
  const first = start + (isNegated ? 2 : 1);
  let source = isNegated ? "[^" : "[";
  let at = first;
  // A bracket in the first place does not close.
  while (at === first || pattern[at] !== "]") {
    const item = readMember(pattern, at);
    if (item.kind === "regex-fault") return item;
    source += item.text;
    at = item.end;
  }
  return { kind: "brackets", source: `${source}]`, end: at + 1 };
}

/** A class, a character or a range, as RE2 writes it. */
function readMember(pattern: string, at: number): Item {
  const from = readItem(pattern, at);
  if (from.kind !== "single") return from;
  const isRange = pattern[from.end] === "-" && (pattern[from.end + 1] ?? "]") !== "]";
  if (!isRange) return { ...from, text: quoted(from.text) };
  const to = readItem(pattern, from.end + 1);
  if (to.kind === "regex-fault") return to;
  if (to.kind === "class" || code(to.text) < code(from.text))
    return fault(`not a range: ${from.text}-${to.text}`);
  return { kind: "single", text: `${quoted(from.text)}-${quoted(to.text)}`, end: to.end };
}

/** A class as RE2 writes it, or a character as it is. */
function readItem(pattern: string, at: number): Item {
  if (at >= pattern.length) return fault("'[' without ']'");
  const shorthand = matchAt(/\\[dDwWsS]/uy, pattern, at)?.[0];
  if (shorthand !== undefined) return { kind: "class", text: shorthand, end: at + 2 };
  const [named, name = ""] = matchAt(/\[:([^\]]*):\]/uy, pattern, at) ?? [];
  if (named !== undefined) {
    if (!CLASS_NAMES.includes(name)) return fault(`no such class: ${named}`);
    return { kind: "class", text: named, end: at + named.length };
  }
  // `[.x.]` and `[=x=]`: in the POSIX locale a character by itself, without a name.
  const [element, , inner = ""] = matchAt(/\[([.=])(.[^\]]*?)\1\]/suy, pattern, at) ?? [];
  if (element !== undefined) {
    if (inner.length > String.fromCodePoint(code(inner)).length)
      return fault(`no such character: ${element}`);
    return { kind: "single", text: inner, end: at + element.length };
  }
  const character = String.fromCodePoint(code(pattern.slice(at, at + 2)));
  return { kind: "single", text: character, end: at + character.length };
}

function fault(reason: string): { readonly kind: "regex-fault"; readonly reason: string } {
  return { kind: "regex-fault", reason };
}

/** @param sticky a regular expression with the flag "y". */
function matchAt(sticky: RegExp, text: string, at: number): RegExpExecArray | undefined {
  sticky.lastIndex = at;
  return sticky.exec(text) ?? undefined;
}

function code(text: string): number {
  return text.codePointAt(0) ?? 0;
}

function quoted(character: string): string {
  return /^[\]\\[^-]$/u.test(character) ? `\\${character}` : character;
}
