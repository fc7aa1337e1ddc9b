/**
 * TLSA records: which of them say something that mail servers go by, and their text.
 *
 * Usages 0 and 1 need authorities that all agree on, which mail does not have: they are
 * unusable, as is what nobody has defined (RFC 7672 §3.1.3). A digest weaker than another of
 * the same usage and selector is left out, so that who breaks it gains nothing.
 *
 * Source: RFC 6698 §2.1; RFC 7671 §9 (digest algorithm agility); RFC 7672 §3.1.
 */
import type { TlsaRecord } from "#base/ports/resolver.ts";

/** Of usages: the certificate of an authority, and that of the server. */
const DANE_TA = 2;
export const DANE_EE = 3;
/** Of selectors: the whole certificate, and its public key. */
export const CERTIFICATE = 0;
export const PUBLIC_KEY = 1;
/** Of matching types. */
export const EXACT = 0;
export const SHA_256 = 1;
const SHA_512 = 2;

const DIGEST_BYTES: Readonly<Record<number, number>> = { [SHA_256]: 32, [SHA_512]: 64 };
/** Records of one name that are looked at: none needs more than a few. */
const MAX_TLSA_RECORDS = 32;

/** Empty: there is none to go by. */
export function usableTlsa(records: readonly TlsaRecord[]): readonly TlsaRecord[] {
  const usable = records.slice(0, MAX_TLSA_RECORDS).filter(isUsable);
  return usable.filter(
    ({ usage, selector, matching }) =>
      matching === EXACT ||
      !usable.some(
        (other) =>
          other.usage === usage && other.selector === selector && other.matching > matching,
      ),
  );
}

function isUsable({ usage, selector, matching, data }: TlsaRecord): boolean {
  if (usage !== DANE_TA && usage !== DANE_EE) return false;
  if (selector !== CERTIFICATE && selector !== PUBLIC_KEY) return false;
  return matching === EXACT ? data.length > 0 : data.length === DIGEST_BYTES[matching];
}

/** `3 1 1` and hex, as zone files have it. */
export function formatTlsa({ usage, selector, matching, data }: TlsaRecord): string {
  return `${usage} ${selector} ${matching} ${Buffer.from(data).toString("hex")}`;
}
