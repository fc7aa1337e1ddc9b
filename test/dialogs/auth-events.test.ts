/** What is told of sessions that authenticate holds nothing that a client has shown (AUTH-12). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import { SimResolver } from "#world/sim/resolver.ts";
import { readDialogs } from "#test/support/dialog-files.ts";
import { startDialogServer, UNIX_ENDPOINT } from "#test/support/dialog-server.ts";
import { MemoryConnection } from "#test/support/memory-connection.ts";

const AUTH_DIALOGS = readDialogs().filter(({ path }) => path.startsWith("auth/"));

for (const dialog of AUTH_DIALOGS) {
  test(`${dialog.path}: no event has a response in it`, async () => {
    const clock = new SimClock();
    const ports = { clock, random: new SimRandom(1), resolver: new SimResolver() };
    const { accept, listener, events } = startDialogServer(dialog, ports);
    const connection = new MemoryConnection(UNIX_ENDPOINT, listener.endpoint);
    accept(connection);
    const wires = dialog.turns.flatMap((turn) => (turn.kind === "client" ? [turn.wire] : []));
    for (const wire of wires) {
      connection.feed(Buffer.from(wire, "latin1"), wire.length);
      await clock.advance(2000);
    }
    connection.hangUp();
    await clock.settle();
    const told = JSON.stringify(events);
    for (const wire of wires) {
      const response = /^AUTH \S+ (\S{8,})|^([A-Za-z0-9+/=]{8,})\r\n$/iu.exec(wire);
      const secret = response?.[1] ?? response?.[2] ?? "";
      if (secret !== "") assert.ok(!told.includes(secret), secret);
    }
  });
}
