import assert from "node:assert/strict";
import { test } from "node:test";
import { Observer } from "./observer.ts";

test("what is for level debug is written while the log is verbose", () => {
  const lines: string[] = [];
  const observer = new Observer((line, level) => lines.push(`${level}: ${line}`), false);
  const tell = (): void =>
    observer.observe({ kind: "ordered", evpids: ["5f2a1b3c00000001"], order: "scheduled" });
  tell();
  assert.deepEqual(lines, []);
  observer.verbose = true;
  tell();
  assert.deepEqual(lines, ["debug: debug: scheduled evpid=5f2a1b3c00000001"]);
});

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
