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
    assert.deepEqual(systemAuthorities(bundles, {}), { pem: `# of somebody\n${ONE}\n` });
    const named = { SSL_CERT_FILE: second ?? "" };
    assert.deepEqual(systemAuthorities(bundles, named), { pem: OTHER });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

for (const [where, bundles, environment] of [
  ["there is no such file", [], {}],
  ["the environment names a folder", undefined, { SSL_CERT_DIR: "/nonexistent" }],
] as const) {
  test(`the runtime is asked where ${where}, and names each once`, () => {
    const trusted = systemAuthorities(bundles, environment);
    assert.ok(typeof trusted !== "string");
    const found = trusted.pem.split("-----BEGIN CERTIFICATE-----");
    assert.ok(found.length > 1);
    assert.equal(new Set(found).size, found.length);
  });
}

for (const [what, path, why] of [
  ["is not there", "/nonexistent/ca.pem", /no such file/u],
  ["is a folder", "/", /^SSL_CERT_FILE: \/: is no file$/u],
  ["has no end", "/dev/zero", /^SSL_CERT_FILE: \/dev\/zero: is no file$/u],
  ["has no certificate", "/etc/passwd", /has no certificate$/u],
] as const)
  test(`a file that the environment names and that ${what} has nobody else trusted`, () => {
    const trusted = systemAuthorities(undefined, { SSL_CERT_FILE: path });
    assert.ok(typeof trusted === "string");
    assert.match(trusted, why);
  });
