import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { test } from "node:test";
import * as fc from "fast-check";
import { isLoopback, networkHolds, parseIpAddress, parseIpNetwork } from "./ip-address.ts";

const GOOD: readonly (readonly [text: string, family: 4 | 6, words: readonly number[]])[] = [
  ["0.0.0.0", 4, [0]],
  ["192.0.2.1", 4, [0xc0000201]],
  ["[192.0.2.1]", 4, [0xc0000201]],
  ["255.255.255.255", 4, [0xffffffff]],
  ["::", 6, [0, 0, 0, 0]],
  ["::1", 6, [0, 0, 0, 1]],
  ["2001:DB8::a", 6, [0x20010db8, 0, 0, 10]],
  ["[IPv6:2001:db8::a]", 6, [0x20010db8, 0, 0, 10]],
  ["fe80::1%eth0", 6, [0xfe800000, 0, 0, 1]],
  ["1:2:3:4:5:6:7:8", 6, [0x10002, 0x30004, 0x50006, 0x70008]],
  ["64:ff9b::192.0.2.1", 6, [0x64ff9b, 0, 0, 0xc0000201]],
  ["::ffff:192.0.2.1", 4, [0xc0000201]],
];

for (const [text, family, words] of GOOD) {
  test(`address '${text}' is read`, () => {
    assert.deepEqual(parseIpAddress(text), { family, words });
  });
}

const BAD = [
  ["", "is empty"],
  ["local", "is a word"],
  ["1.2.3", "is short"],
  ["1.2.3.4.5", "is long"],
  ["01.2.3.4", "has a leading zero"],
  ["256.1.1.1", "has a large octet"],
  ["1:2:3", "has too few groups"],
  ["1:2:3:4:5:6:7:8:9", "has too many groups"],
  ["::1::2", "has two gaps"],
  ["1::2:3:4:5:6:7:8", "has a gap for nothing"],
  ["::12345", "has a long group"],
  ["::g", "has a letter that is no digit"],
  ["1.2.3.4::", "has an IPv4 part that is not last"],
  [":::", "has three colons"],
] as const;

for (const [text, why] of BAD) {
  test(`text '${text}' is no address: it ${why}`, () => {
    assert.equal(parseIpAddress(text), undefined);
  });
}

test("network of IPv4-mapped addresses is a network of IPv4 addresses", () => {
  assert.deepEqual(parseIpNetwork("::ffff:192.0.2.0/120"), parseIpNetwork("192.0.2.0/24"));
});

test("network takes a prefix from 0 to the width of the address", () => {
  for (const text of ["0.0.0.0/0", "1.2.3.4/32", "::/0", "::1/128"])
    assert.notEqual(parseIpNetwork(text), undefined, text);
  for (const text of ["1.2.3.4/33", "::1/129", "::1/", "1.2.3.4/x", "1.2.3.4/-1", "1.2.3.4/08"])
    assert.equal(parseIpNetwork(text), undefined, text);
});

test("loopback is 127.0.0.0/8 and ::1", () => {
  const loopback = ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "128.0.0.1", "::2"].map(
    (text) => {
      const address = parseIpAddress(text);
      return address !== undefined && isLoopback(address);
    },
  );
  assert.deepEqual(loopback, [true, true, true, true, false, false]);
});

const anyAddress = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.string(),
  fc.stringMatching(/^[0-9a-f:.]{0,20}$/u),
);

test("an address is what Node takes for one", () => {
  fc.assert(
    fc.property(anyAddress, (text) => {
      fc.pre(!/[[\]%]/u.test(text) && !/^ipv6:/iu.test(text));
      assert.equal(parseIpAddress(text) !== undefined, isIP(text) !== 0);
    }),
  );
});

test("a network holds the addresses that Node's BlockList finds in it", () => {
  const group = fc.nat({ max: 0xffff }).map((value) => value.toString(16));
  const groups = fc.array(group, { minLength: 8, maxLength: 8 });
  // Two addresses of which the first groups are the same.
  const pair = fc
    .tuple(groups, groups, fc.nat({ max: 8 }))
    .map(([base, other, shared]) => [base, [...base.slice(0, shared), ...other.slice(shared)]]);
  fc.assert(
    fc.property(pair, fc.nat({ max: 128 }), ([base = [], other = []], prefixBits) => {
      const network = parseIpNetwork(`${base.join(":")}/${prefixBits}`);
      const address = parseIpAddress(other.join(":"));
      fc.pre(network?.address.family === 6 && address?.family === 6);
      const list = new BlockList();
      list.addSubnet(base.join(":"), prefixBits, "ipv6");
      assert.equal(networkHolds(network, address), list.check(other.join(":"), "ipv6"));
    }),
  );
});

test("a network of one family holds no address of the other", () => {
  const [everyIpv4, everyIpv6] = [parseIpNetwork("0.0.0.0/0"), parseIpNetwork("::/0")];
  const [ipv4, ipv6] = [parseIpAddress("192.0.2.1"), parseIpAddress("2001:db8::1")];
  assert.ok(everyIpv4 && everyIpv6 && ipv4 && ipv6, "all of them are read");
  assert.deepEqual([networkHolds(everyIpv4, ipv4), networkHolds(everyIpv6, ipv6)], [true, true]);
  assert.deepEqual([networkHolds(everyIpv4, ipv6), networkHolds(everyIpv6, ipv4)], [false, false]);
});
