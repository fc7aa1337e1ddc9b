import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientHello } from "#protocols/tls/client-hello.ts";
import { chooseCertificate } from "./choose-certificate.ts";

const MODERN: ClientHello = {
  serverName: undefined,
  versions: [0x0304, 0x0303],
  cipherSuites: [0x1301, 0xc02b, 0xc02f],
  signatureSchemes: [0x0403, 0x0807, 0x0804],
  groups: [29, 23, 24],
};
const P_256 = { kind: "ecdsa", curve: "P-256" } as const;
const RSA = { kind: "rsa" } as const;
const RSA_SIGNATURES = [0x0804, 0x0401];
const CANDIDATES = [
  { id: "mx-ecdsa", names: ["mx.example.org"], key: P_256 },
  { id: "mx-rsa", names: ["mx.example.org", "old.example.org"], key: RSA },
  { id: "wild", names: ["*.example.org"], key: P_256 },
  { id: "edwards", names: ["ed.example.net"], key: { kind: "eddsa" } },
  { id: "edwards-twin", names: ["ed.example.net"], key: P_256 },
  { id: "rsa-first", names: ["both.example.net"], key: RSA },
  { id: "p-384", names: ["both.example.net"], key: { kind: "ecdsa", curve: "P-384" } },
  { id: "p-256", names: ["both.example.net"], key: P_256 },
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
    // As Windows Server 2012 R2: of RSA it has CBC alone, which level secure has not.
    "the one for which the client has a cipher of every level",
    { serverName: "both.example.net", versions: [0x0303], cipherSuites: [0xc027, 0xc013, 0xc02b] },
    "p-384",
  ],
  [
    "RSA to who has not the curve of the ECDSA key, before TLSv1.3",
    { versions: [0x0303], groups: [29, 24] },
    "mx-rsa",
  ],
  [
    "ECDSA to who has not its curve as a group, in TLSv1.3",
    { cipherSuites: [0x1301], groups: [29] },
    "mx-ecdsa",
  ],
  [
    "the one whose curve the client signs with, in TLSv1.3",
    { serverName: "both.example.net", cipherSuites: [0x1301], signatureSchemes: [0x0503] },
    "p-384",
  ],
  [
    "ECDSA to who says nothing of groups",
    { versions: [0x0303], cipherSuites: [0xc02b], groups: undefined },
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
