/** Configurations as this machine means them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { formatEndpoint } from "#base/endpoint.ts";
import { formatComplaint } from "#model/config/complaint.ts";
import { interfaces } from "./machine.ts";
import { readConfig } from "./read-config.ts";

const RULES = "compat none\naction a relay\nmatch from any for any action a\n";

function fileWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "postrider-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "smtpd.conf");
  writeFileSync(file, text);
  return file;
}

async function read(file: string, compat: "none" | "opensmtpd" = "none") {
  const choice = { file, macros: new Map(), compat, enqueueSocketPath: "/run/enqueue.sock" };
  const { config, complaints } = await readConfig(choice);
  assert.ok(config, complaints.map(formatComplaint).join("\n"));
  return config.listeners.map(({ endpoint }) => formatEndpoint(endpoint));
}

test("'all' is every address that this machine has", async (t) => {
  const addresses = new Set([...interfaces().values()].flat());
  const endpoints = await read(fileWith(t, `listen on all port 2525\n${RULES}`));
  assert.equal(endpoints.length, addresses.size);
});

test("under --compat opensmtpd the socket of the local programs is there unasked", async (t) => {
  const file = fileWith(t, `listen on lo inet4 port 2525\n${RULES}`);
  assert.deepEqual(await read(file), ["127.0.0.1:2525"]);
  assert.deepEqual(await read(file, "opensmtpd"), ["127.0.0.1:2525", "unix:/run/enqueue.sock"]);
});

test("file that cannot be read is a complaint, and no configuration", async () => {
  const { config, complaints } = await readConfig({
    file: "/none/smtpd.conf",
    macros: new Map(),
    compat: "none",
    enqueueSocketPath: "/run/enqueue.sock",
  });
  assert.equal(config, undefined);
  assert.match(
    complaints.map(formatComplaint).join("\n"),
    /cannot read: no such file or directory/u,
  );
});
