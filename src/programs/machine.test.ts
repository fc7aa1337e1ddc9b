import assert from "node:assert/strict";
import { isIP } from "node:net";
import { closeSync, openSync } from "node:fs";
import { test } from "node:test";
import { interfaces, openFiles, ownAddresses, serverName } from "./machine.ts";

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

test("descriptors of this process are those that it has", () => {
  const before = openFiles();
  const fds = [openSync("/dev/null", "r"), openSync("/dev/null", "r")];
  assert.equal(openFiles(), before + 2);
  for (const fd of fds) closeSync(fd);
  assert.equal(openFiles(), before);
});
