/**
 * Whether the chain of certificates that a server shows has what a TLSA record says.
 *
 * Usage 3 (DANE-EE) is about the server's own certificate or key and nothing else: its
 * names and its dates do not count, as the record says whose it is and for how long. Usage 2
 * (DANE-TA) is about one of those that vouch for it, which the server must send along: the
 * signatures from there, the dates and a name are checked.
 *
 * Source: RFC 7671 §5.1, §5.2; RFC 7672 §3.1.1, §3.1.2, §3.2.2, §3.2.3.
 */
import { createHash } from "node:crypto";
import type { TlsaRecord } from "#base/ports/resolver.ts";
import type { ChainCertificate } from "#base/ports/tls.ts";
import { DANE_EE, EXACT, PUBLIC_KEY, SHA_256 } from "./tlsa.ts";

/** @param names in lower case; `records` are usable ones. */
export function matchesTlsa(
  records: readonly TlsaRecord[],
  chain: readonly ChainCertificate[],
  names: readonly string[],
): boolean {
  const [own] = chain;
  if (own === undefined) return false;
  return records.some((record) =>
    record.usage === DANE_EE ? has(own, record) : isVouchedFor(chain, record, names),
  );
}

function isVouchedFor(
  chain: readonly ChainCertificate[],
  record: TlsaRecord,
  names: readonly string[],
): boolean {
  const anchor = chain.findIndex((each, at) => at > 0 && has(each, record));
  if (anchor < 0) return false;
  const [own, ...issuers] = chain.slice(0, anchor + 1);
  if (own === undefined || !isNamed(own, names)) return false;
  if (!chain.slice(0, anchor).every(({ isSignedByNext }) => isSignedByNext)) return false;
  return own.isCurrent && issuers.every((each) => each.isAuthority && each.isCurrent);
}

function has({ certificate, key }: ChainCertificate, record: TlsaRecord): boolean {
  const { selector, matching, data } = record;
  const content = selector === PUBLIC_KEY ? key : certificate;
  if (matching === EXACT) return Buffer.compare(content, data) === 0;
  const algorithm = matching === SHA_256 ? "sha256" : "sha512";
  return createHash(algorithm).update(content).digest().equals(data);
}

/** RFC 9525 §6.3: a wildcard stands for one label, the first. */
function isNamed({ names }: ChainCertificate, wanted: readonly string[]): boolean {
  return wanted.some((name) => {
    const dot = name.indexOf(".");
    return names.includes(name) || (dot > 0 && names.includes(`*${name.slice(dot)}`));
  });
}
