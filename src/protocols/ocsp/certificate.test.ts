import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { certify } from "#test/support/certificates.ts";
import { MAY_ANSWER, MUST_STAPLE, parsed, responderAt } from "#test/support/ocsp-responses.ts";
import { parseCertificate } from "./certificate.ts";

const AUTHORITY = certify({ subject: "Authority", isAuthority: true });
const RESPONDER = "http://ocsp.example:8080/a";

for (const key of ["ecdsa", "rsa", "ed25519"] as const)
  test(`a certificate of an ${key} key is what Node says that it is`, () => {
    const made = certify({ subject: "mx", key, issuer: AUTHORITY, dns: ["mx.example"] });
    const theirs = new X509Certificate(made.certificate);
    const ours = parsed(made);
    assert.equal(ours.serial.toUpperCase(), theirs.serialNumber);
    assert.equal(ours.notAfterMs, theirs.validToDate.getTime());
    assert.equal(ours.notBeforeMs, theirs.validFromDate.getTime());
    const spki = theirs.publicKey.export({ type: "spki", format: "der" });
    assert.deepEqual(Buffer.from(ours.publicKey), spki);
    assert.deepEqual(ours.issuer, parsed(AUTHORITY).subject);
    assert.equal(ours.responder, undefined);
    assert.equal(ours.mustStaple, false);
    assert.equal(ours.signsOcsp, false);
  });

test("extensions say where the responder is, that it must be stapled, and who may answer", () => {
  const extensions = [responderAt(RESPONDER), MUST_STAPLE, MAY_ANSWER];
  const { responder, mustStaple, signsOcsp } = parsed(certify({ subject: "mx", extensions }));
  assert.deepEqual(
    { responder, mustStaple, signsOcsp },
    {
      responder: RESPONDER,
      mustStaple: true,
      signsOcsp: true,
    },
  );
});

for (const url of [
  "ldap://ocsp.example/",
  "http://a b/",
  "file:///etc/passwd",
  "http://",
  "http://[/",
  "http://a:99999/",
])
  test(`${url} is nobody to ask`, () => {
    const certificate = certify({ subject: "mx", extensions: [responderAt(url)] });
    assert.equal(parsed(certificate).responder, undefined);
  });

test("a certificate that was cut, lengthened or changed anywhere is one or is none, and nothing is thrown", () => {
  const whole = new X509Certificate(certify({ subject: "mx", dns: ["mx"] }).certificate).raw;
  for (let length = 0; length < whole.length; length++)
    assert.equal(parseCertificate(whole.subarray(0, length)), undefined);
  assert.equal(parseCertificate(Buffer.concat([whole, Buffer.alloc(1)])), undefined);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
      const changed = Buffer.from(whole);
      changed[at] = byte;
      parseCertificate(changed);
    }),
  );
});
