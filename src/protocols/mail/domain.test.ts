import assert from "node:assert/strict";
import { test } from "node:test";
import { asciiDomain, isAddressLiteral, isHostName } from "./domain.ts";

test("host names are letters, digits, dashes and underscores in labels", () => {
  const names = ["localhost", "a.b", "A-1.example", "my_host.example", "_x.example", "1.2.3.4"];
  const others = [
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "-a",
    "a-",
    "a.-b",
    "a b",
    "\u00e9",
    "a/b",
    "a".repeat(64),
    "[1.2.3.4]",
  ];
  assert.deepEqual(
    [names.filter((name) => !isHostName(name)), others.filter(isHostName)],
    [[], []],
  );
});

test("address literals are dotted decimal, or tagged IPv6", () => {
  const literals = [
    "[192.0.2.1]",
    "[0.0.0.0]",
    "[IPv6:::]",
    "[ipv6:::1]",
    "[IPv6:2001:db8::1]",
    "[IPv6:1:2:3:4:5:6:7:8]",
    "[IPv6:::ffff:192.0.2.1]",
    "[IPv6:1:2:3:4:5:6:192.0.2.1]",
  ];
  const others = [
    "192.0.2.1",
    "[192.0.2.256]",
    "[192.0.2.01]",
    "[192.0.2]",
    "[0x7f.1]",
    "[::1]",
    "[IPv6:]",
    "[IPv6:1]",
    "[IPv6:1::2::3]",
    "[IPv6:1:2:3:4:5:6:7:8:9]",
    "[IPv6:1:2:3:4:5:6:7::8]",
    "[IPv6:g::1]",
    "[IPv6:192.0.2.1::]",
    "[x:y]",
    "[",
  ];
  assert.deepEqual(
    [literals.filter((text) => !isAddressLiteral(text)), others.filter(isAddressLiteral)],
    [[], []],
  );
});

test("a domain in another script is that of DNS, and what is none is not made one", () => {
  const domains = ["b\u00fccher.example", "a_\u00e9.example", "\uff42.example", "plain.example"];
  assert.deepEqual(domains.map(asciiDomain), [
    "xn--bcher-kva.example",
    "xn--a_-cja.example",
    "b.example",
    "plain.example",
  ]);
  const others = [
    // The rest of what a URL may have behind its host, or has taken out of it.
    "good.example\\\u00e9",
    "good.example/\u00e9",
    "go\tod.\u00e9.example",
    "go\nod.\u00e9.example",
    "u@\u00e9.example",
    "\u00e9.example:25",
    "%65\u00e9.example",
    // An address, in digits of full width.
    "\uff11\uff12\uff17.1",
    "\uff10x7f.0.0.1",
    "\u00ad\u00e9.example",
    "\u00e9\u3002example",
  ];
  for (const other of others) assert.equal(asciiDomain(other), "", JSON.stringify(other));
});
