/** Records that a domain has in the DNS of who may send in its name: a meaning, or what is wrong. */
import assert from "node:assert/strict";
import { parseDkimKey } from "#protocols/sender-records/dkim-key.ts";
import { parseDmarc } from "#protocols/sender-records/dmarc-record.ts";
import { parseSpf } from "#protocols/sender-records/spf-record.ts";
import type { FuzzTarget } from "#fuzz/target.ts";

export const senderRecords: FuzzTarget = {
  name: "sender-records",
  words: [
    "v=spf1 ",
    "ip4:",
    "ip6:",
    "a/",
    "//",
    "include:",
    "redirect=",
    "%{i}",
    "v=DMARC1;",
    "p=",
    "k=",
    ";",
    "\n",
  ],
  seeds: () => [
    "v=spf1 a mx/24//64 ip4:192.0.2.0/24 include:a.example -all",
    "v=DMARC1; p=reject; rua=mailto:a@b.example",
    "v=DKIM1; k=ed25519; p=AAAA",
  ],
  run: (input) => {
    const texts = input.toString("utf8").split("\n");
    for (const parse of [parseSpf, parseDmarc, parseDkimKey])
      assert.equal(typeof parse(texts).kind, "string");
  },
};
