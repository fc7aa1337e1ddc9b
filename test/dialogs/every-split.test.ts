/**
 * Every dialog against the engine in memory, with the client's bytes sent at once
 * and cut into pieces of every size: replies and stored messages must not depend
 * on how the bytes were split, or on the client waiting for replies.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import { SimResolver } from "#world/sim/resolver.ts";
import type { Dialog } from "#test/support/dialog.ts";
import { readDialogs } from "#test/support/dialog-files.ts";
import { checkReplies, checkStored } from "#test/support/dialog-outcome.ts";
import { startDialogServer, UNIX_ENDPOINT } from "#test/support/dialog-server.ts";
import { MemoryConnection } from "#test/support/memory-connection.ts";

/** Sizes up to this are all tried; of longer dialogs, sizes that are powers of two as well. */
const EVERY_SIZE_UP_TO = 200;
/** Dialogs with more bytes than this are sent in large pieces only. */
const LONG_DIALOG_BYTES = 4096;

for (const dialog of readDialogs()) {
  test(`${dialog.path} goes as written, wherever the client's bytes are split`, async () => {
    for (const pieceBytes of pieceSizes(dialog)) await play(dialog, pieceBytes);
  });
}

function pieceSizes(dialog: Dialog): readonly number[] {
  let length = 0;
  for (const turn of dialog.turns) if (turn.kind === "client") length += turn.wire.length;
  const isLong = length > LONG_DIALOG_BYTES;
  const sizes: number[] = [];
  if (!isLong)
    for (let size = 1; size <= Math.min(length, EVERY_SIZE_UP_TO); size++) sizes.push(size);
  for (let size = 256; size < length; size *= 2) sizes.push(size, size + 1);
  return [...sizes, Math.max(1, length)];
}

async function play(dialog: Dialog, pieceBytes: number): Promise<void> {
  const how = `pieces of ${pieceBytes} bytes`;
  const clock = new SimClock();
  const ports = { clock, random: new SimRandom(pieceBytes), resolver: new SimResolver() };
  const started = startDialogServer(dialog, ports);
  const remote =
    dialog.settings.get("via") === "unix"
      ? UNIX_ENDPOINT
      : ({ kind: "tcp", host: "192.0.2.7", port: 4025 } as const);
  const connection = new MemoryConnection(remote, started.listener.endpoint);
  started.accept(connection);
  for (const phase of phases(dialog)) {
    connection.feed(Buffer.from(phase.wire, "latin1"), pieceBytes);
    await clock.settle();
    await clock.advance(phase.thenMs);
  }
  checkReplies(dialog, connection.output, how);
  assert.equal(connection.isEnded, dialog.closes, `${dialog.path}: the server ends it (${how})`);
  connection.hangUp();
  await clock.settle();
  checkStored(dialog, started, how);
  await clock.runUntilIdle(1000);
  assert.equal(started.server.sessionCount, 0, `${dialog.path}: sessions left (${how})`);
  assert.equal(clock.pendingTimers, 0, `${dialog.path}: timers left (${how})`);
}

/** What the client sends between the moments at which time passes. */
function phases(dialog: Dialog): readonly { wire: string; thenMs: number }[] {
  const all = [{ wire: "", thenMs: 0 }];
  for (const turn of dialog.turns) {
    const last = all.at(-1);
    if (last === undefined) break;
    if (turn.kind === "client") last.wire += turn.wire;
    if (turn.kind === "time") {
      last.thenMs = turn.ms;
      all.push({ wire: "", thenMs: 0 });
    }
  }
  return all;
}
