import assert from "node:assert/strict";
import { test } from "node:test";
import type { ControlAnswer } from "#model/ipc/control-link.ts";
import { MAX_BLOCKS, type RelayBlock } from "#model/relay-report.ts";
import { RelayBlocks } from "./relay-blocks.ts";

function outcome(answer: ControlAnswer): string {
  assert.equal(answer.kind, "done");
  return answer.ok ? "ok" : answer.text;
}

test("a block is kept once, told whole, shown, and taken away by the words that made it", () => {
  const told: (readonly RelayBlock[])[] = [];
  const blocks = new RelayBlocks((all) => told.push(all));
  const one = { source: "192.0.2.1", domain: "Far.Example" };
  const all = { source: "2001:DB8::1", domain: "" };
  assert.equal(outcome(blocks.block(one)), "ok");
  assert.equal(outcome(blocks.block({ ...one, domain: "far.example" })), "already paused");
  assert.equal(outcome(blocks.block(all)), "ok");
  assert.deepEqual(told.at(-1), [
    { source: "192.0.2.1", domain: "far.example" },
    { source: "2001:db8::1", domain: "" },
  ]);
  const lines = [...blocks.rows()].map((row) => row.kind === "row" && row.line);
  assert.deepEqual(lines, ["192.0.2.1 -> far.example", "2001:db8::1 -> *"]);
  assert.equal(outcome(blocks.unblock({ source: "192.0.2.1", domain: "" })), "already running");
  assert.equal(outcome(blocks.unblock(one)), "ok");
  assert.deepEqual(told.at(-1), [{ source: "2001:db8::1", domain: "" }]);
  assert.equal(told.length, 3);
});

test("what no dispatcher could read is not taken, nor more than there may be", () => {
  const blocks = new RelayBlocks(() => undefined);
  const source = "192.0.2.1";
  assert.equal(outcome(blocks.block({ source: "mail", domain: "x" })), "no such address");
  assert.match(outcome(blocks.block({ source, domain: "x".repeat(5000) })), /too long/u);
  for (let at = 0; at < MAX_BLOCKS; at++) blocks.block({ source, domain: `d${at}` });
  assert.match(outcome(blocks.block({ source, domain: "more" })), /there are 1000 already/u);
});
