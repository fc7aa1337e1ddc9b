import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decodeSrs, encodeSrs } from "./srs.ts";

const DAY_MS = 86_400_000;
/** 2014-05-20, day 16210 since 1970: 850 of 1024. */
const NOW_MS = 16_210 * DAY_MS;
const KEY = "tops3cr3t";
const SIGNING = { key: KEY, nowMs: NOW_MS };
const CHECKING = { keys: [KEY], nowMs: NOW_MS, ttlMs: 4 * DAY_MS };

test("SRS puts the day, the domain and the user behind a hash", () => {
  assert.match(
    encodeSrs("test@example.com", "example.net", SIGNING),
    /^SRS0=[A-Za-z0-9+/]{4}=2S=example\.com=test@example\.net$/u,
  );
});

test("SRS leaves the null reverse-path, its own domain and quoted local parts alone", () => {
  for (const path of ["", "ann@EXAMPLE.net", '"a b"@example.com'])
    assert.equal(encodeSrs(path, "example.net", SIGNING), path);
});

test("SRS leaves an address alone that would become too long", () => {
  const path = `${"x".repeat(64)}@${"d.".repeat(110)}example`;
  assert.equal(encodeSrs(path, "example.net", SIGNING), path);
});

test("SRS leads back, by way of each forwarder", () => {
  const first = encodeSrs("ann@home.example", "one.example", SIGNING);
  const second = encodeSrs(first, "two.example", { ...SIGNING, key: "second" });
  const third = encodeSrs(second, "three.example", { ...SIGNING, key: "third" });
  assert.match(second, /^SRS1=....=one\.example==....=2S=home\.example=ann@two\.example$/u);
  assert.match(third, /^SRS1=....=one\.example==....=2S=home\.example=ann@three\.example$/u);
  for (const [address, key] of [
    [second, "second"],
    [third, "third"],
  ] as const) {
    const back = decodeSrs(address, { ...CHECKING, keys: [key] });
    assert.deepEqual(back, { kind: "decoded", address: first });
  }
  assert.deepEqual(decodeSrs(first, CHECKING), { kind: "decoded", address: "ann@home.example" });
});

test("SRS takes what was signed with the key before this one, and in another case", () => {
  const address = encodeSrs("Ann@home.example", "one.example", SIGNING);
  const checking = { ...CHECKING, keys: ["new", KEY] };
  assert.equal(decodeSrs(address, checking).kind, "decoded");
  assert.equal(decodeSrs(address.toLowerCase(), checking).kind, "decoded");
  assert.equal(decodeSrs(address.replace("SRS0=", "SRS0+"), checking).kind, "decoded");
});

test("SRS takes addresses that OpenSMTPD made", () => {
  // base64 of SHA1("tops3cr3t" "2S=example.com=test@example.net"), by openssl(1).
  const address = "SRS0=Wswg=2S=example.com=test@example.net";
  assert.deepEqual(decodeSrs(address, CHECKING), {
    kind: "decoded",
    address: "test@example.com",
  });
});

for (const [path, is] of [
  ["test@example.com", "SRS0=wi2p=JO=example.com=test@example.net"],
  [
    "SRS0=abcd=2S=home.example=ann@one.example",
    "SRS1=waOZ=one.example==abcd=2S=home.example=ann@example.net",
  ],
  [
    "SRS1=abcd=first.example==abcd=2S=home.example=ann@one.example",
    "SRS1=WmFG=first.example==abcd=2S=home.example=ann@example.net",
  ],
] as const) {
  test(`SRS makes of ${path} what postsrsd 1.10 makes of it`, () => {
    const signing = { key: KEY, nowMs: Date.UTC(2026, 10, 25) };
    assert.equal(encodeSrs(path, "example.net", signing), is);
  });
}

for (const [name, address, why] of [
  ["forged", "SRS0=AAAA=2S=example.com=test@example.net", "forged"],
  ["forged by a forwarder", "SRS1=AAAA=one.example==AAAA=2S=example.com=test@x", "forged"],
  ["cut off", "SRS0=AAAA=2S@example.net", "malformed"],
  ["of no day", "SRS0=AAAA=18=example.com=test@example.net", "malformed"],
] as const) {
  test(`SRS refuses an address that is ${name}`, () => {
    assert.deepEqual(decodeSrs(address, CHECKING), { kind: "refused", why });
  });
}

for (const [name, days, isTaken] of [
  ["of today", 0, true],
  ["of its last day", 4, true],
  ["a day too old", 5, false],
  ["of tomorrow, as clocks differ", -1, true],
  ["of the day after tomorrow", -2, false],
] as const) {
  test(`SRS ${isTaken ? "takes" : "refuses"} an address ${name}, whenever the count begins anew`, () => {
    for (const now of [16_210, 1024 * 16, 1024 * 16 + 2]) {
      const made = { key: KEY, nowMs: (now - days) * DAY_MS };
      const address = encodeSrs("ann@home.example", "one.example", made);
      const { kind } = decodeSrs(address, { ...CHECKING, nowMs: now * DAY_MS });
      assert.equal(kind, isTaken ? "decoded" : "refused");
    }
  });
}

test("SRS knows what is none of its addresses", () => {
  for (const address of ["ann@example.net", "srs0@example.net", "SRS2=a@example.net", ""])
    assert.deepEqual(decodeSrs(address, CHECKING), { kind: "plain" });
});

test("SRS leads back from any address that it has made", () => {
  const word = fc.stringMatching(/^[a-zA-Z0-9.+_=-]{1,30}$/u);
  const domain = fc.stringMatching(/^[a-z0-9]{1,10}\.[a-z]{2,8}$/u);
  fc.assert(
    fc.property(word, domain, domain, (user, from, to) => {
      const path = `${user}@${from}`;
      const address = encodeSrs(path, to, SIGNING);
      if (address === path || /^SRS[01][=+-]/iu.test(user)) return;
      assert.deepEqual(decodeSrs(address, CHECKING), { kind: "decoded", address: path });
    }),
  );
});
