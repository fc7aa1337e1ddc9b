/**
 * Every dialog over real sockets of this machine, TCP on loopback or UNIX-domain.
 * Dialogs in which time passes are left to the simulated network, by name.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Endpoint } from "#base/endpoint.ts";
import { SimResolver } from "#world/sim/resolver.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { nodeRandom } from "#world/node/random.ts";
import type { Dialog } from "#test/support/dialog.ts";
import { DialogClient } from "#test/support/dialog-client.ts";
import { readDialogs } from "#test/support/dialog-files.ts";
import { checkReplies, checkStored } from "#test/support/dialog-outcome.ts";
import { startDialogServer } from "#test/support/dialog-server.ts";

for (const dialog of readDialogs()) {
  const skip = dialog.turns.some((turn) => turn.kind === "time") && "waits for minutes";
  test(`${dialog.path} goes as written over real sockets`, { skip }, () => play(dialog));
}

async function play(dialog: Dialog): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "postrider-dialog-"));
  const network = nodeNetwork();
  const ports = { clock: nodeClock(), random: nodeRandom(), resolver: new SimResolver() };
  const started = startDialogServer(dialog, ports);
  const wanted: Endpoint =
    dialog.settings.get("via") === "unix"
      ? { kind: "unix", path: join(folder, "smtp.sock") }
      : { kind: "tcp", host: "127.0.0.1", port: 0 };
  const listening = await network.listen(wanted, (connection) => started.accept(connection));
  if ("code" in listening) assert.fail(`Cannot listen: ${listening.message}`);
  try {
    const opened = await network.connect(listening.endpoint, { timeoutMs: 5000 });
    if ("code" in opened) assert.fail(`Cannot connect: ${opened.message}`);
    const client = new DialogClient(opened);
    await client.play(dialog, async () => {});
    checkReplies(dialog, client.received, "real sockets");
    assert.equal(client.isClosed, dialog.closes, `${dialog.path}: the server ends it`);
    client.leave();
    await started.server.shutdown();
    checkStored(dialog, started, "real sockets");
  } finally {
    listening.close();
    await rm(folder, { recursive: true, force: true });
  }
}
