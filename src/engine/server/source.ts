/**
 * Where a client comes from, for limits: an IPv4 address or an IPv6 /64, which one
 * customer usually has whole.
 */
import type { Endpoint } from "#base/endpoint.ts";

/** The key of a peer's source: its address, or the first four groups of an IPv6 one; none for a UNIX-domain peer. */
export function sourceOf(remote: Endpoint): string | undefined {
  return remote.kind === "unix" ? undefined : networkOf(remote.host);
}

/** Whether a peer is on this machine: it has means to hurt us that no limit of sessions takes away. */
export function isLocal(remote: Endpoint): boolean {
  return remote.kind === "unix" || remote.host === "::1" || remote.host.startsWith("127.");
}

/** Whether it came to a listener that is for this machine alone: OpenSMTPD's local sessions. */
export function comesFromHere(
  remote: Endpoint,
  listener: { readonly endpoint: Endpoint },
): boolean {
  return isLocal(remote) && isLocal(listener.endpoint);
}

function networkOf(address: string): string {
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const end = tail === "" ? [] : tail.split(":");
    while (groups.length + end.length < 8) groups.push("0");
    groups.push(...end);
  }
  return groups.slice(0, 4).join(":");
}
