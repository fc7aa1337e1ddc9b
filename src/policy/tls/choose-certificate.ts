/**
 * Which of a listener's certificates a client is shown.
 *
 * First by the name that it asks for: certificates that have it, else those with a
 * wildcard for it (one label, the first), else the first of the listener and its twins
 * for the same name. Among these the one that the client can check best: one with RSA and
 * one with ECDSA stand side by side so. The first counts where several are as good.
 *
 * Source: RFC 6066 §3; RFC 9525 §6.3 (wildcards); RFC 8446 §4.2.3, RFC 8422 §2.2, §5.3.
 */
import type { ClientHello } from "#protocols/tls/client-hello.ts";

export type Curve = "P-256" | "P-384" | "P-521" | "other";

export type CertificateKey =
  | { readonly kind: "rsa" | "eddsa" }
  | { readonly kind: "ecdsa"; readonly curve: Curve };

type KeyKind = CertificateKey["kind"];

export interface Candidate {
  /** DNS names of the certificate, in lower case; `*.` begins a wildcard. */
  readonly names: readonly string[];
  readonly key: CertificateKey;
}

/** One of `candidates`, which are not empty. */
export function chooseCertificate<Each extends Candidate>(
  candidates: readonly Each[],
  hello: ClientHello,
): Each {
  const [first] = candidates;
  if (first === undefined) throw new TypeError("Cannot choose: there is no certificate");
  if (candidates.length === 1) return first;
  const pool = named(candidates, hello.serverName) ?? twinsOf(first, candidates);
  let best: { readonly each: Each; readonly fit: number } = { each: pool[0] ?? first, fit: 0 };
  for (const each of pool) {
    const rank = fit(hello, each.key);
    if (rank > best.fit) best = { each, fit: rank };
  }
  return best.each;
}

function named<Each extends Candidate>(
  candidates: readonly Each[],
  name: string | undefined,
): readonly Each[] | undefined {
  if (name === undefined) return undefined;
  const exact = candidates.filter(({ names }) => names.includes(name));
  if (exact.length > 0) return exact;
  const dot = name.indexOf(".");
  if (dot < 0) return undefined;
  const wildcard = `*${name.slice(dot)}`;
  const wild = candidates.filter(({ names }) => names.includes(wildcard));
  return wild.length > 0 ? wild : undefined;
}

function twinsOf<Each extends Candidate>(
  first: Each,
  candidates: readonly Each[],
): readonly Each[] {
  return candidates.filter(
    (each) => each === first || each.names.some((name) => first.names.includes(name)),
  );
}

const TLS_1_3 = 0x0304;

/**
 * How sure it is that client and listener come to terms with `key`; 0: they cannot. TLSv1.3
 * counts first. What the listener has on is not known here, but ECDHE with AES-GCM or
 * ChaCha20 is in every level; and it may be for older versions alone.
 */
function fit(hello: ClientHello, key: CertificateKey): number {
  const inNew = hello.versions.includes(TLS_1_3) && signs(hello, key);
  return (inNew ? 3 : 0) + fitInOld(hello, key);
}

function fitInOld(hello: ClientHello, key: CertificateKey): 0 | 1 | 2 {
  const suites = hello.cipherSuites.filter((suite) => takesKey(suite, key.kind));
  if (suites.length === 0 || !signsInOld(hello, key) || !hasOldCurve(hello, key)) return 0;
  return suites.some((suite) => OF_EVERY_LEVEL.has(suite)) ? 2 : 1;
}

/** RFC 8446 §4.2.3: a scheme of ECDSA has its curve. */
function signs({ signatureSchemes = [] }: ClientHello, key: CertificateKey): boolean {
  return signatureSchemes.some((scheme) =>
    key.kind === "ecdsa" ? scheme === CURVES[key.curve].scheme : kindOfScheme(scheme) === key.kind,
  );
}

/** RFC 5246 §7.4.1.4.1: who does not say takes SHA-1 with whatever its ciphers have. */
function signsInOld({ signatureSchemes }: ClientHello, { kind }: CertificateKey): boolean {
  return signatureSchemes?.some((scheme) => kindOfScheme(scheme) === kind) ?? kind === "rsa";
}

/** RFC 8422 §5.3: up to TLSv1.2 the key's curve is one of the groups. */
function hasOldCurve({ groups }: ClientHello, key: CertificateKey): boolean {
  return key.kind !== "ecdsa" || (groups?.includes(CURVES[key.curve].group) ?? true);
}

/** RFC 8446 §4.2.3, and before it RFC 5246 §7.4.1.4.1: hash, then signature. */
function kindOfScheme(scheme: number): KeyKind | undefined {
  if (scheme === 0x0807 || scheme === 0x0808) return "eddsa";
  if (scheme >= 0x0804 && scheme <= 0x080b) return "rsa";
  const hash = scheme >> 8;
  if (hash < 1 || hash > 6) return undefined;
  const signature = scheme & 0xff;
  return signature === 1 ? "rsa" : signature === 3 ? "ecdsa" : undefined;
}

/** IANA's registries: the scheme of TLSv1.3 and the group. Nobody has a 0: it is reserved. */
const CURVES: Readonly<Record<Curve, { readonly scheme: number; readonly group: number }>> = {
  "P-256": { scheme: 0x0403, group: 23 },
  "P-384": { scheme: 0x0503, group: 24 },
  "P-521": { scheme: 0x0603, group: 25 },
  other: { scheme: 0, group: 0 },
};

/** Suites that every level has: ECDHE with AES-GCM and ChaCha20-Poly1305, with ECDSA and with RSA. */
const OF_EVERY_LEVEL: ReadonlySet<number> = new Set([
  0xc02b, 0xc02c, 0xcca9, 0xc02f, 0xc030, 0xcca8,
]);

/** Ciphers of TLSv1.2 and before that need an ECDSA key (IANA's registry of cipher suites). */
function isEcdsaSuite(suite: number): boolean {
  return (
    (suite >= 0xc006 && suite <= 0xc00a) ||
    [0xc023, 0xc024, 0xc02b, 0xc02c, 0xc05c, 0xc05d, 0xc072, 0xc073, 0xcca9].includes(suite) ||
    (suite >= 0xc0ac && suite <= 0xc0af)
  );
}

/** Suites of TLSv1.3 say nothing of keys (RFC 8446 §B.4), signals (RFC 5746 §3.3, RFC 7507) and GREASE nothing at all. */
function isOldSuite(suite: number): boolean {
  const isGrease = (suite & 0x0f0f) === 0x0a0a && suite >> 8 === (suite & 0xff);
  return suite >> 8 !== 0x13 && suite !== 0x00ff && suite !== 0x5600 && !isGrease;
}

/** RFC 8422 §5.10: keys of EdDSA go with the ciphers of ECDSA. */
function takesKey(suite: number, key: KeyKind): boolean {
  return isOldSuite(suite) && isEcdsaSuite(suite) === (key !== "rsa");
}
