import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { LineWriter, streamSink } from "./line-writer.ts";
import { closeLog, type LogTarget, writeLine } from "./log-target.ts";

test("a line goes to a descriptor at once", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "postrider-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const fd = openSync(join(folder, "log"), "w");
  writeLine({ kind: "descriptor", fd }, "info: one");
  writeLine({ kind: "descriptor", fd }, "info: two");
  closeSync(fd);
  assert.equal(readFileSync(join(folder, "log"), "utf8"), "info: one\ninfo: two\n");
});

test("a descriptor that takes nothing costs the line, not the daemon", () => {
  assert.doesNotThrow(() => writeLine({ kind: "descriptor", fd: 9_999 }, "nobody reads this"));
});

test("closing lets what waits be written first", async () => {
  const stream = new PassThrough();
  const target: LogTarget = {
    kind: "lines",
    lines: new LineWriter(streamSink(stream)),
    close: () => void stream.end(),
  };
  writeLine(target, "info: one");
  writeLine(target, "info: Exiting");
  const [written] = await Promise.all([stream.toArray(), closeLog(target)]);
  assert.equal(Buffer.concat(written).toString(), "info: one\ninfo: Exiting\n");
});
