/**
 * The record in the DNS that says that a domain has a policy of MTA-STS, and which.
 *
 * Source: RFC 8461 §3.1.
 */

const VERSION = /^v=STSv1[ \t]*;/u;
/** Names and values of fields; `id` is one of them. */
const FIELD = /^[ \t]*([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([!-:<>-~]+)[ \t]*$/u;
const ID = /^[A-Za-z0-9]{1,32}$/u;
/** One record is longer than that for no reason of ours. */
const MAX_RECORD_LENGTH = 1024;

/**
 * The id of the policy. Undefined: the domain has none, as it has no such record, several,
 * or one that cannot be read.
 *
 * @param texts of `_mta-sts.DOMAIN`; others may stand beside it.
 */
export function parseStsRecord(texts: readonly string[]): string | undefined {
  const [record, ...others] = texts.filter((text) => VERSION.test(text));
  if (record === undefined || others.length > 0) return undefined;
  if (record.length > MAX_RECORD_LENGTH) return undefined;
  const [, ...fields] = record.split(";");
  // A semicolon may stand at the end.
  if (fields.at(-1)?.trim() === "") fields.pop();
  let id: string | undefined;
  for (const field of fields) {
    const [, name, value = ""] = FIELD.exec(field) ?? [];
    if (name === undefined) return undefined;
    if (name === "id") id ??= value;
  }
  return id !== undefined && ID.test(id) ? id : undefined;
}
