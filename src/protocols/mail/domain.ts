/**
 * Host names and address literals, as HELO and mail addresses carry them.
 *
 * Host names are judged as resolvers judge them: letters, digits, "-" and "_",
 * labels of at most 63 octets that neither begin nor end with "-", no final dot.
 * RFC 5321 knows no "_"; hosts that carry it send mail all the same.
 *
 * Source: RFC 5321 §4.1.2 (Domain), §4.1.3 (literals); RFC 1035 §2.3.4 (lengths).
 */
import { domainToASCII } from "node:url";
import { DASH, DOT } from "#base/ascii.ts";
import { isIpv4, isIpv6 } from "#base/ip-address.ts";

/** Dots of other scripts, and what UTS 46 takes out without a word: two texts for one domain. */
const IGNORED = /[\u00ad\u200b-\u200f\u2060\u3002\ufeff\uff0e\uff61]|\p{Variation_Selector}/u;
/** ASCII that no host name has. Node reads a URL's host: it would end at a "\" and pass over a tab. */
const NO_HOST_NAME = /[^\w.\-\u0080-\u{10ffff}]/u;
const MAX_DOMAIN_LENGTH = 255;
const MAX_LABEL_LENGTH = 63;

/** Whether `text` is a host name, with or without dots. */
export function isHostName(text: string): boolean {
  if (text.length === 0 || text.length > MAX_DOMAIN_LENGTH) return false;
  let labelLength = 0;
  let before = DOT;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === DOT) {
      if (before === DOT || before === DASH) return false;
      labelLength = 0;
    } else {
      if (!isHostNameUnit(unit) || (unit === DASH && before === DOT)) return false;
      if (++labelLength > MAX_LABEL_LENGTH) return false;
    }
    before = unit;
  }
  return before !== DOT && before !== DASH;
}

/** Whether `text` is `[192.0.2.1]` or `[IPv6:2001:db8::1]`. No other literal is registered. */
export function isAddressLiteral(text: string): boolean {
  if (!text.startsWith("[") || !text.endsWith("]")) return false;
  const inner = text.slice(1, -1);
  if (inner.slice(0, 5).toLowerCase() === "ipv6:") return isIpv6(inner.slice(5));
  return isIpv4(inner);
}

function isHostNameUnit(unit: number): boolean {
  return (
    (unit >= 0x61 && unit <= 0x7a) ||
    (unit >= 0x41 && unit <= 0x5a) ||
    (unit >= 0x30 && unit <= 0x39) ||
    unit === DASH ||
    unit === 0x5f
  );
}

/**
 * `domain` in the text that DNS has (RFC 5890: A-labels): the same string if it is ASCII;
 * "" if it is no domain in any script.
 */
export function asciiDomain(domain: string): string {
  for (let at = 0; at < domain.length; at++) {
    if (domain.charCodeAt(at) > 0x7f) return fromOtherScript(domain);
  }
  return domain;
}

/** What is no domain is not made one, nor an address: digits of other scripts would be. */
function fromOtherScript(domain: string): string {
  if (IGNORED.test(domain) || NO_HOST_NAME.test(domain)) return "";
  const ascii = domainToASCII(domain);
  return isIpv4(ascii) ? "" : ascii;
}
