import assert from "node:assert/strict";
import { test } from "node:test";
import { Blocks } from "./blocks.ts";

test("a block is about one source and one domain, or all domains", () => {
  const blocks = new Blocks();
  blocks.set([
    { source: "192.0.2.7", domain: "Slow.example" },
    { source: "2001:db8::7", domain: "" },
  ]);
  const cases = [
    ["192.0.2.7", "slow.example", true],
    ["192.0.2.7", "other.example", false],
    ["192.0.2.8", "slow.example", false],
    ["2001:db8:0:0::7", "other.example", true],
    ["", "slow.example", false],
  ] as const;
  for (const [source, domain, isBlocked] of cases) {
    assert.equal(blocks.has(source, domain), isBlocked, `${source} for ${domain}`);
  }
  blocks.set([]);
  assert.equal(blocks.has("192.0.2.7", "slow.example"), false);
});
