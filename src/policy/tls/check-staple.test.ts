import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { nodeSignatures } from "#world/node/signatures.ts";
import { certify } from "#test/support/certificates.ts";
import {
  MAY_ANSWER,
  ocspRefusal,
  ocspResponse,
  parsed,
  type ResponseRequest,
} from "#test/support/ocsp-responses.ts";
import { checkStaple, RESPONDER_SKEW_MS, UNSAID_LIFE_MS } from "./check-staple.ts";

const HOUR_MS = 3_600_000;
const NOW_MS: number = Math.floor(Date.now() / 1000) * 1000;
const AUTHORITY = certify({ subject: "Authority", isAuthority: true });
const RSA_AUTHORITY = certify({ subject: "RSA", isAuthority: true, key: "rsa" });
/** Of the same name and another key. */
const IMPOSTOR = certify({ subject: "Authority", isAuthority: true });
const MX = certify({ subject: "mx", issuer: AUTHORITY });
const OTHER = certify({ subject: "other", issuer: AUTHORITY });
const DELEGATE = certify({ subject: "R", issuer: AUTHORITY, extensions: [MAY_ANSWER] });
const PLAIN = certify({ subject: "R", issuer: AUTHORITY });
const EXPIRED = certify({ subject: "R", issuer: AUTHORITY, days: -1, extensions: [MAY_ANSWER] });
const FORGED = certify({ subject: "R", issuer: IMPOSTOR, extensions: [MAY_ANSWER] });
const ISSUED = { certificate: parsed(MX), issuer: parsed(AUTHORITY) };

const DEFAULTS: ResponseRequest = {
  ...ISSUED,
  signer: AUTHORITY,
  thisUpdateMs: NOW_MS - HOUR_MS,
  nextUpdateMs: NOW_MS + HOUR_MS,
};

const GOOD = `good until ${NOW_MS + HOUR_MS}`;

const CASES: readonly (Partial<ResponseRequest> & {
  readonly name: string;
  readonly told: string;
})[] = [
  { name: "of the issuer, by name", told: GOOD },
  { name: "of the issuer, by key", named: "by key", told: GOOD },
  { name: "of a delegate", signer: DELEGATE, as: "delegate", told: GOOD },
  { name: "of a delegate by key", signer: DELEGATE, as: "delegate", named: "by key", told: GOOD },
  {
    name: "without a next update",
    nextUpdateMs: undefined,
    told: `good until ${NOW_MS - HOUR_MS + UNSAID_LIFE_MS}`,
  },
  {
    name: "of a clock that is a little ahead",
    thisUpdateMs: NOW_MS + RESPONDER_SKEW_MS,
    told: GOOD,
  },
  {
    name: "of the future",
    thisUpdateMs: NOW_MS + RESPONDER_SKEW_MS + 1000,
    told: "the response is of the future",
  },
  { name: "that has just run out", nextUpdateMs: NOW_MS, told: "the response is too old" },
  { name: "that revokes", status: "revoked", told: `revoked at ${NOW_MS - HOUR_MS}` },
  {
    name: "that knows nothing",
    status: "unknown",
    told: "the responder does not know the certificate",
  },
  {
    name: "about another certificate of the issuer",
    certificate: parsed(OTHER),
    told: "the response is about another certificate",
  },
  {
    name: "about the same number of another issuer",
    issuer: parsed(RSA_AUTHORITY),
    told: "the response is about another certificate",
  },
  {
    name: "signed with another key under the issuer's name",
    signer: IMPOSTOR,
    told: "the signature of the response is wrong",
  },
  {
    name: "of a certificate of the issuer that is not for answering",
    signer: PLAIN,
    as: "delegate",
    told: "the response is of somebody who may not answer",
  },
  {
    name: "of a delegate whose certificate has expired",
    signer: EXPIRED,
    as: "delegate",
    told: "the response is of somebody who may not answer",
  },
  {
    name: "of a delegate of somebody else of the issuer's name",
    signer: FORGED,
    as: "delegate",
    told: "the response is of somebody who may not answer",
  },
  {
    name: "of a delegate who is not introduced",
    signer: DELEGATE,
    told: "the response is of somebody who may not answer",
  },
];

for (const { name, told, ...differing } of CASES)
  test(`a response ${name}: ${told.replaceAll(/\d{13}/gu, "…")}`, () => {
    assert.equal(verdictOn(ocspResponse({ ...DEFAULTS, ...differing })), told);
  });

test("an issuer with an RSA key answers as well", () => {
  const mx = certify({ subject: "mx", issuer: RSA_AUTHORITY });
  const issued = { certificate: parsed(mx), issuer: parsed(RSA_AUTHORITY) };
  const response = ocspResponse({ ...DEFAULTS, ...issued, signer: RSA_AUTHORITY });
  assert.equal(checkStaple(response, issued, nodeSignatures(), NOW_MS).kind, "good");
});

test("a responder that has no answer is named with its reason", () => {
  assert.equal(verdictOn(ocspRefusal(3)), "the responder says tryLater");
  assert.equal(verdictOn(ocspRefusal(6)), "the responder says unauthorized");
  assert.equal(verdictOn(ocspRefusal(9)), "the responder says status 9");
});

for (const [name, bytes] of [
  ["nothing", Buffer.alloc(0)],
  ["a page", Buffer.from("<html>no such page</html>")],
  ["a gigabyte's first bytes", Buffer.alloc(20_000)],
  ["a length without end", Buffer.from("3080", "hex")],
] as const)
  test(`${name} is no response`, () => {
    assert.match(verdictOn(bytes), /^(?:malformed response: |the response is too long)/u);
  });

test("no changed byte makes a response that is believed and says something else", () => {
  const whole = ocspResponse({ ...DEFAULTS, status: "revoked" });
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ change;
      assert.notEqual(checkStaple(changed, ISSUED, nodeSignatures(), NOW_MS).kind, "good");
    }),
  );
});

function verdictOn(bytes: Uint8Array): string {
  const verdict = checkStaple(bytes, ISSUED, nodeSignatures(), NOW_MS);
  if (verdict.kind === "good") return `good until ${verdict.untilMs}`;
  return verdict.kind === "revoked" ? `revoked at ${verdict.atMs}` : verdict.why;
}
