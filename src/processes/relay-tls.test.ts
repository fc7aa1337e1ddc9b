import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tls, TlsClientOptions } from "#base/ports/tls.ts";
import { NO_TLS_MATERIAL, SYSTEM_AUTHORITY, type TlsMaterial } from "#model/tls-material.ts";
import { configOf } from "#test/support/config-of.ts";
import { tlsByRelay, type TlsByRelay } from "./relay-tls.ts";

const CONFIG = configOf(
  'ca partners cert "/ca.crt"',
  'pki us cert "/us.crt" key "/us.key"',
  'action "plain" relay',
  'action "like" relay tls no-verify',
  'action "strict" relay tls protocols "tlsv1.3"',
  'action "known" relay host smtp://mx.example tls ca partners pki us',
  'action "never" relay host smtp+notls://mx.example',
  'match from local for any action "plain"',
);
const MATERIAL: TlsMaterial = {
  ...NO_TLS_MATERIAL,
  identities: [{ name: "us", certificate: "OURS", key: "KEY" }],
  authorities: [
    { name: SYSTEM_AUTHORITY, pem: "SYSTEM" },
    { name: "partners", pem: "PARTNERS" },
  ],
};

/** TLS that notes what is asked of it, and cannot do what `fails` says. */
function noting(
  asked: TlsClientOptions[],
  fails: (options: TlsClientOptions) => boolean = () => false,
): Tls {
  const fault = { kind: "tls-fault", why: "settings", message: "no cipher match" } as const;
  return {
    server: () => fault,
    client(options) {
      asked.push(options);
      return fails(options) ? fault : { connect: async () => fault };
    },
  };
}

function made(answer: TlsByRelay | string): TlsByRelay {
  assert.ok(typeof answer !== "string");
  return answer;
}

test("each relay has an end of TLS, and those that speak alike share it", () => {
  const asked: TlsClientOptions[] = [];
  const ends = made(tlsByRelay(CONFIG, MATERIAL, noting(asked)));
  assert.deepEqual([...ends.keys()], ["plain", "like", "strict", "known"]);
  assert.equal(ends.get("plain"), ends.get("like"));
  assert.equal(asked.length, 3);
});

test("a relay asks its own authority, and shows its own certificate", () => {
  const asked: TlsClientOptions[] = [];
  tlsByRelay(CONFIG, MATERIAL, noting(asked));
  assert.deepEqual(
    asked.map(({ authorities, identity }) => [authorities, identity?.certificate]),
    [
      [{ pem: "SYSTEM" }, undefined],
      [{ pem: "SYSTEM" }, undefined],
      [{ pem: "PARTNERS" }, "OURS"],
    ],
  );
});

test("a relay that cannot speak as it should is told of with its line", () => {
  const tls = noting([], ({ offer }) => offer.versions.length === 1);
  assert.equal(tlsByRelay(CONFIG, MATERIAL, tls), "smtpd.conf:5: no cipher match");
});
