/**
 * Reads what a proxy says before all else, and leaves the connection as if it had come
 * from the client: nothing of the header is left, and nothing behind it is lost, be it
 * SMTP or TLS.
 *
 * A peer that is not listed, a header that is none, and one that does not come in time
 * end the connection without a word, since nobody knows what the peer speaks.
 *
 * Source: The PROXY protocol §2, §4 ("must not try to guess").
 */
import { andThen } from "#base/and-then.ts";
import type { Lookup } from "#base/lookup.ts";
import type { Clock } from "#base/ports/clock.ts";
import { type Connection, type ConnectionHandler, DEAF } from "#base/ports/network.ts";
import type { ProxiedEnds, ProxyHeader } from "#protocols/proxy/header.ts";
import { readVersion1 } from "#protocols/proxy/version-1.ts";
import { readVersion2 } from "#protocols/proxy/version-2.ts";
import type { AskTable } from "#model/config/ask-table.ts";
import type { ListenerProxy } from "#model/config/listener.ts";
import { PROXY_TIMEOUT_MS } from "./limits.ts";

export type Proxied =
  | { readonly kind: "proxied"; readonly ends: ProxiedEnds }
  /** The connection is closed. */
  | { readonly kind: "refused"; readonly why: string };

/** Reads the header on `connection`, which the caller then may start. Never rejects. */
export async function readProxied(
  connection: Connection,
  proxy: ListenerProxy,
  { clock, ask }: { readonly clock: Clock; readonly ask: AskTable | undefined },
): Promise<Proxied> {
  const listed = await isListed(connection, proxy, ask);
  if (listed.kind === "found") return new HeaderReader(connection, proxy, clock).read();
  connection.start(DEAF);
  connection.destroy();
  const why = listed.kind === "absent" ? "it is no proxy of ours" : listed.cause.message;
  return { kind: "refused", why };
}

function isListed(
  { remote }: Connection,
  { from }: ListenerProxy,
  ask: AskTable | undefined,
): Lookup<unknown> | Promise<Lookup<unknown>> {
  if (from === undefined) return { kind: "found", value: "" };
  if (remote.kind !== "tcp" || ask === undefined) return { kind: "absent" };
  return andThen(ask(from, "netaddr", remote.host), (answer) => answer);
}

class HeaderReader implements ConnectionHandler {
  readonly #connection: Connection;
  readonly #read: (bytes: Buffer) => ProxyHeader;
  readonly #answer = Promise.withResolvers<Proxied>();
  readonly #cancel: () => void;
  #bytes: Buffer = Buffer.alloc(0);
  #isDone = false;

  constructor(connection: Connection, { version }: ListenerProxy, clock: Clock) {
    this.#connection = connection;
    this.#read = version === "v1" ? readVersion1 : readVersion2;
    this.#cancel = clock.after(PROXY_TIMEOUT_MS, () => this.#refuse("no header in time"));
  }

  read(): Promise<Proxied> {
    this.#connection.start(this);
    return this.#answer.promise;
  }

  data(bytes: Uint8Array): void {
    if (this.#isDone) return;
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const header = this.#read(this.#bytes);
    if (header.kind === "more") return;
    if (header.kind === "fault") {
      this.#refuse(header.why);
      return;
    }
    const { remote, local } = this.#connection;
    this.#connection.handOver(this.#bytes.subarray(header.length));
    this.#finish({ kind: "proxied", ends: header.ends ?? { remote, local } });
  }

  end(): void {
    this.#refuse("it ended before its header");
  }

  drain(): void {}

  closed(): void {
    this.#refuse("it closed before its header");
  }

  #refuse(why: string): void {
    if (this.#isDone) return;
    this.#connection.destroy();
    this.#finish({ kind: "refused", why });
  }

  #finish(proxied: Proxied): void {
    this.#isDone = true;
    this.#cancel();
    this.#answer.resolve(proxied);
  }
}
