import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { configSource, interfaces, ownAddresses, serverName } from "./machine.ts";

test("the server name is one name in lower case", () => {
  assert.match(serverName(), /^[^\sA-Z]+$/u);
});

test("the machine's own addresses are those of its interfaces, loopback among them", () => {
  const addresses = ownAddresses();
  assert.ok(addresses.includes("127.0.0.1"));
  assert.deepEqual(addresses, [...interfaces().values()].flat());
  for (const address of addresses) assert.notEqual(isIP(address), 0, address);
});

test("an IPv6 address that needs its interface to be bound comes with it", () => {
  for (const [name, addresses] of interfaces()) {
    for (const address of addresses.filter((each) => each.startsWith("fe80:"))) {
      assert.ok(address.endsWith(`%${name}`), address);
    }
  }
});

test("a configuration file is read as it is; one that cannot be read says why", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "postrider-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "smtpd.conf");
  writeFileSync(file, "listen on 127.0.0.1\n");
  const { read } = configSource(file);
  assert.equal(read(file), "listen on 127.0.0.1\n");
  const missing = read(join(folder, "none"));
  assert.ok(typeof missing !== "string");
  assert.equal(missing.code, "ENOENT");
  const isFolder = read(folder);
  assert.ok(typeof isFolder !== "string");
  assert.equal(isFolder.code, "EISDIR");
});
