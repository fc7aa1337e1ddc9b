import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { test } from "node:test";
import { tellLines } from "./agent-log.ts";

/** What the log has of an agent that has written `pieces`. */
async function told(...pieces: readonly (string | Buffer)[]): Promise<readonly string[]> {
  const source = new PassThrough();
  const lines: string[] = [];
  tellLines(source, "agent ann", (line) => lines.push(line));
  for (const piece of pieces) {
    source.write(piece);
    await nextTurn();
  }
  source.end();
  await nextTurn();
  return lines;
}

test("an agent's lines are in the log under its name, with the level that they have", async () => {
  assert.deepEqual(await told("info: 12 smtp\nwarn: oh", " dear\n\n", "Error: at x\nno end"), [
    "info: agent ann: 12 smtp",
    "warn: agent ann: oh dear",
    "warn: agent ann: Error: at x",
    "warn: agent ann: no end",
  ]);
});

test("what a user writes by way of the agent moves no terminal, and is nobody else's line", async () => {
  const forged = "info: ready\rwarn: alert: root\x1b[2J\x9b\u202e\n";
  assert.deepEqual(await told(forged, Buffer.from([0xff, 0xfe, 0x0a])), [
    "info: agent ann: ready\\rwarn: alert: root\\033[2J\\302\\233\\342\\200\\256",
    "warn: agent ann: \ufffd\ufffd",
  ]);
});

test("a line without an end is cut, and not kept", async () => {
  const [line = "", ...others] = await told("x".repeat(60_000), "x".repeat(60_000), "\nshort\n");
  assert.ok(line.length < 1_100, `${line.length}`);
  assert.deepEqual(others, ["warn: agent ann: short"]);
});

test("of more lines than are told at once the last, unfinished, is still the start of what follows", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const source = new PassThrough();
  const lines: string[] = [];
  tellLines(source, "agent ann", (line) => lines.push(line));
  source.write(`${Array.from({ length: 60 }, (_, n) => `l${n}\n`).join("")}unfin`);
  await nextTurn();
  source.write("ished\n");
  t.mock.timers.tick(1_000);
  await nextTurn();
  assert.equal(lines.length, 51);
  assert.deepEqual(lines.slice(-2), ["warn: agent ann: l49", "warn: agent ann: unfinished"]);
});

test("who writes without end waits, and others may go on", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const source = new PassThrough();
  const lines: string[] = [];
  tellLines(source, "agent ann", (line) => lines.push(line));
  for (let n = 0; n < 500; n++) source.write("line\n".repeat(1000));
  await nextTurn();
  assert.equal(lines.length, 50);
  assert.equal(source.isPaused(), true);
  for (let second = 0; second < 3; second++) {
    t.mock.timers.tick(1_000);
    await nextTurn();
  }
  assert.equal(lines.length, 200);
});
