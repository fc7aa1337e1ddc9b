/**
 * The record by which a domain says who may send mail in its name.
 *
 * Only what a reader who is not checking a message can use is kept: macros depend on the
 * message, so a term with one is kept as text.
 *
 * Promises: a record of at most MAX_RECORD_LENGTH characters is read, of at most MAX_TERMS terms; nothing throws.
 *
 * Source: RFC 7208 §4.5 (which text is the record), §4.6.1 (terms), §5 (mechanisms), §6 (modifiers).
 */
import { type IpNetwork, parseIpNetwork } from "#base/ip-address.ts";
import { isHostName } from "#protocols/mail/domain.ts";

/** A record of two UDP answers; longer ones are not served anywhere. */
const MAX_RECORD_LENGTH = 4096;
/** Ten of them may ask the DNS (§4.6.4); the others are networks. */
const MAX_TERMS = 256;

export type SpfQualifier = "pass" | "fail" | "softfail" | "neutral";

/** A mechanism; `domain` "" is the domain that has the record. */
export type SpfMechanism =
  | { readonly kind: "all" }
  | { readonly kind: "network"; readonly network: IpNetwork; readonly text: string }
  | {
      readonly kind: "a" | "mx";
      readonly domain: string;
      readonly ipv4Bits: number;
      readonly ipv6Bits: number;
    }
  | { readonly kind: "include" | "exists" | "ptr"; readonly domain: string }
  /** Its domain is made of parts of the message. */
  | { readonly kind: "macro"; readonly text: string };

export interface SpfTerm {
  readonly qualifier: SpfQualifier;
  readonly mechanism: SpfMechanism;
}

export interface SpfRecord {
  readonly kind: "record";
  readonly terms: readonly SpfTerm[];
  /** Whose record goes on where no term decides; undefined: nobody's. */
  readonly redirect: string | undefined;
}

export type SpfReading =
  | SpfRecord
  | { readonly kind: "none" }
  | { readonly kind: "wrong"; readonly why: string };

const QUALIFIERS: Readonly<Record<string, SpfQualifier>> = {
  "": "pass",
  "+": "pass",
  "-": "fail",
  "~": "softfail",
  "?": "neutral",
};

/** @param texts of the domain; others may stand beside the record. */
export function parseSpf(texts: readonly string[]): SpfReading {
  const records = texts.filter((text) => /^v=spf1(?: |$)/iu.test(text));
  const [record] = records;
  if (record === undefined) return { kind: "none" };
  if (records.length > 1) return wrong(`there are ${records.length} records, and one is allowed`);
  if (record.length > MAX_RECORD_LENGTH) return wrong("the record is too long");
  const [, ...words] = record.split(" ").filter((word) => word !== "");
  if (words.length > MAX_TERMS) return wrong("the record has too many terms");
  const terms: SpfTerm[] = [];
  let redirect: string | undefined;
  for (const word of words) {
    const [, name = "", value = ""] = /^([a-z][a-z0-9_.-]*)=(.*)$/iu.exec(word) ?? [];
    if (name.toLowerCase() === "redirect") {
      if (redirect !== undefined) return wrong("redirect= stands there twice");
      redirect = withoutFinalDot(value);
    }
    // Other modifiers are for others (§6).
    if (name !== "") continue;
    const term = parseTerm(word);
    if (term === undefined) return wrong(`it cannot be read at '${word}'`);
    terms.push(term);
  }
  return { kind: "record", terms, redirect };
}

function wrong(why: string): SpfReading {
  return { kind: "wrong", why };
}

const TERM = /^([-+~?]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?=$|[:/])(?::([^/\s]*))?(.*)$/iu;

function parseTerm(word: string): SpfTerm | undefined {
  const [, sign = "", name = "", value, rest = ""] = TERM.exec(word) ?? [];
  const qualifier = QUALIFIERS[sign];
  if (name === "" || qualifier === undefined) return undefined;
  const mechanism = value?.includes("%")
    ? ({ kind: "macro", text: word } as const)
    : MECHANISMS[name.toLowerCase()]?.(value, rest);
  return mechanism && { qualifier, mechanism };
}

type ReadMechanism = (value: string | undefined, rest: string) => SpfMechanism | undefined;

/** By their names in lower case; `rest` is what stands behind the domain. */
const MECHANISMS: Readonly<Record<string, ReadMechanism>> = {
  all: (value, rest) => (value === undefined && rest === "" ? { kind: "all" } : undefined),
  ip4: (value = "", rest) => networkOf("ip4", `${value}${rest}`),
  ip6: (value = "", rest) => networkOf("ip6", `${value}${rest}`),
  a: (value, rest) => addressesOf("a", value, rest),
  mx: (value, rest) => addressesOf("mx", value, rest),
  ptr: (value = "", rest) => {
    const domain = withoutFinalDot(value);
    return rest === "" && isDomain(domain) ? { kind: "ptr", domain } : undefined;
  },
  include: (value, rest) => otherOf("include", value, rest),
  exists: (value, rest) => otherOf("exists", value, rest),
};

function otherOf(
  kind: "include" | "exists",
  value: string | undefined,
  rest: string,
): SpfMechanism | undefined {
  const domain = withoutFinalDot(value ?? "");
  if (domain === "" || rest !== "" || !isDomain(domain)) return undefined;
  return { kind, domain };
}

function networkOf(name: "ip4" | "ip6", text: string): SpfMechanism | undefined {
  // An address of IPv4 within IPv6 would be taken for one of the other kind.
  const network = (name === "ip6") === text.includes(":") ? parseIpNetwork(text) : undefined;
  return network && { kind: "network", network, text };
}

/** `/24`, `//64` or `/24//64` behind a domain (§5.3). */
function addressesOf(
  kind: "a" | "mx",
  value: string | undefined,
  rest: string,
): SpfMechanism | undefined {
  const lengths = /^(?:\/([0-9]{1,2}))?(?:\/\/([0-9]{1,3}))?$/u.exec(rest);
  const domain = withoutFinalDot(value ?? "");
  if (lengths === null || value === "" || !isDomain(domain)) return undefined;
  const [ipv4Bits, ipv6Bits] = [Number(lengths[1] ?? 32), Number(lengths[2] ?? 128)];
  if (ipv4Bits > 32 || ipv6Bits > 128) return undefined;
  return { kind, domain, ipv4Bits, ipv6Bits };
}

/** It says that nothing is to be added, as nothing is anyway. */
function withoutFinalDot(domain: string): string {
  return domain.replace(/\.$/u, "");
}

/** "": the domain that has the record. */
function isDomain(text: string): boolean {
  return text === "" || isHostName(text);
}
