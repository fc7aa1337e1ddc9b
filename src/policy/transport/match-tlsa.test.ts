import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { TlsaRecord } from "#base/ports/resolver.ts";
import type { ChainCertificate } from "#base/ports/tls.ts";
import { matchesTlsa } from "./match-tlsa.ts";
import { formatTlsa, usableTlsa } from "./tlsa.ts";

function certificate(text: string, change: Partial<ChainCertificate> = {}): ChainCertificate {
  return {
    certificate: Buffer.from(text),
    key: Buffer.from(`key of ${text}`),
    names: [],
    isCurrent: true,
    isAuthority: true,
    isSignedByNext: true,
    ...change,
  };
}

const OWN = certificate("mx", { names: ["mx.far.example"], isAuthority: false });
const ROOT = certificate("root", { isSignedByNext: false });
const CHAIN = [OWN, certificate("between"), ROOT];
const NAMES = ["mx.far.example", "far.example"];

/** `3 1 1 key of mx`: the digest is made of what follows. */
function record(text: string): TlsaRecord {
  const [usage, selector, matching, ...words] = text.split(" ");
  const content = Buffer.from(words.join(" "));
  const algorithm = matching === "1" ? "sha256" : matching === "2" ? "sha512" : undefined;
  const data = algorithm ? createHash(algorithm).update(content).digest() : content;
  return { usage: Number(usage), selector: Number(selector), matching: Number(matching), data };
}

interface Case {
  readonly what: string;
  readonly records: readonly string[];
  readonly chain?: readonly ChainCertificate[];
  readonly names?: readonly string[];
  readonly matches: boolean;
}

const CASES: readonly Case[] = [
  { what: "the digest of its key", records: ["3 1 1 key of mx"], matches: true },
  { what: "the longer digest of its key", records: ["3 1 2 key of mx"], matches: true },
  { what: "its key as it is", records: ["3 1 0 key of mx"], matches: true },
  { what: "the digest of its certificate", records: ["3 0 1 mx"], matches: true },
  { what: "its certificate as it is", records: ["3 0 0 mx"], matches: true },
  { what: "another key", records: ["3 1 1 key of other"], matches: false },
  { what: "its certificate where the key is meant", records: ["3 1 1 mx"], matches: false },
  {
    what: "another key and its own",
    records: ["3 1 1 key of x", "3 1 1 key of mx"],
    matches: true,
  },
  {
    what: "its issuer's key as if it were its own",
    records: ["3 1 1 key of root"],
    matches: false,
  },
  {
    what: "its key, when it is out of date and for another name",
    records: ["3 1 1 key of mx"],
    chain: [{ ...OWN, isCurrent: false, names: ["elsewhere.example"] }],
    matches: true,
  },
  { what: "the key of its root", records: ["2 1 1 key of root"], matches: true },
  { what: "the certificate of one between", records: ["2 0 1 between"], matches: true },
  { what: "its own key as an authority's", records: ["2 1 1 key of mx"], matches: false },
  { what: "another authority", records: ["2 1 1 key of elsewhere"], matches: false },
  {
    what: "its root, which it did not send",
    records: ["2 1 1 key of root"],
    chain: CHAIN.slice(0, 2),
    matches: false,
  },
  {
    what: "its root, when the domain's name is the certificate's",
    records: ["2 1 1 key of root"],
    chain: [{ ...OWN, names: ["far.example"] }, ...CHAIN.slice(1)],
    matches: true,
  },
  {
    what: "its root, when a wildcard is the certificate's",
    records: ["2 1 1 key of root"],
    chain: [{ ...OWN, names: ["*.far.example"] }, ...CHAIN.slice(1)],
    matches: true,
  },
  {
    what: "its root, when the certificate is for another name",
    records: ["2 1 1 key of root"],
    chain: [{ ...OWN, names: ["*.mx.far.example", "mx.elsewhere.example"] }, ...CHAIN.slice(1)],
    matches: false,
  },
  {
    what: "its root, when the certificate is out of date",
    records: ["2 1 1 key of root"],
    chain: [{ ...OWN, isCurrent: false }, ...CHAIN.slice(1)],
    matches: false,
  },
  {
    what: "its root, when one between is out of date",
    records: ["2 1 1 key of root"],
    chain: [OWN, certificate("between", { isCurrent: false }), ROOT],
    matches: false,
  },
  {
    what: "its root, when one between may not sign",
    records: ["2 1 1 key of root"],
    chain: [OWN, certificate("between", { isAuthority: false }), ROOT],
    matches: false,
  },
  {
    what: "a root that has not signed what is below it",
    records: ["2 1 1 key of root"],
    chain: [OWN, certificate("between", { isSignedByNext: false }), ROOT],
    matches: false,
  },
  {
    what: "anything, when it shows nothing",
    records: ["3 1 1 key of mx"],
    chain: [],
    matches: false,
  },
];

for (const { what, records, chain = CHAIN, names = NAMES, matches } of CASES) {
  test(`a server ${matches ? "matches" : "does not match"} a record with ${what}`, () => {
    assert.equal(matchesTlsa(usableTlsa(records.map(record)), chain, names), matches);
  });
}

/** Which of the records are left. */
const USABLE: readonly (readonly [string, readonly string[], readonly number[]])[] = [
  ["of authorities that all agree on are left out", ["0 0 1 a", "1 1 1 a", "3 1 1 a"], [2]],
  ["that nobody has defined are left out", ["4 1 1 a", "3 2 1 a", "3 1 3 a", "255 0 0 a"], []],
  ["with nothing in them are left out", ["3 1 0 ", "2 0 1 a"], [1]],
  ["with a weaker digest than others are left out", ["3 1 1 a", "3 1 2 b", "2 1 1 c"], [1, 2]],
  ["with a weaker digest of something else stay", ["3 0 1 a", "3 1 2 b"], [0, 1]],
  ["without a digest stay beside those with one", ["3 1 0 a", "3 1 2 b"], [0, 1]],
  ["of one kind all stay", ["3 1 1 a", "3 1 1 b"], [0, 1]],
];

for (const [what, texts, left] of USABLE) {
  test(`records ${what}`, () => {
    const records = texts.map(record);
    const expected = left.flatMap((at) => records[at] ?? []);
    assert.deepEqual(usableTlsa(records).map(formatTlsa), expected.map(formatTlsa));
  });
}

test("of records without end a bounded number is looked at", () => {
  const many = Array.from({ length: 1000 }, (_, at) => record(`3 1 1 key ${at}`));
  assert.equal(usableTlsa(many).length, 32);
});

test("records with a digest of the wrong length are left out", () => {
  const { data, ...rest } = record("3 1 1 a");
  assert.deepEqual(usableTlsa([{ ...rest, data: data.subarray(1) }]), []);
});
