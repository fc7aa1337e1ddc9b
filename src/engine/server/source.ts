/** Where a client comes from, for limits. */
import type { Endpoint, Peer } from "#base/endpoint.ts";
import { sourceNetwork } from "#base/source-network.ts";

/** The network of a peer, by which it is counted; none for a UNIX-domain peer. */
export function sourceOf(remote: Peer): string | undefined {
  return remote.kind === "unix" ? undefined : sourceNetwork(remote.host);
}

/** The user of this machine that a peer is, by whom it is counted; undefined: nobody knows. */
export function userOf(remote: Peer): string | undefined {
  return remote.kind === "unix" && remote.user !== undefined ? `uid=${remote.user.uid}` : undefined;
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
