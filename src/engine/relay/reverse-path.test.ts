import assert from "node:assert/strict";
import { test } from "node:test";
import { reversePathOf } from "./reverse-path.ts";

const SRS = { key: "tops3cr3t", backupKey: undefined, ttlMs: 1 };
const STAYED = { forwardPath: "x@here.example", destination: "x@here.example" };
const FORWARDED = { forwardPath: "x@here.example", destination: "y@far.example" };
const DAY_2S_MS = 16_210 * 86_400_000;

const CASES: readonly (readonly [
  name: string,
  from: string,
  setting: { readonly mailFrom?: string; readonly srs?: boolean; readonly isForwarded?: boolean },
  is: RegExp,
])[] = [
  ["stays", "ann@a.example", {}, /^ann@a\.example$/u],
  ["is another by mail-from", "ann@a.example", { mailFrom: "b@b.example" }, /^b@b\.example$/u],
  ["gets another domain", "ann@a.example", { mailFrom: "@b.example" }, /^ann@b\.example$/u],
  ["gets another local part", "ann@a.example", { mailFrom: "list" }, /^list@a\.example$/u],
  ["is null by mail-from", "ann@a.example", { mailFrom: "" }, /^$/u],
  ["stays null", "", { mailFrom: "b@b.example", srs: true, isForwarded: true }, /^$/u],
  ["stays where nothing was forwarded", "ann@a.example", { srs: true }, /^ann@a\.example$/u],
  [
    "comes from the recipient's first domain by srs",
    "ann@a.example",
    { srs: true, isForwarded: true },
    /^SRS0=....=2S=a\.example=ann@here\.example$/u,
  ],
  [
    "is rewritten by srs after mail-from",
    "ann@a.example",
    { mailFrom: "@b.example", srs: true, isForwarded: true },
    /^SRS0=....=2S=b\.example=ann@here\.example$/u,
  ],
];

for (const [name, reversePath, { mailFrom, srs = false, isForwarded = false }, is] of CASES) {
  test(`reverse-path of a relay ${name}`, () => {
    const setting = { action: { mailFrom, srs }, srs: SRS, nowMs: DAY_2S_MS };
    const envelope = isForwarded ? FORWARDED : STAYED;
    assert.match(reversePathOf(setting, { reversePath }, envelope), is);
  });
}
