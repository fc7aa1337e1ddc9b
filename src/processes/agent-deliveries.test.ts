import assert from "node:assert/strict";
import { test } from "node:test";
import type { Files } from "#base/ports/files.ts";
import { EMPTY_SLICE } from "#test/support/empty-slice.ts";
import { Observer } from "#engine/observe/observer.ts";
import { SimCommands } from "#world/sim/commands.ts";
import { SimWorld } from "#world/sim/world.ts";
import { configOf } from "#test/support/config-of.ts";
import { localEnvelope, taskOf } from "#test/support/letters.ts";
import { parentLink } from "#test/support/parent-link.ts";
import { AgentDeliveries } from "./agent-deliveries.ts";
import { WarrantAsker } from "./warrant-asker.ts";

const CONFIG = configOf('action "own" maildir', 'match from any for any action "own"');

/** An agent, and how often its deliveries have opened a file in which way. */
function newAgent(): { deliveries: AgentDeliveries; world: SimWorld; opened: Map<string, number> } {
  const world = new SimWorld(1);
  world.disk.plantFolder("/home/ann");
  const opened = new Map<string, number>();
  const counted = (name: string): Files => {
    const files = world.disk.files();
    return {
      ...files,
      open(path, mode, permissions) {
        if (mode !== "read") opened.set(name, (opened.get(name) ?? 0) + 1);
        return files.open(path, mode, permissions);
      },
    };
  };
  const { clock, random, resolver, network } = world;
  const deliveries = new AgentDeliveries(
    {
      ports: {
        files: world.disk.files(),
        clock,
        random,
        resolver,
        network,
        defer: (run) => void clock.after(0, run),
        arrived: async () => undefined,
      },
      slice: EMPTY_SLICE,
      config: CONFIG,
      parent: parentLink(),
      observer: new Observer(() => undefined, false),
      hostname: "h",
      home: "/home/ann",
      uid: 1001,
      end: () => undefined,
    },
    {
      commands: new SimCommands(clock),
      filesAtOnce: counted("at once"),
      filesTogether: counted("together"),
      pid: 1,
    },
    new WarrantAsker(clock, () => undefined),
  );
  return { deliveries, world, opened };
}

for (const [count, way] of [
  [1, "at once"],
  [2, "together"],
  [7, "together"],
] as const) {
  test(`of ${count} deliveries that come in one turn the files are written ${way}`, async () => {
    const { deliveries, world, opened } = newAgent();
    const attempts = Array.from({ length: count }, (_, index) =>
      deliveries.attempt(taskOf(localEnvelope(`0000000${index}`, "own", "ann"))),
    );
    const results = await world.clock.runUntilSettled(Promise.all(attempts), 1000);
    assert.deepEqual(
      results.flat().map(({ outcome }) => outcome),
      attempts.map(() => "delivered"),
    );
    assert.deepEqual([...opened.keys()], [way]);
  });
}

test("a delivery that comes when others have ended is alone again", async () => {
  const { deliveries, world, opened } = newAgent();
  for (const msgid of ["0000000a", "0000000b"]) {
    const attempt = deliveries.attempt(taskOf(localEnvelope(msgid, "own", "ann")));
    await world.clock.runUntilSettled(attempt, 1000);
  }
  assert.deepEqual([...opened.keys()], ["at once"]);
});
