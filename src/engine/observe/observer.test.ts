import assert from "node:assert/strict";
import { test } from "node:test";
import { Observer } from "./observer.ts";

test("an event is both written and counted", () => {
  const lines: string[] = [];
  const observer = new Observer((line, level) => lines.push(`${level}: ${line}`), false);
  const { observe } = observer;
  observe({ kind: "warning", text: "the disk is nearly full" });
  observer.count("queue.held", 2);
  assert.deepEqual(lines, ["warn: warn: the disk is nearly full"]);
  assert.deepEqual(observer.counters(), [
    { name: "log.warning", value: 1 },
    { name: "queue.held", value: 2 },
  ]);
});
