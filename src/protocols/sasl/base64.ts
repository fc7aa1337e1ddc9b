/**
 * Base64 as strict as its definition: Node's decoder passes over what it does not
 * know and takes half a text for a whole one. Source: RFC 4648 §3, §4; RFC 4954 §4.
 */

/** The octets of `text`, which the caller owns; undefined unless `text` is what encoding them gives. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
