import assert from "node:assert/strict";
import { test } from "node:test";
import type { TlsSettings } from "#model/config/tls-settings.ts";
import { tlsOffer } from "./offer.ts";

const NONE: TlsSettings = { ciphers: undefined, curves: undefined, protocols: undefined };
const LISTED: TlsSettings = {
  ciphers: { kind: "list", names: ["TLS_AES_128_GCM_SHA256", "HIGH", "!aNULL"] },
  curves: ["X25519", "P-256"],
  protocols: ["tlsv1.2"],
};

test("an end that says nothing offers the level secure, in TLS 1.2 and 1.3", () => {
  assert.deepEqual(tlsOffer(NONE, NONE, "none"), {
    versions: ["TLSv1.2", "TLSv1.3"],
    ciphers: "ECDHE+AESGCM:ECDHE+CHACHA20",
    suites: "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
    groups: "X25519MLKEM768:X25519:P-256:P-384:P-521",
    dhe: "none",
  });
});

test("an end's own settings count, each for itself, before those of all", () => {
  assert.deepEqual(tlsOffer({ ...NONE, protocols: ["tlsv1.3"] }, LISTED, "legacy"), {
    versions: ["TLSv1.3"],
    ciphers: "HIGH:!aNULL",
    suites: "TLS_AES_128_GCM_SHA256",
    groups: "X25519:P-256",
    dhe: "auto",
  });
  assert.deepEqual(tlsOffer(LISTED, NONE, "none").versions, ["TLSv1.2"]);
  assert.equal(tlsOffer(LISTED, NONE, "none").suites, "");
});

test("suites alone leave nothing for versions before TLS 1.3", () => {
  const ciphers = { kind: "list", names: ["TLS_AES_128_GCM_SHA256"] } as const;
  const { versions, ciphers: names } = tlsOffer({ ...NONE, ciphers }, NONE, "none");
  assert.deepEqual([versions, names], [["TLSv1.3"], ""]);
});

test("versions before TLS 1.2 get the security level that they need, if none is said", () => {
  const protocols = ["tlsv1.0", "tlsv1.2"] as const;
  assert.match(tlsOffer({ ...NONE, protocols }, NONE, "none").ciphers, /:@SECLEVEL=0$/u);
  const ciphers = { kind: "list", names: ["HIGH", "@SECLEVEL=1"] } as const;
  assert.equal(tlsOffer({ ...NONE, protocols, ciphers }, NONE, "none").ciphers, "HIGH:@SECLEVEL=1");
});
