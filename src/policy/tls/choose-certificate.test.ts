import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientHello } from "#protocols/tls/client-hello.ts";
import { chooseCertificate } from "./choose-certificate.ts";

const MODERN: ClientHello = {
  serverName: undefined,
  versions: [0x0304, 0x0303],
  cipherSuites: [0x1301, 0xc02b, 0xc02f],
  signatureSchemes: [0x0403, 0x0807, 0x0804],
};
const RSA_SIGNATURES = [0x0804, 0x0401];
const CANDIDATES = [
  { id: "mx-ecdsa", names: ["mx.example.org"], key: "ecdsa" },
  { id: "mx-rsa", names: ["mx.example.org", "old.example.org"], key: "rsa" },
  { id: "wild", names: ["*.example.org"], key: "ecdsa" },
  { id: "edwards", names: ["ed.example.net"], key: "eddsa" },
  { id: "edwards-twin", names: ["ed.example.net"], key: "ecdsa" },
] as const;

const CASES: readonly (readonly [string, Partial<ClientHello>, string])[] = [
  ["the first to who asks for nothing", {}, "mx-ecdsa"],
  ["the first to who asks for what is not there", { serverName: "mx.example.net" }, "mx-ecdsa"],
  ["the exact name before a wildcard", { serverName: "old.example.org" }, "mx-rsa"],
  ["a wildcard for one label", { serverName: "any.example.org" }, "wild"],
  ["no wildcard for two labels", { serverName: "a.b.example.org" }, "mx-ecdsa"],
  ["no wildcard for none", { serverName: "example.org" }, "mx-ecdsa"],
  ["the twin to who checks RSA alone", { signatureSchemes: RSA_SIGNATURES }, "mx-rsa"],
  ["Ed25519 to who checks it", { serverName: "ed.example.net" }, "edwards"],
  [
    "its twin to who does not",
    { serverName: "ed.example.net", signatureSchemes: [0x0403] },
    "edwards-twin",
  ],
  [
    "what was asked for to who cannot check it",
    { serverName: "any.example.org", signatureSchemes: RSA_SIGNATURES },
    "wild",
  ],
  [
    "RSA to who has ciphers for RSA alone",
    { versions: [0x0303], cipherSuites: [0xc02f, 0x009c] },
    "mx-rsa",
  ],
  [
    "ECDSA to who has ciphers for ECDSA alone",
    { versions: [0x0303], cipherSuites: [0xc02b] },
    "mx-ecdsa",
  ],
  [
    "RSA to who says nothing of signatures",
    { versions: [0x0301], cipherSuites: [0x002f], signatureSchemes: undefined },
    "mx-rsa",
  ],
];

for (const [what, asked, id] of CASES) {
  test(`the certificate shown is ${what}`, () => {
    assert.equal(chooseCertificate(CANDIDATES, { ...MODERN, ...asked }).id, id);
  });
}
