import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { StartSignals } from "./start-signals.ts";

/** What has become of signals that came `before` there was anybody to take them, and `after`. */
function taken(before: readonly string[], after: readonly string[] = []): readonly string[] {
  const source = new EventEmitter();
  const signals = new StartSignals(source);
  signals.keepEnds();
  for (const signal of before) source.emit(signal);
  const calls: string[] = [];
  signals.areFor({ stop: () => calls.push("stop"), reload: () => calls.push("reload") });
  for (const signal of after) source.emit(signal);
  return calls;
}

for (const [before, after, calls] of [
  [[], [], []],
  [["SIGHUP"], [], ["reload"]],
  [["SIGHUP", "SIGHUP"], [], ["reload"]],
  [["SIGTERM"], [], ["stop"]],
  [["SIGINT"], [], ["stop"]],
  [["SIGHUP", "SIGTERM"], [], ["stop"]],
  [["SIGTERM", "SIGHUP"], [], ["stop"]],
  [[], ["SIGHUP", "SIGHUP", "SIGINT", "SIGTERM"], ["reload", "reload", "stop", "stop"]],
  [["SIGHUP"], ["SIGTERM"], ["reload", "stop"]],
] as const)
  test(`signals ${before.join(", ") || "none"}, then ${after.join(", ") || "none"}: ${calls.join(", ") || "nothing"}`, () => {
    assert.deepEqual(taken(before, after), calls);
  });

test("what ends a start is known before anybody takes it", async () => {
  const source = new EventEmitter();
  const signals = new StartSignals(source);
  signals.keepEnds();
  assert.equal(signals.isEnding, false);
  source.emit("SIGTERM");
  assert.equal(signals.isEnding, true);
  await signals.ending;
});
