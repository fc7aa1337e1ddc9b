/**
 * Which of a listener's certificates a client is shown.
 *
 * First by the name that it asks for: certificates that have it, else those with a
 * wildcard for it (one label, the first), else the first of the listener and its twins
 * for the same name. Among these the first that the client can check: one with RSA and
 * one with ECDSA stand side by side so.
 *
 * Source: RFC 6066 §3; RFC 9525 §6.3 (wildcards); RFC 8446 §4.2.3, RFC 8422 §2.2.
 */
import type { ClientHello } from "#protocols/tls/client-hello.ts";

export type KeyKind = "rsa" | "ecdsa" | "eddsa";

export interface Candidate {
  /** DNS names of the certificate, in lower case; `*.` begins a wildcard. */
  readonly names: readonly string[];
  readonly key: KeyKind;
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
  const checkable = pool.find(({ key }) => canCheck(hello, key));
  return checkable ?? pool[0] ?? first;
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

function canCheck(hello: ClientHello, key: KeyKind): boolean {
  const { versions, cipherSuites, signatureSchemes } = hello;
  // RFC 5246 §7.4.1.4.1: who does not say takes SHA-1 with whatever its ciphers have.
  const signs = signatureSchemes?.some((scheme) => kindOfScheme(scheme) === key) ?? key === "rsa";
  if (!signs) return false;
  return versions.includes(TLS_1_3) || cipherSuites.some((suite) => takesKey(suite, key));
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

/** Ciphers of TLSv1.2 and before that need an ECDSA key (IANA's registry of cipher suites). */
function isEcdsaSuite(suite: number): boolean {
  return (
    (suite >= 0xc006 && suite <= 0xc00a) ||
    [0xc023, 0xc024, 0xc02b, 0xc02c, 0xc05c, 0xc05d, 0xc072, 0xc073, 0xcca9].includes(suite) ||
    (suite >= 0xc0ac && suite <= 0xc0af)
  );
}

/** RFC 8422 §5.10: keys of EdDSA go with the ciphers of ECDSA. */
function takesKey(suite: number, key: KeyKind): boolean {
  return isEcdsaSuite(suite) === (key !== "rsa");
}
