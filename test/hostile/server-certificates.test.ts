/**
 * OUT-04: servers that we relay to and that show what no certificate for them is. Real TLS: what
 * is judged is OpenSSL's word, as the relay gets it.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { judgePeer } from "#policy/transport/judge-peer.ts";
import { tlsOffer } from "#policy/tls/offer.ts";
import {
  type Certified,
  certify,
  extension,
  sequence,
  tagged,
} from "#test/support/certificates.ts";
import { wrapSocket } from "#world/node/connection.ts";
import { nodeTls } from "#world/node/tls/tls.ts";

const NONE = { ciphers: undefined, curves: undefined, protocols: undefined };
const HANDSHAKE_MS = 30_000;
const NAME = "mx.far.example";
const AUTHORITY = certify({ subject: "Authority", isAuthority: true });
const OLD_AUTHORITY = certify({ subject: "Old Authority", isAuthority: true, key: "rsa" });
const NOBODY = certify({ subject: "Nobody", dns: [NAME], issuer: AUTHORITY });
const FOR = { subject: NAME, dns: [NAME], issuer: AUTHORITY };

/** id-kp-clientAuth. RFC 5280 §4.2.1.12. */
const CLIENTS_ONLY = extension(
  "551d25",
  sequence(tagged(0x06, Buffer.from("2b06010505070302", "hex"))),
);

/** Whether a relay that asks for a proof would send its mail there. */
async function judged({ certificate, key }: Certified): Promise<string> {
  const server = tls.createServer(
    // A server of an attacker's has no scruples about its own key.
    { cert: certificate, key, ciphers: "DEFAULT@SECLEVEL=0" },
    (socket) => socket.on("error", () => undefined),
  );
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as net.AddressInfo;
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    const client = nodeTls().client({
      offer: tlsOffer(NONE, NONE, "none"),
      authorities: { pem: AUTHORITY.certificate + OLD_AUTHORITY.certificate },
      identity: undefined,
    });
    assert.ok("connect" in client);
    const secured = await client.connect(wrapSocket(socket), {
      serverName: NAME,
      timeoutMs: HANDSHAKE_MS,
      resumeAs: undefined,
    });
    if (secured.kind === "tls-fault") return "no handshake";
    secured.connection.destroy();
    return judgePeer({ kind: "required", proof: { kind: "name" } }, secured.facts.peer).kind;
  } finally {
    server.close();
  }
}

const CASES: readonly (readonly [what: string, shown: Certified, is: readonly string[]])[] = [
  ["the right certificate", certify(FOR), ["proven"]],
  ["one for another name", certify({ ...FOR, dns: ["mx.elsewhere.example"] }), ["refused"]],
  ["one with the name as its subject alone", certify({ ...FOR, dns: [] }), ["refused"]],
  ["one for all names", certify({ ...FOR, dns: ["*"] }), ["refused"]],
  ["one for a whole domain", certify({ ...FOR, dns: ["*.example"] }), ["refused"]],
  [
    "one with a NUL in its name",
    certify({ ...FOR, dns: [`${NAME}\0.evil.example`] }),
    ["refused", "no handshake"],
  ],
  ["one that it signed itself", certify({ subject: NAME, dns: [NAME] }), ["refused"]],
  ["one that has expired", certify({ ...FOR, days: -1 }), ["refused"]],
  ["one that is not valid yet", certify({ ...FOR, beginsInDays: 1 }), ["refused"]],
  ["one for clients", certify({ ...FOR, extensions: [CLIENTS_ONLY] }), ["refused"]],
  ["one signed by a server's certificate", certify({ ...FOR, issuer: NOBODY }), ["refused"]],
  [
    "one signed with SHA-1",
    certify({ ...FOR, issuer: OLD_AUTHORITY, hash: "sha1" }),
    ["refused", "no handshake"],
  ],
  ["one with a key of 512 bits", certify({ ...FOR, key: "weak-rsa" }), ["refused", "no handshake"]],
];

for (const [what, shown, is] of CASES) {
  test(`OUT-04: a server that shows ${what} is ${is.join(" or ")}`, async () => {
    assert.ok(is.includes(await judged(shown)), await judged(shown));
  });
}
