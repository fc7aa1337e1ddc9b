import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { parseDkimKey } from "./dkim-key.ts";
import { parseDmarc } from "./dmarc-record.ts";
import { parseSpf, type SpfTerm } from "./spf-record.ts";
import { parseTagList } from "./tag-list.ts";

function termText({ qualifier, mechanism }: SpfTerm): string {
  const { kind } = mechanism;
  if (kind === "network" || kind === "macro") return `${qualifier} ${mechanism.text}`;
  if (kind === "a" || kind === "mx")
    return `${qualifier} ${kind} ${mechanism.domain} ${mechanism.ipv4Bits} ${mechanism.ipv6Bits}`;
  return `${qualifier} ${kind} ${"domain" in mechanism ? mechanism.domain : ""}`.trim();
}

const SPF: readonly (readonly [texts: readonly string[], meaning: string])[] = [
  [[], "none"],
  [["v=spf10 -all", "google-site-verification=x"], "none"],
  [["v=spf1"], ""],
  [["other", "v=spf1 -all"], "fail all"],
  [["V=SPF1 ~ALL"], "softfail all"],
  [
    ["v=spf1 ip4:192.0.2.0/24  ip6:2001:db8::/32 ?all"],
    "pass 192.0.2.0/24, pass 2001:db8::/32, neutral all",
  ],
  [["v=spf1 a mx:b.example/28//64 -all"], "pass a  32 128, pass mx b.example 28 64, fail all"],
  [["v=spf1 a/24 -mx//48"], "pass a  24 128, fail mx  32 48"],
  [
    ["v=spf1 include:_spf.a.example ptr exists:%{i}.b.example"],
    "pass include _spf.a.example, pass ptr, pass exists:%{i}.b.example",
  ],
  [
    ["v=spf1 include:_spf.a.example. a:b.example./24 ptr:c.example. redirect=d.example."],
    "pass include _spf.a.example, pass a b.example 24 128, pass ptr c.example; redirect d.example",
  ],
  [["v=spf1 include:."], "wrong: it cannot be read at 'include:.'"],
  [["v=spf1 redirect=_spf.a.example exp=x"], "; redirect _spf.a.example"],
  [["v=spf1 -all", "v=spf1 ~all"], "wrong: there are 2 records, and one is allowed"],
  [["v=spf1 redirect=a redirect=b"], "wrong: redirect= stands there twice"],
  [["v=spf1 ip4:192.0.2.256"], "wrong: it cannot be read at 'ip4:192.0.2.256'"],
  [["v=spf1 ip4:2001:db8::1"], "wrong: it cannot be read at 'ip4:2001:db8::1'"],
  [["v=spf1 a:"], "wrong: it cannot be read at 'a:'"],
  [["v=spf1 a/33"], "wrong: it cannot be read at 'a/33'"],
  [["v=spf1 include"], "wrong: it cannot be read at 'include'"],
  [["v=spf1 all:x"], "wrong: it cannot be read at 'all:x'"],
  [["v=spf1 ipv4:192.0.2.1"], "wrong: it cannot be read at 'ipv4:192.0.2.1'"],
  [[`v=spf1 ${"a ".repeat(300)}`], "wrong: the record has too many terms"],
  [[`v=spf1 ${"a".repeat(5000)}`], "wrong: the record is too long"],
];

describe("a record of SPF:", () => {
  for (const [texts, meaning] of SPF) {
    test(`${JSON.stringify(texts).slice(0, 80)} is ${meaning || "empty"}`, () => {
      const read = parseSpf(texts);
      if (read.kind === "none") return assert.equal("none", meaning);
      if (read.kind === "wrong") return assert.equal(`wrong: ${read.why}`, meaning);
      const { terms, redirect } = read;
      const end = redirect === undefined ? "" : `; redirect ${redirect}`;
      return assert.equal(terms.map(termText).join(", ") + end, meaning);
    });
  }
});

const DMARC: readonly (readonly [
  texts: readonly string[],
  reading: ReturnType<typeof parseDmarc>,
])[] = [
  [[], { kind: "none" }],
  [["v=spf1 -all"], { kind: "none" }],
  [["v=DMARC1; p=none"], { kind: "record", policy: "none", reports: [] }],
  [
    ["v=DMARC1;p=Reject;rua=mailto:a@b.example!10m, mailto:c@d.example;"],
    { kind: "record", policy: "reject", reports: ["mailto:a@b.example!10m", "mailto:c@d.example"] },
  ],
  [
    ["v=DMARC1; rua=mailto:a@b"],
    { kind: "wrong", why: "p= is none of none, quarantine and reject" },
  ],
  [["v=DMARC1; p=none; p=reject"], { kind: "wrong", why: "it is no list of tag=value" }],
  [
    ["v=DMARC1; p=none", "v=DMARC1; p=none"],
    { kind: "wrong", why: "there are 2 records, and one is allowed" },
  ],
];

describe("a record of DMARC:", () => {
  for (const [texts, reading] of DMARC)
    test(`${JSON.stringify(texts)} is ${reading.kind}`, () =>
      assert.deepEqual(parseDmarc(texts), reading));
});

function rsaKey(bits: number): string {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  return publicKey.export({ type: "spki", format: "der" }).toString("base64");
}

const DKIM: readonly (readonly [
  texts: readonly string[],
  reading: ReturnType<typeof parseDkimKey>,
])[] = [
  [[], { kind: "none" }],
  [[`v=DKIM1; k=rsa; p=${rsaKey(1024)}`], { kind: "key", algorithm: "rsa", bits: 1024 }],
  [[`p=${rsaKey(2048)}`], { kind: "key", algorithm: "rsa", bits: 2048 }],
  [
    [`k=ed25519; p=${Buffer.alloc(32, 7).toString("base64")}`],
    { kind: "key", algorithm: "ed25519", bits: 256 },
  ],
  [["k=ed25519; p=AAAA"], { kind: "wrong", why: "p= has 3 bytes, and an ed25519 key 32" }],
  [["v=DKIM1; p="], { kind: "revoked" }],
  [["v=DKIM1"], { kind: "wrong", why: "p= is missing" }],
  [["v=DKIM2; p=AAAA"], { kind: "wrong", why: "v= is not DKIM1" }],
  [["p=A*A"], { kind: "wrong", why: "p= is not base64" }],
  [["k=dsa; p=AAAA"], { kind: "wrong", why: "k= is neither rsa nor ed25519" }],
  [["p=AAAA", "p=AAAA"], { kind: "wrong", why: "there are 2 records, of which readers take any" }],
  [["hello"], { kind: "wrong", why: "it is no list of tag=value" }],
];

describe("a key of DKIM:", () => {
  for (const [texts, reading] of DKIM)
    test(`${JSON.stringify(texts).slice(0, 60)} is ${reading.kind}`, () =>
      assert.deepEqual(parseDkimKey(texts), reading));
});

test("no texts make a reader throw", () => {
  const word = fc.constantFrom(
    "v=spf1",
    "v=DMARC1",
    "a:",
    "/",
    "%{i}",
    ";",
    "p=",
    "=",
    " ",
    "ip6:",
    "é",
  );
  const text = fc.array(fc.oneof(word, fc.string()), { maxLength: 12 }).map((all) => all.join(""));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 3 }), (texts) => {
      for (const read of [parseSpf, parseDmarc, parseDkimKey])
        assert.equal(typeof read(texts).kind, "string");
      for (const each of texts) parseTagList(each);
    }),
  );
});
