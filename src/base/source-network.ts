/**
 * Whose connections are counted together: an IPv4 address is one customer's, and of IPv6
 * a /64 usually is (RFC 6177 §2), however its addresses are written.
 */
import { parseIpAddress } from "./ip-address.ts";

/** A key for the network that `address` stands for; what is no IPv6 address is its own. */
export function sourceNetwork(address: string): string {
  if (!address.includes(":")) return address;
  const parsed = parseIpAddress(address);
  if (parsed?.family !== 6) return address;
  const [high = 0, low = 0] = parsed.words;
  return `${high.toString(16)}:${low.toString(16)}`;
}
