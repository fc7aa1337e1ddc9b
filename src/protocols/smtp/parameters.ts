/**
 * Parameters behind MAIL FROM:<…> and RCPT TO:<…>.
 *
 * A parameter that is given twice is refused, since two readers might take
 * different ones. SIZE= is kept and enforced; OpenSMTPD ignores it. AUTH= is taken
 * and ignored (RFC 4954 §5 allows that). What is unknown is refused with 503, as
 * OpenSMTPD does, where RFC 5321 §4.1.1.11 has 555.
 *
 * Source: RFC 5321 §4.1.2 (esmtp-param); RFC 1870 §4; RFC 6152 §2.
 */
import type { Reply } from "./reply.ts";
import { BAD_PARAMETER } from "./status.ts";

export interface Parameter {
  /** In upper case. */
  readonly keyword: string;
  /** undefined where there was no "=". */
  readonly value: string | undefined;
}

/** RFC 1870 §4: at most 20 digits. Up to 15 are exact in a JavaScript number. */
const MAX_SIZE_DIGITS = 20;
const EXACT_DIGITS = 15;

const KEYWORD = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
/** Printable ASCII without "=" and space. */
const VALUE = /^[!-<>-~]+$/;
const NONE: readonly Parameter[] = [];

/** The parameters in `text`, what follows a path; undefined if they do not begin with a space or have no such syntax. */
export function parseParameters(text: string): readonly Parameter[] | undefined {
  if (text === "") return NONE;
  if (!text.startsWith(" ")) return undefined;
  const parameters: Parameter[] = [];
  for (const word of text.split(" ")) {
    if (word === "") continue;
    const equals = word.indexOf("=");
    const keyword = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? undefined : word.slice(equals + 1);
    if (!KEYWORD.test(keyword) || (value !== undefined && value !== "" && !VALUE.test(value)))
      return undefined;
    parameters.push({ keyword: keyword.toUpperCase(), value });
  }
  return parameters;
}

/** What the parameters of MAIL ask for, or the reply that refuses them. */
export function parseMailParameters(
  parameters: readonly Parameter[],
): { readonly sizeBytes: number; readonly is8bit: boolean } | Reply {
  if (parameters.length === 0) return NOTHING_ASKED;
  const given = new Map<string, string>();
  for (const { keyword, value } of parameters) {
    if (!OFFERED.has(keyword)) return unsupportedParameter(keyword);
    if (given.has(keyword)) return BAD_PARAMETER;
    given.set(keyword, value ?? "");
  }
  const sizeBytes = parseSize(given.get("SIZE") ?? "0");
  const body = given.get("BODY")?.toUpperCase() ?? "7BIT";
  if (sizeBytes === undefined || (body !== "7BIT" && body !== "8BITMIME")) return BAD_PARAMETER;
  return { sizeBytes, is8bit: body === "8BITMIME" };
}

/** The refusal of a parameter that we do not offer. */
export function unsupportedParameter(keyword: string): Reply {
  const text = `Invalid command arguments: Unsupported option ${keyword}`;
  return { code: 503, enhanced: "5.5.4", text };
}

/** What MAIL may carry. */
const OFFERED: ReadonlySet<string> = new Set(["SIZE", "BODY", "AUTH"]);
const NOTHING_ASKED = Object.freeze({ sizeBytes: 0, is8bit: false });

/** Octets declared by SIZE=; Infinity for a number too large to be exact. */
function parseSize(value: string): number | undefined {
  if (value.length > MAX_SIZE_DIGITS || !/^\d+$/.test(value)) return undefined;
  const digits = value.replace(/^0+(?=\d)/, "");
  return digits.length > EXACT_DIGITS ? Number.POSITIVE_INFINITY : Number(digits);
}
