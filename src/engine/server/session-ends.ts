/**
 * What is settled about a session before it greets: who is at the other end, by what name
 * we answer there, and whether the peer may speak for others.
 *
 * The answer is there at once, unless a table is asked elsewhere.
 */
import { andThen } from "#base/and-then.ts";
import type { Endpoint, Peer } from "#base/endpoint.ts";
import type { Lookup } from "#base/lookup.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { Listener } from "#model/config/listener.ts";

export interface SessionEnds {
  /** The client, as a proxy names it if there is one. */
  readonly remote: Peer;
  readonly local: Endpoint;
  /** Who is at the other end of the connection itself: `remote`, or a proxy that names it. */
  readonly peer: Endpoint;
  readonly serverName: string;
  /** The peer may say XCLIENT and XFORWARD. */
  readonly speaksForOthers: boolean;
}

type Between = Pick<SessionEnds, "remote" | "local">;

export function sessionEnds(
  between: Between,
  peer: Endpoint,
  listener: Listener,
  ask: AskTable | undefined,
): SessionEnds | Promise<SessionEnds> {
  const { hostnames, xclient } = listener;
  const { remote, local } = between;
  if (ask === undefined || (hostnames === undefined && xclient === undefined))
    return { remote, local, peer, serverName: listener.hostname, speaksForOthers: false };
  const named = hostnames && local.kind === "tcp" ? ask(hostnames, "addrname", local.host) : NONE;
  return andThen(named, (name) =>
    andThen(
      xclient && peer.kind === "tcp" ? ask(xclient, "netaddr", peer.host) : NONE,
      (listed) => ({
        remote,
        local,
        peer,
        // Without an answer the client is told the name that it would get without the table.
        serverName:
          name.kind === "found" && isHostName(name.value) ? name.value : listener.hostname,
        speaksForOthers: listed.kind === "found",
      }),
    ),
  );
}

const NONE: Lookup<string> = Object.freeze({ kind: "absent" });
