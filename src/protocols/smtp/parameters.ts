/**
 * Parameters behind MAIL FROM:<…> and RCPT TO:<…>, as keywords and values.
 *
 * What is unknown, or not offered, is refused with 503, as OpenSMTPD does, where
 * RFC 5321 §4.1.1.11 has 555. A parameter that is given twice is refused, since two
 * readers might take different ones.
 *
 * Source: RFC 5321 §4.1.2 (esmtp-param).
 */
import type { Extensions } from "./extensions.ts";
import type { Reply } from "./reply.ts";
import { BAD_PARAMETER } from "./status.ts";

export interface Parameter {
  /** In upper case. */
  readonly keyword: string;
  /** undefined where there was no "=". */
  readonly value: string | undefined;
}

/** One parameter: whether it is offered, and how it changes what is asked for. */
export interface ParameterTraits<Draft> {
  readonly isOffered: (extensions: Extensions) => boolean;
  /** Puts `value` ("" if there is none) into the draft, or says why not. */
  readonly read: (value: string, draft: Draft, extensions: Extensions) => Reply | undefined;
}

const KEYWORD = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
/** RFC 5321 §4.1.2, RFC 6531 §3.3: neither control character nor "=" nor space. */
const VALUE = /^[!-<>-~\u00a0-\u{10ffff}]+$/u;
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

/** Puts all of `parameters` into `draft`; or the reply that refuses one. */
export function readParameters<Draft>(
  parameters: readonly Parameter[],
  known: ReadonlyMap<string, ParameterTraits<Draft>>,
  draft: Draft,
  extensions: Extensions,
): Reply | undefined {
  const given = new Set<string>();
  for (const { keyword, value } of parameters) {
    const traits = known.get(keyword);
    if (traits === undefined || !traits.isOffered(extensions)) return unsupportedParameter(keyword);
    if (given.has(keyword)) return BAD_PARAMETER;
    given.add(keyword);
    const refusal = traits.read(value ?? "", draft, extensions);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** The refusal of a parameter that we do not offer. */
function unsupportedParameter(keyword: string): Reply {
  const text = `Invalid command arguments: Unsupported option ${keyword}`;
  return { code: 503, enhanced: "5.5.4", text };
}
