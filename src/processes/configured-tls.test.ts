import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tls } from "#base/ports/tls.ts";
import { NO_TLS_MATERIAL, SYSTEM_AUTHORITY, type TlsMaterial } from "#model/tls-material.ts";
import { SimClock } from "#world/sim/clock.ts";
import { configOf } from "#test/support/config-of.ts";
import { type ConfiguredTls, configuredTls } from "./configured-tls.ts";
import { StapleShelf } from "./staple-shelf.ts";

const CONFIG = configOf(
  'pki mx.example cert "/mx.crt" key "/mx.key"',
  "listen on 127.0.0.1 port 2525 tls pki mx.example",
  'action "out" relay',
  'match from any for any action "out"',
);

const FAULT = { kind: "tls-fault", why: "settings", message: "bad certificate" } as const;

/** TLS that can use every certificate but the one that is "BAD". */
const PICKY: Tls = {
  server: ({ identities }) =>
    identities.some(({ certificate }) => certificate === "BAD")
      ? FAULT
      : { accept: async () => FAULT },
  client: () => ({ connect: async () => FAULT }),
};

function material(version: number, certificate: string): TlsMaterial {
  return {
    ...NO_TLS_MATERIAL,
    version,
    identities: [{ name: "mx.example", certificate, key: "KEY" }],
    authorities: [{ name: SYSTEM_AUTHORITY, pem: "SYSTEM" }],
  };
}

function made(): ConfiguredTls {
  const ends = { tls: PICKY, staples: new StapleShelf(new SimClock()) };
  const tls = configuredTls(CONFIG, material(1, "GOOD"), ends);
  assert.ok(typeof tls !== "string", "it can be made");
  return tls;
}

test("newer certificates are taken for both ends, and older ones are known", () => {
  const tls = made();
  const { byListener } = tls;
  const relay = tls.ofRelay("out");
  assert.equal(tls.renew(material(1, "OTHER")), "known");
  assert.equal(tls.byListener, byListener);
  assert.equal(tls.renew(material(2, "OTHER")), "renewed");
  assert.notEqual(tls.byListener, byListener);
  assert.notEqual(tls.ofRelay("out"), relay);
});

test("a renewal that cannot be says why, and leaves what was", () => {
  const tls = made();
  const { byListener } = tls;
  const relay = tls.ofRelay("out");
  const renewed = tls.renew(material(2, "BAD"));
  assert.ok(typeof renewed === "object", "it is told");
  assert.match(renewed.why, /: bad certificate$/u);
  assert.equal(tls.byListener, byListener);
  assert.equal(tls.ofRelay("out"), relay);
  assert.equal(tls.renew(material(2, "GOOD")), "renewed");
});

test("a configuration whose certificates cannot be used has no TLS at all", () => {
  const next = made().next(CONFIG, material(2, "BAD"));
  assert.ok(typeof next === "string", "it is refused");
  assert.match(next, /: bad certificate$/u);
});
