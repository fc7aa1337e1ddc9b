/**
 * Where a connection is accepted or opened: TCP or a UNIX-domain socket.
 *
 * The written forms are those of the configuration and of smtp(1): `HOST:PORT`
 * with IPv6 in brackets, and `unix:/PATH`.
 */
import type { Lookup } from "./lookup.ts";

export type Endpoint =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** Who is at the other end of a connection that we accepted, or opened. */
export type Peer =
  | Extract<Endpoint, { readonly kind: "tcp" }>
  | {
      readonly kind: "unix";
      /** Of the listener. */
      readonly path: string;
      /** Undefined: nobody has asked the system. */
      readonly user: LocalUser | undefined;
    };

/** A user of this machine, as the system names who connected (unix(7), SO_PEERCRED). */
export interface LocalUser {
  readonly uid: number;
  /** By the system's database, which may have none for it. */
  readonly name: Lookup<string>;
}

/** The name that rules, tables and logs have for a user: `uid=1000` for one without. */
export function nameOfUser({ uid, name }: LocalUser): string {
  return name.kind === "found" ? name.value : `uid=${uid}`;
}

/** `endpoint` as the other end, of which the system was not asked who it is. */
export function unasked(endpoint: Endpoint): Peer {
  return endpoint.kind === "tcp" ? endpoint : { ...endpoint, user: undefined };
}

/** Without the port: what hosts are told apart by. */
export function addressOf(endpoint: Endpoint): string {
  return endpoint.kind === "tcp" ? endpoint.host : endpoint.path;
}

/** `127.0.0.1:25`, `[::1]:25` or `unix:/run/x.sock`. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return `unix:${endpoint.path}`;
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}`;
}
