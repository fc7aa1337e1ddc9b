/**
 * `tag=value; tag=value`, as records of DKIM and DMARC are written.
 *
 * Source: RFC 6376 §3.2.
 */

/** A key of 16,384 bits fits. */
const MAX_LIST_LENGTH = 8192;
const MAX_TAGS = 64;
const TAG = /^[ \t]*([A-Za-z][A-Za-z0-9_]*)[ \t]*=[ \t]*([!-:<-~ \t]*?)[ \t]*$/u;

/** By names in lower case; undefined if it is no such list. */
export function parseTagList(text: string): ReadonlyMap<string, string> | undefined {
  if (text.length > MAX_LIST_LENGTH) return undefined;
  const parts = text.split(";");
  // A semicolon may stand at the end.
  if (parts.at(-1)?.trim() === "") parts.pop();
  if (parts.length > MAX_TAGS) return undefined;
  const tags = new Map<string, string>();
  for (const part of parts) {
    const [, name = "", value = ""] = TAG.exec(part) ?? [];
    // Tags that stand there twice make the whole list none.
    if (name === "" || tags.has(name.toLowerCase())) return undefined;
    tags.set(name.toLowerCase(), value);
  }
  return tags;
}
