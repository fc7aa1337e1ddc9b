import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import { systemAuthorities } from "./system-authorities.ts";

const [ONE = "", OTHER = ""] = rootCertificates;

test("the first file that has a certificate is whom the system trusts", () => {
  const folder = mkdtempSync(join(tmpdir(), "authorities-"));
  try {
    const [empty, first, second] = ["empty", "first", "second"].map((name) => join(folder, name));
    writeFileSync(empty ?? "", "");
    writeFileSync(first ?? "", `# of somebody\n${ONE}\n`);
    writeFileSync(second ?? "", OTHER);
    const bundles = [join(folder, "none"), empty ?? "", first ?? "", second ?? ""];
    assert.equal(systemAuthorities(bundles, {}), `# of somebody\n${ONE}\n`);
    assert.equal(systemAuthorities(bundles, { SSL_CERT_FILE: second ?? "" }), OTHER);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

for (const [where, bundles, environment] of [
  ["there is no such file", [], {}],
  ["the environment names a folder", undefined, { SSL_CERT_DIR: "/nonexistent" }],
] as const) {
  test(`the runtime is asked where ${where}, and names each once`, () => {
    const found = systemAuthorities(bundles, environment).split("-----BEGIN CERTIFICATE-----");
    assert.ok(found.length > 1);
    assert.equal(new Set(found).size, found.length);
  });
}
