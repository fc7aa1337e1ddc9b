/** Whom relaying asks, for tests: nobody knows anything, and TLS is that of the simulated world. */
import { ABSENT, found } from "#base/lookup.ts";
import type { Tls, TlsClient } from "#base/ports/tls.ts";
import type { RelayParties } from "#engine/relay/parties.ts";
import { tlsOffer } from "#policy/tls/offer.ts";

const NONE = { ciphers: undefined, curves: undefined, protocols: undefined };

/** @param pem whom the relays trust to vouch for servers. */
export function relayParties(tls: Tls, fields: Partial<RelayParties> = {}, pem = ""): RelayParties {
  const end = tls.client({
    offer: tlsOffer(NONE, NONE, "none"),
    authorities: { pem },
    identity: undefined,
  });
  if ("kind" in end) throw new TypeError(end.message);
  const tlsOf = (): TlsClient => end;
  return {
    observe: () => undefined,
    askTable: () => ABSENT,
    fetchKeys: ({ entries }) => found([...entries.keys()]),
    askCredentials: async () => ABSENT,
    askSts: async () => ABSENT,
    tlsOf,
    countTls: undefined,
    isOurs: () => false,
    srs: undefined,
    ...fields,
  };
}
