import assert from "node:assert/strict";
import { test } from "node:test";
import { certify } from "#test/support/certificates.ts";
import { MUST_STAPLE, responderAt } from "#test/support/ocsp-responses.ts";
import { readConfig } from "#test/support/recipients.ts";
import { stapleFaults } from "./check-staples.ts";

const AUTHORITY = certify({ subject: "Authority", isAuthority: true });
const RULES = "action out relay\nmatch from local for any action out\n";
const RESPONDER = responderAt("http://ocsp.example/");

/** What `smtpd -n` says of a listener's certificate with these extensions. */
function told(
  extensions: readonly Buffer[],
  { chain = AUTHORITY.certificate, ocsp = "" }: { readonly chain?: string; readonly ocsp?: string },
): readonly string[] {
  const { certificate } = certify({ subject: "mx.example", issuer: AUTHORITY, extensions });
  const config = readConfig(
    `pki a cert "/a.crt" key "/a.key"\n${ocsp}\nlisten on socket\nlisten on 192.0.2.1 tls pki a\n${RULES}`,
    {},
  );
  const pki = config.pkis.get("a");
  assert.ok(pki !== undefined);
  const findings = stapleFaults(pki, config, certificate + chain);
  return findings.map(({ message }) => message);
}

const MUST = "the certificate of pki a must be stapled, and will not be:";

test("a certificate that must be stapled and cannot be is told of, with why", () => {
  assert.deepEqual(told([MUST_STAPLE], {}), [`${MUST} the certificate names no responder`]);
  assert.deepEqual(told([MUST_STAPLE, RESPONDER], { ocsp: "pki a ocsp off" }), [
    `${MUST} ocsp is off`,
  ]);
  assert.deepEqual(told([MUST_STAPLE, RESPONDER], { chain: "" }), [
    `${MUST} the certificate of its issuer is not in the file`,
  ]);
});

test("one that may be stapled is told of only where it was meant to be", () => {
  assert.deepEqual(told([MUST_STAPLE, RESPONDER], {}), []);
  assert.deepEqual(told([RESPONDER], { ocsp: "pki a ocsp off" }), []);
  assert.deepEqual(told([], {}), []);
  assert.deepEqual(told([RESPONDER], { chain: "" }), [
    "pki a will not be stapled: the certificate of its issuer is not in the file",
  ]);
});
