import assert from "node:assert/strict";
import { test } from "node:test";
import { certify } from "#test/support/certificates.ts";
import { configOf } from "#test/support/config-of.ts";
import { SimUsers } from "#world/sim/users.ts";
import { certificateFaults } from "./check-certificates.ts";

test("each file is read once, whatever is looked for in it", async () => {
  const { certificate, key } = certify({ subject: "mx", dns: ["mx.d.example"] });
  const files: Readonly<Record<string, string>> = { "/c": certificate, "/k": key };
  const read: string[] = [];
  const config = configOf(
    'pki mx.d.example cert "/c"',
    'pki mx.d.example key "/k"',
    "listen on 127.0.0.1 tls pki mx.d.example hostname mx.d.example",
    'action "in" mbox',
    'match from any for any action "in"',
  );
  const findings = await certificateFaults(config, {
    accounts: { users: new SimUsers(), group: async () => ({ kind: "absent" }) },
    files: {
      statTarget: async () => ({
        kind: "file",
        bytes: 1000,
        mode: 0o600,
        uid: 0,
        links: 1,
        modifiedAtMs: 0,
      }),
    },
    read: (path) => {
      read.push(path);
      return files[path] ?? assert.fail(path);
    },
    ownAddresses: [],
    uid: 0,
    nowMs: Date.now(),
  });
  assert.deepEqual(findings, []);
  assert.deepEqual(read, ["/c", "/k"]);
});
