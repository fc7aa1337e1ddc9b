/** The server's end of TLS as most tests want it: one certificate, what is offered by default, no clients' certificates, no tickets. */
import assert from "node:assert/strict";
import type { Tls, TlsServer, TlsServerOptions } from "#base/ports/tls.ts";
import { tlsOffer } from "#policy/tls/offer.ts";

type Identity = TlsServerOptions["identities"][number];

const AS_USUAL = { ciphers: undefined, curves: undefined, protocols: undefined };

/** @param shown with its chain; the simulated TLS wants no key. */
export function tlsServer(
  tls: Pick<Tls, "server">,
  shown: Pick<Identity, "certificate"> & Partial<Identity>,
): TlsServer {
  const server = tls.server({
    offer: tlsOffer(AS_USUAL, AS_USUAL, "none"),
    identities: [{ name: "mx", key: "", ...shown }],
    clients: undefined,
    tickets: undefined,
  });
  assert.ok("accept" in server, "settings are usable");
  return server;
}
