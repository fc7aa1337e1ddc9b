import assert from "node:assert/strict";
import { test } from "node:test";
import { replyLine } from "#protocols/smtp/reply.ts";
import type { Refusal } from "#model/resolution.ts";
import { recipientRefusal, whyRefused } from "./verdicts.ts";

const CASES: readonly (readonly [refusal: Refusal, reply: string, why: string])[] = [
  [
    { kind: "rejected", rule: "", why: "no rule matches" },
    "550 5.1.1 Invalid recipient: <ann@example.org>",
    "no rule matches",
  ],
  [
    { kind: "rejected", rule: "smtpd.conf:9", why: "no such user" },
    "550 5.1.1 Invalid recipient: <ann@example.org>",
    "smtpd.conf:9: no such user",
  ],
  [
    { kind: "unavailable", why: "table <aliases>: down" },
    "451 4.3.0 Temporary failure: <ann@example.org>",
    "table <aliases>: down",
  ],
  [
    { kind: "expansion", why: "it expands to nobody" },
    "550 5.2.4 Mailing list expansion problem: <ann@example.org>",
    "it expands to nobody",
  ],
  [
    { kind: "expansion-later", why: "a loop" },
    "451 4.2.4 Mailing list expansion problem: <ann@example.org>",
    "a loop",
  ],
  [
    { kind: "said", code: 550, text: "She has left" },
    "550 5.0.0 She has left: <ann@example.org>",
    "",
  ],
  [
    { kind: "said", code: 450, text: "4.2.1 Back on Monday" },
    "450 4.2.1 Back on Monday: <ann@example.org>",
    "",
  ],
  [
    { kind: "said", code: 550, text: "4.2.1 Back on Monday" },
    "550 5.0.0 4.2.1 Back on Monday: <ann@example.org>",
    "",
  ],
];

for (const [refusal, reply, why] of CASES) {
  test(`${JSON.stringify(refusal)} is '${reply}'`, () => {
    assert.equal(replyLine(recipientRefusal("ann@example.org", refusal)), reply);
    assert.equal(whyRefused(refusal), why);
  });
}
