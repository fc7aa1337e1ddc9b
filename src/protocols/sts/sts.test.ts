import assert from "node:assert/strict";
import { test } from "node:test";
import { hasStsHost, MAX_STS_HOSTS, parseStsPolicy } from "./sts-policy.ts";
import { parseStsRecord } from "./sts-record.ts";

const RECORDS: readonly (readonly [what: string, texts: readonly string[], id?: string])[] = [
  ["of the standard", ["v=STSv1; id=20160831085700Z;"], "20160831085700Z"],
  ["without its last semicolon", ["v=STSv1; id=1"], "1"],
  ["without spaces", ["v=STSv1;id=1;"], "1"],
  ["with fields that nobody knows", ["v=STSv1; x=y; id=1; z=a"], "1"],
  ["beside others", ["v=spf1 -all", "v=STSv1; id=1"], "1"],
  ["twice", ["v=STSv1; id=1", "v=STSv1; id=2"]],
  ["of another version", ["v=STSv2; id=1"]],
  ["without an id", ["v=STSv1;"]],
  ["with an id that is too long", [`v=STSv1; id=${"1".repeat(33)}`]],
  ["with an id of other characters", ["v=STSv1; id=a-b"]],
  ["with something between", ["v=STSv1; rubbish; id=1"]],
  ["that is not there", []],
];

for (const [what, texts, id] of RECORDS)
  test(`record ${what} ${id === undefined ? "says nothing" : `has the id ${id}`}`, () => {
    assert.equal(parseStsRecord(texts), id);
  });

const PLAIN = "version: STSv1\r\nmode: enforce\r\nmx: mx.example\r\nmax_age: 604800\r\n";
const READ = { mode: "enforce", hosts: ["mx.example"], maxAgeSeconds: 604_800 };

const POLICIES: readonly (readonly [what: string, text: string, meaning: unknown])[] = [
  ["of the standard", PLAIN, READ],
  ["with bare line feeds", PLAIN.replaceAll("\r", ""), READ],
  ["without a last line end", PLAIN.trimEnd(), READ],
  ["with fields that nobody knows", `${PLAIN}x-more: a b c\r\n`, READ],
  ["with a second mode", `${PLAIN}mode: none\r\n`, READ],
  [
    "with a pattern and capitals",
    PLAIN.replace("mx.example", "*.EXAMPLE"),
    { ...READ, hosts: ["*.example"] },
  ],
  [
    "of mode none, without hosts",
    "version: STSv1\nmode: none\nmax_age: 86400\n",
    { mode: "none", hosts: [], maxAgeSeconds: 86_400 },
  ],
  [
    "for longer than a year",
    PLAIN.replace("604800", "99999999999"),
    { ...READ, maxAgeSeconds: 31_557_600 },
  ],
  ["of another version", PLAIN.replace("STSv1", "STSv2"), "its version is not STSv1"],
  ["of another mode", PLAIN.replace("enforce", "Enforce"), "its mode is unknown"],
  ["without hosts", PLAIN.replace("mx: mx.example\r\n", ""), "it has no hosts"],
  ["without an age", PLAIN.replace(/max_age.*\r\n/u, ""), "its max_age is no number"],
  ["with a negative age", PLAIN.replace("604800", "-1"), "its max_age is no number"],
  [
    "with a wildcard within",
    PLAIN.replace("mx.example", "mx.*.example"),
    "one of its hosts is no name",
  ],
  ["with a wildcard alone", PLAIN.replace("mx.example", "*"), "one of its hosts is no name"],
  ["with a byte order mark", `\xef\xbb\xbf${PLAIN}`, "a line has no name and value"],
  [
    "with a host twice",
    `${PLAIN}mx: mx.example\n`,
    { ...READ, hosts: ["mx.example", "mx.example"] },
  ],
  ["that is a page", "<html>\n", "a line has no name and value"],
  [
    "with hosts without end",
    PLAIN + "mx: a.example\r\n".repeat(MAX_STS_HOSTS),
    `it has more than ${MAX_STS_HOSTS} hosts`,
  ],
  ["that is too long", "a: b\n".repeat(20_000), "it is too long"],
];

for (const [what, text, meaning] of POLICIES)
  test(`policy ${what} is ${typeof meaning === "string" ? "refused" : "read"}`, () => {
    assert.deepEqual(parseStsPolicy(text), meaning);
  });

for (const [host, has] of [
  ["mx.example", true],
  ["MX.example.", true],
  ["a.pool.example", true],
  ["a.b.pool.example", false],
  ["pool.example", false],
  ["xpool.example", false],
  ["mx.example.evil.example", false],
] as const)
  test(`policy ${has ? "has" : "has not"} ${host} among mx.example and *.pool.example`, () => {
    const policy = { mode: "enforce", hosts: ["mx.example", "*.pool.example"], maxAgeSeconds: 1 };
    assert.equal(hasStsHost({ ...policy, mode: "enforce" }, host), has);
  });
