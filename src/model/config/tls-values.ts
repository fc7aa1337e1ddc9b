/**
 * The values of `ciphers`, `curves` and `protocols`: read once, with the
 * configuration, and printed in a form that reads back.
 *
 * Source: tls_config_set_protocols(3), tls_config_set_ciphers(3) and
 * tls_config_set_ecdhecurves(3) of libtls, whose words these are.
 */
import type { ComplaintList } from "./complaint.ts";
import { nearestWord } from "./did-you-mean.ts";
import type { TlsOptions, TlsSyntax, Word } from "./syntax.ts";
import {
  TLS_LEVELS,
  TLS_VERSIONS,
  type TlsCiphers,
  type TlsLevel,
  type TlsSettings,
  type TlsVersion,
} from "./tls-settings.ts";

/** More names than any list needs; OpenSSL knows about 150 ciphers. */
const MAX_NAMES = 256;

export const NO_TLS_SETTINGS: TlsSettings = {
  ciphers: undefined,
  curves: undefined,
  protocols: undefined,
};

/** Groups that TLS of this runtime can agree on, by the words that people write for them. */
const CURVES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    x25519: "X25519",
    x448: "X448",
    "p-256": "P-256",
    prime256v1: "P-256",
    secp256r1: "P-256",
    "p-384": "P-384",
    secp384r1: "P-384",
    "p-521": "P-521",
    secp521r1: "P-521",
    x25519mlkem768: "X25519MLKEM768",
    secp256r1mlkem768: "SecP256r1MLKEM768",
    secp384r1mlkem1024: "SecP384r1MLKEM1024",
    brainpoolp256r1: "brainpoolP256r1",
    brainpoolp384r1: "brainpoolP384r1",
    brainpoolp512r1: "brainpoolP512r1",
    secp256k1: "secp256k1",
  }),
);
const DEFAULT_CURVES: readonly string[] = ["X25519", "P-256", "P-384"];

const SECURE_VERSIONS: readonly TlsVersion[] = ["tlsv1.2", "tlsv1.3"];
/** What one word of `protocols` stands for. */
const VERSIONS: ReadonlyMap<string, readonly TlsVersion[]> = new Map<string, readonly TlsVersion[]>(
  [
    ["all", TLS_VERSIONS],
    ["legacy", TLS_VERSIONS],
    ["default", SECURE_VERSIONS],
    ["secure", SECURE_VERSIONS],
    ["tlsv1", TLS_VERSIONS],
    ...TLS_VERSIONS.map((version): [TlsVersion, TlsVersion[]] => [version, [version]]),
  ],
);

const LEVEL_NAMES: ReadonlyMap<string, TlsLevel> = new Map<string, TlsLevel>([
  ...TLS_LEVELS.map((level): [TlsLevel, TlsLevel] => [level, level]),
  ["default", "secure"],
  ["all", "insecure"],
]);

export interface TlsValueFault {
  readonly kind: "tls-value-fault";
  readonly reason: string;
  readonly hint: string;
}

/** Complains about what cannot be used, and leaves it undefined. */
export function buildTlsSettings(syntax: TlsSyntax, complaints: ComplaintList): TlsSettings {
  const built = <Value>(
    word: Word | undefined,
    parse: (text: string) => Value | TlsValueFault,
  ): Value | undefined => {
    if (word === undefined) return undefined;
    const value = parse(word.text);
    if (!isFault(value)) return value;
    complaints.error(word.at, value.reason, value.hint);
    return undefined;
  };
  return {
    ciphers: built(syntax.ciphers, parseCiphers),
    curves: built(syntax.curves, parseCurves),
    protocols: built(syntax.protocols, parseProtocols),
  };
}

/** The words of options, without their places. */
export function tlsSyntaxOf({ ciphers, curves, protocols }: TlsOptions): TlsSyntax {
  return {
    ...(ciphers && { ciphers: ciphers.value }),
    ...(curves && { curves: curves.value }),
    ...(protocols && { protocols: protocols.value }),
  };
}

/** The name of a level, or OpenSSL's names, separated by colons, commas or blanks. */
export function parseCiphers(text: string): TlsCiphers | TlsValueFault {
  const level = LEVEL_NAMES.get(text.toLowerCase());
  if (level !== undefined) return { kind: "level", level };
  const names = splitNames(text, /[:, ]+/u);
  const wrong = names.find((name) => !/^[!+-]?[A-Za-z0-9_@=.+-]+$/u.test(name));
  if (names.length > 0 && names.length <= MAX_NAMES && wrong === undefined)
    return { kind: "list", names };
  return fault(
    `invalid ciphers: ${wrong ?? text}`,
    `write one of ${[...LEVEL_NAMES.keys()].join(", ")}, or names of OpenSSL separated by ':'`,
  );
}

export function formatCiphers(ciphers: TlsCiphers): string {
  return ciphers.kind === "level" ? ciphers.level : ciphers.names.join(":");
}

/** Names of groups, separated by colons or commas, in the order of preference. */
export function parseCurves(text: string): readonly string[] | TlsValueFault {
  if (["default", "auto"].includes(text.toLowerCase())) return DEFAULT_CURVES;
  const curves: string[] = [];
  const names = splitNames(text, /[:, ]+/u);
  for (const name of names) {
    const curve = CURVES.get(name.toLowerCase());
    if (curve === undefined) {
      const known = [...new Set(CURVES.values())];
      const meant = nearestWord(name, known);
      return fault(
        `unknown curve: ${name}`,
        meant === "" ? "as in X25519:P-256:P-384" : `did you mean '${meant}'?`,
      );
    }
    if (!curves.includes(curve)) curves.push(curve);
  }
  return curves.length > 0 ? curves : fault(`invalid curves: ${text}`, "as in X25519:P-256");
}

export function formatCurves(curves: readonly string[]): string {
  return curves.join(":");
}

/** Words separated by commas or colons; `!` takes a version away, at first from all of them. */
export function parseProtocols(text: string): readonly TlsVersion[] | TlsValueFault {
  const chosen = new Set<TlsVersion>();
  const words = splitNames(text, /[,: ]+/u);
  for (const [index, word] of words.entries()) {
    const isNegated = word.startsWith("!");
    const name = (isNegated ? word.slice(1) : word).toLowerCase();
    const versions = VERSIONS.get(name);
    if (versions === undefined) {
      const meant = nearestWord(name, [...VERSIONS.keys()]);
      const known = `one of ${[...VERSIONS.keys()].join(", ")}`;
      return fault(`unknown TLS protocol: ${word}`, meant ? `did you mean '${meant}'?` : known);
    }
    if (isNegated && index === 0) for (const version of TLS_VERSIONS) chosen.add(version);
    for (const version of versions)
      if (isNegated) chosen.delete(version);
      else chosen.add(version);
  }
  const kept = TLS_VERSIONS.filter((version) => chosen.has(version));
  return kept.length > 0
    ? kept
    : fault(`no TLS protocol is left: ${text}`, "as in tlsv1.2,tlsv1.3");
}

export function formatProtocols(protocols: readonly TlsVersion[]): string {
  return protocols.join(",");
}

function splitNames(text: string, separator: RegExp): readonly string[] {
  return text.split(separator).filter((name) => name !== "");
}

function fault(reason: string, hint: string): TlsValueFault {
  return { kind: "tls-value-fault", reason, hint };
}

function isFault(value: unknown): value is TlsValueFault {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    value.kind === "tls-value-fault"
  );
}
