import assert from "node:assert/strict";
import { test } from "node:test";
import type { TlsMaterial } from "#model/tls-material.ts";
import { SimClock } from "#world/sim/clock.ts";
import { configOfText } from "#test/support/config-of.ts";
import { TICKET_KEY_INTERVAL_MS, TLS_FILES_INTERVAL_MS, TlsKeeper } from "./tls-keeper.ts";
import type { TlsSource } from "./tls-source.ts";

const CONFIG = configOfText(`
pki mx.example.org cert "/mx.crt" key "/mx.key"
pki unused.example.org cert "/unused.crt" key "/unused.key"
ca partners.example.org cert "/ca.crt"
listen on 127.0.0.1 tls verify pki mx.example.org ca partners.example.org
match from any for any reject
`);

function stage(): {
  readonly files: Map<string, string>;
  readonly told: string[];
  readonly renewed: TlsMaterial[];
  readonly keeper: TlsKeeper;
  readonly clock: SimClock;
} {
  const files = new Map([
    ["/mx.crt", "cert 1"],
    ["/mx.key", "key 1"],
    ["/ca.crt", "ca 1"],
    ["/trusted", "system 1"],
  ]);
  let keys = 0;
  const source: TlsSource = {
    read(path) {
      const text = files.get(path);
      return text === undefined
        ? { kind: "fault", why: `${path} is gone` }
        : { kind: "text", text };
    },
    stamp: (path) => files.get(path),
    identityFault: ({ certificate, key }) =>
      certificate.split(" ")[1] === key.split(" ")[1] ? undefined : "they do not fit",
    authorityFault: (pem) => (pem.startsWith("ca") ? undefined : "no certificate"),
    systemAuthorities: () =>
      files.has("/trusted")
        ? { pem: files.get("/trusted") ?? "" }
        : "SSL_CERT_FILE: /trusted is gone",
    ticketKey: () => Buffer.alloc(48, ++keys),
  };
  const told: string[] = [];
  const renewed: TlsMaterial[] = [];
  const clock = new SimClock();
  const keeper = new TlsKeeper(clock, source, {
    renewed: (material) => renewed.push(material),
    info: (text) => told.push(text),
    warn: (text) => told.push(`warn: ${text}`),
  });
  return { files, told, renewed, keeper, clock };
}

async function started(): Promise<ReturnType<typeof stage>> {
  const scene = stage();
  const prepared = scene.keeper.prepare(CONFIG);
  assert.ok(typeof prepared !== "string");
  scene.keeper.takeUp(prepared);
  return scene;
}

test("certificates that are used are read, others are not", async () => {
  const { keeper } = await started();
  const { identities, authorities } = keeper.material;
  assert.deepEqual(identities, [{ name: "mx.example.org", certificate: "cert 1", key: "key 1" }]);
  assert.deepEqual(authorities, [{ name: "partners.example.org", pem: "ca 1" }]);
});

test("a certificate that was never good stands in the way", () => {
  const { keeper, files } = stage();
  files.set("/mx.key", "key 2");
  assert.equal(keeper.prepare(CONFIG), "pki mx.example.org: they do not fit");
  files.delete("/mx.key");
  assert.equal(keeper.prepare(CONFIG), "pki mx.example.org: /mx.key is gone");
});

test("whom the system trusts is nobody by accident: what cannot be read stands in the way, or changes nothing", () => {
  const relaying = configOfText(
    'action "out" relay host "smtps://mx.example.org"\nmatch from any for any action "out"\n',
  );
  const first = stage();
  first.files.delete("/trusted");
  assert.equal(
    first.keeper.prepare(relaying),
    "whom the system trusts: SSL_CERT_FILE: /trusted is gone",
  );
  const { keeper, files, told } = stage();
  const prepared = keeper.prepare(relaying);
  assert.ok(typeof prepared !== "string");
  keeper.takeUp(prepared);
  files.delete("/trusted");
  const again = keeper.prepare(relaying);
  assert.ok(typeof again !== "string");
  assert.deepEqual(again.material.authorities, prepared.material.authorities);
  assert.deepEqual(told, [
    "warn: whom the system trusts: SSL_CERT_FILE: /trusted is gone: the one that is in use is kept",
  ]);
});

test("files that have changed are read again; until both fit the old pair is kept", async () => {
  const { clock, files, told, renewed, keeper } = await started();
  await clock.advance(3 * TLS_FILES_INTERVAL_MS);
  assert.deepEqual([told, renewed], [[], []]);
  files.set("/mx.crt", "cert 2");
  await clock.advance(2 * TLS_FILES_INTERVAL_MS);
  assert.deepEqual(told, [
    "warn: pki mx.example.org: they do not fit: the one that is in use is kept",
  ]);
  assert.equal(keeper.material.identities[0]?.certificate, "cert 1");
  files.set("/mx.key", "key 2");
  await clock.advance(TLS_FILES_INTERVAL_MS);
  assert.deepEqual(told.slice(1), ["certificates read again: pki mx.example.org"]);
  assert.equal(renewed[0]?.identities[0]?.certificate, "cert 2");
  files.delete("/ca.crt");
  await clock.advance(2 * TLS_FILES_INTERVAL_MS);
  assert.deepEqual(told.slice(2), [
    "warn: ca partners.example.org: /ca.crt is gone: the one that is in use is kept",
  ]);
});

test("the key of tickets is renewed, and is the same in what is read between", async () => {
  const { clock, renewed, keeper, files } = await started();
  const first = keeper.material.ticketKey;
  files.set("/ca.crt", "ca 2");
  await clock.advance(TLS_FILES_INTERVAL_MS);
  assert.deepEqual(keeper.material.ticketKey, first);
  await clock.advance(TICKET_KEY_INTERVAL_MS);
  assert.notDeepEqual(keeper.material.ticketKey, first);
  const versions = renewed.map(({ version }) => version);
  assert.deepEqual(
    versions,
    versions.toSorted((one, other) => one - other),
  );
});
