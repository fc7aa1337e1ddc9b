import assert from "node:assert/strict";
import { test } from "node:test";
import type { TlsPeer } from "#base/ports/tls.ts";
import { judgePeer } from "./judge-peer.ts";
import type { TransportPolicy } from "./transport-policy.ts";

const HEX = "ab".repeat(32);
const NAME: TransportPolicy = { kind: "required", proof: { kind: "name" } };
const NONE: TransportPolicy = { kind: "required", proof: { kind: "none" } };

function pinned(...fingerprints: readonly string[]): TransportPolicy {
  return { kind: "required", proof: { kind: "fingerprints", fingerprints } };
}

const UNKNOWN: TlsPeer = {
  verified: false,
  why: "CERT_HAS_EXPIRED",
  fingerprint: `SHA256:${HEX}`,
  keyFingerprint: `SHA256:${"cd".repeat(32)}`,
  names: [],
  chain: () => [],
};
const KNOWN: TlsPeer = { ...UNKNOWN, verified: true, why: "" };

const CASES: readonly (readonly [
  name: string,
  policy: TransportPolicy,
  peer: TlsPeer | undefined,
  is: string,
])[] = [
  ["anybody where nothing is asked", { kind: "opportunistic" }, UNKNOWN, "encrypted"],
  ["nobody's certificate where none is asked", NONE, undefined, "encrypted"],
  ["anybody where TLS alone is asked", NONE, UNKNOWN, "encrypted"],
  ["who is vouched for", NAME, KNOWN, "proven"],
  ["who is not vouched for", NAME, UNKNOWN, "refused"],
  ["who shows nothing", NAME, undefined, "refused"],
  ["a certificate that is pinned", pinned(`sha256:${HEX}`), UNKNOWN, "proven"],
  ["a key that is pinned", pinned("x", `sha256:${"cd".repeat(32)}`), UNKNOWN, "proven"],
  ["another one than is pinned", pinned("sha256:00"), KNOWN, "refused"],
  ["anybody where the list of pins is empty", pinned(), KNOWN, "refused"],
];

for (const [name, policy, peer, is] of CASES) {
  test(`server is ${is}: ${name}`, () => {
    assert.equal(judgePeer(policy, peer).kind, is);
  });
}

test("server that is refused is told of by what is wrong with it", () => {
  const judgement = judgePeer(NAME, UNKNOWN);
  assert.deepEqual(judgement, {
    kind: "refused",
    why: "Server certificate not verified: CERT_HAS_EXPIRED",
  });
});
