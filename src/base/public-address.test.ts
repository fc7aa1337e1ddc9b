import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIpAddress } from "./ip-address.ts";
import { isPrivate, isPublic } from "./public-address.ts";

for (const [text, expected] of [
  ["8.8.8.8", true],
  ["172.15.255.255", true],
  ["172.16.0.1", false],
  ["172.31.255.255", false],
  ["172.32.0.1", true],
  ["10.1.2.3", false],
  ["100.64.0.1", false],
  ["127.0.0.1", false],
  ["169.254.169.254", false],
  ["192.168.1.1", false],
  ["0.0.0.0", false],
  ["224.0.0.1", false],
  ["255.255.255.255", false],
  ["2606:4700::1111", true],
  ["::1", false],
  ["::", false],
  ["::ffff:10.0.0.1", false],
  ["::ffff:8.8.8.8", true],
  ["::10.0.0.1", false],
  ["64:ff9b::a00:1", false],
  ["2002:a00:1::1", false],
  ["192.0.2.1", false],
  ["198.18.0.1", false],
  ["2001:db8::1", false],
  ["fc00::1", false],
  ["fe80::1", false],
  ["ff02::1", false],
] as const)
  test(`${text} is ${expected ? "an address of the world" : "none that a stranger may send us to"}`, () => {
    const address = parseIpAddress(text);
    assert.ok(address);
    assert.equal(isPublic(address), expected);
  });

for (const [text, expected] of [
  ["10.1.2.3", true],
  ["100.127.255.255", true],
  ["::", true],
  ["::1", true],
  ["::2", false],
  ["fd00::1", true],
  ["febf::1", true],
  ["::ffff:192.168.1.1", true],
  ["192.0.2.1", false],
  ["8.8.8.8", false],
] as const)
  test(`${text} ${expected ? "cannot be" : "is not kept from being"} reached from outside`, () => {
    const address = parseIpAddress(text);
    assert.ok(address);
    assert.equal(isPrivate(address), expected);
  });
