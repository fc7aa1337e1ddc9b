import assert from "node:assert/strict";
import { test } from "node:test";
import { certify } from "#test/support/certificates.ts";
import { configOf } from "#test/support/config-of.ts";
import { surroundingsOf } from "#test/support/surroundings.ts";
import { certificateFaults } from "./check-certificates.ts";

test("each file is read once, whatever is looked for in it", async () => {
  const { certificate, key } = certify({ subject: "mx", dns: ["mx.d.example"] });
  const read: string[] = [];
  const config = configOf(
    'pki mx.d.example cert "/c"',
    'pki mx.d.example key "/k"',
    "listen on 127.0.0.1 tls pki mx.d.example hostname mx.d.example",
    'action "in" mbox',
    'match from any for any action "in"',
  );
  const around = surroundingsOf({ "/c": certificate, "/k": key });
  const findings = await certificateFaults(config, {
    ...around,
    read(path) {
      read.push(path);
      return around.read(path);
    },
  });
  assert.deepEqual(findings, []);
  assert.deepEqual(read, ["/c", "/k"]);
});
