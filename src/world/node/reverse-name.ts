/** The name under which the DNS keeps the names of an address. Source: RFC 1035 §3.5, RFC 3596 §2.5. */
import { parseIpAddress } from "#base/ip-address.ts";

/** `4.3.2.1.in-addr.arpa` for 1.2.3.4; for IPv6 32 digits and `ip6.arpa`. */
export function reverseName(address: string): string {
  const parsed = parseIpAddress(address);
  if (parsed === undefined) throw new TypeError(`Cannot reverse '${address}': not an address`);
  const hex = parsed.words.map((word) => word.toString(16).padStart(8, "0")).join("");
  if (parsed.family === 6) return `${hex.split("").toReversed().join(".")}.ip6.arpa`;
  const octets = Array.from(Buffer.from(hex, "hex"));
  return `${octets.toReversed().join(".")}.in-addr.arpa`;
}
