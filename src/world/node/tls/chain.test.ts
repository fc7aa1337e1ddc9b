import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import tls from "node:tls";
import { test, type TestContext } from "node:test";
import type { ChainCertificate } from "#base/ports/tls.ts";
import { tlsOffer } from "#policy/tls/offer.ts";
import { wrapSocket } from "#world/node/connection.ts";
import { certify, type Certified } from "#test/support/certificates.ts";
import { nodeTls } from "./tls.ts";

const NONE = { ciphers: undefined, curves: undefined, protocols: undefined };
const HANDSHAKE_MS = 5000;

const ROOT = certify({ subject: "Root", isAuthority: true });
const BETWEEN = certify({ subject: "Between", isAuthority: true, issuer: ROOT });
const OWN = certify({ subject: "mx", dns: ["MX.example", "*.b.example"], issuer: BETWEEN });
/** The name of the one between, and another key. */
const IMPOSTOR = certify({ subject: "Between", isAuthority: true, issuer: ROOT });
const EXPIRED = certify({ subject: "mx", issuer: ROOT, days: -1 });
const NO_AUTHORITY = certify({ subject: "Plain", issuer: ROOT });
const BY_NO_AUTHORITY = certify({ subject: "mx", issuer: NO_AUTHORITY });

/** What a client of ours says of the chain of a server that shows these. */
async function chainOf(
  t: TestContext,
  [own, ...others]: readonly [Certified, ...Certified[]],
): Promise<readonly ChainCertificate[]> {
  const cert = [own, ...others].map(({ certificate }) => certificate).join("");
  const server = tls.createServer({ cert, key: own.key }, (socket) => {
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const end = nodeTls().client({
    offer: tlsOffer(NONE, NONE, "none"),
    authorities: { pem: certify({ subject: "Stranger" }).certificate },
    identity: undefined,
  });
  assert.ok("connect" in end);
  const { port } = server.address() as AddressInfo;
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  const secured = await end.connect(wrapSocket(socket), {
    serverName: "mx.example",
    timeoutMs: HANDSHAKE_MS,
    resumeAs: undefined,
  });
  assert.ok(secured.kind === "secured");
  const chain = secured.facts.peer?.chain() ?? [];
  socket.destroy();
  return chain;
}

/** Subject, and what holds of it. */
function described(chain: readonly ChainCertificate[]): readonly string[] {
  return chain.map(({ certificate, isCurrent, isAuthority, isSignedByNext }) => {
    const { subject } = new X509Certificate(certificate);
    const holds = [
      isCurrent ? "current" : "old",
      ...(isAuthority ? ["authority"] : []),
      ...(isSignedByNext ? ["signed by next"] : []),
    ];
    return `${subject}: ${holds.join(", ")}`;
  });
}

test("chain is that of the server, from its own certificate up", async (t) => {
  const chain = await chainOf(t, [OWN, BETWEEN, ROOT]);
  assert.deepEqual(described(chain), [
    "CN=mx: current, signed by next",
    "CN=Between: current, authority, signed by next",
    "CN=Root: current, authority",
  ]);
  const [own] = chain;
  assert.deepEqual(own?.names, ["mx.example", "*.b.example"]);
  const { raw, publicKey } = new X509Certificate(OWN.certificate);
  assert.deepEqual(Buffer.from(own.certificate), raw);
  assert.deepEqual(Buffer.from(own.key), publicKey.export({ type: "spki", format: "der" }));
});

test("chain has no more than the server has sent", async (t) => {
  assert.deepEqual(described(await chainOf(t, [OWN])), ["CN=mx: current"]);
});

test("chain tells an issuer of the right name that has not signed", async (t) => {
  const chain = described(await chainOf(t, [OWN, IMPOSTOR, ROOT]));
  assert.equal(chain[0], "CN=mx: current");
});

test("chain tells what is out of date, and who may not sign", async (t) => {
  const [old] = described(await chainOf(t, [EXPIRED, ROOT]));
  assert.equal(old, "CN=mx: old, signed by next");
  const plain = described(await chainOf(t, [BY_NO_AUTHORITY, NO_AUTHORITY, ROOT]));
  assert.deepEqual(plain, [
    "CN=mx: current, signed by next",
    "CN=Plain: current, signed by next",
    "CN=Root: current, authority",
  ]);
});
