/** UNIX-domain sockets whose clients are handed on to another process, unread. */
import type { Endpoint } from "#base/endpoint.ts";
import type { Listening, NetworkFault } from "./network.ts";

export interface LocalDoor {
  listen(
    endpoint: Endpoint,
    accept: (client: LocalClient) => void,
  ): Promise<Listening | NetworkFault>;
}

/** A client of whom nothing was read. One of the three is called, once. */
export interface LocalClient {
  /** Where it came in, as `formatEndpoint` writes it. */
  readonly endpoint: string;
  /** Who it is; undefined in a world that has no users. */
  readonly uid: number | undefined;
  /** Hands it on; resolves when another one may be. */
  pass(): Promise<void>;
  /** Says `line`, and lets it go. */
  turnAway(line: string): void;
  destroy(): void;
}
