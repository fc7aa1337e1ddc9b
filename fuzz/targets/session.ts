/**
 * Whole sessions, with the real server and driver in memory: whatever is sent and however
 * it is cut, replies are the same, in order and well-formed, the same messages are kept, and
 * nothing is left when the client has gone. The first octet chooses the server.
 */
import assert from "node:assert/strict";
import { SimClock } from "#world/sim/clock.ts";
import { SimRandom } from "#world/sim/random.ts";
import { SimResolver } from "#world/sim/resolver.ts";
import type { Dialog } from "#test/support/dialog.ts";
import { readDialogs } from "#test/support/dialog-files.ts";
import { startDialogServer, UNIX_ENDPOINT } from "#test/support/dialog-server.ts";
import { MemoryConnection } from "#test/support/memory-connection.ts";
import { COMMAND_WORDS } from "./commands.ts";
import { type FuzzTarget, sizesFor } from "#fuzz/target.ts";

type Settings = readonly (readonly [string, string])[];

const SERVERS: readonly Settings[] = [
  [
    ["max-message", "2000"],
    ["max-recipients", "5"],
  ],
  [
    ["via", "unix"],
    ["auth", "optional"],
    ["queue", "slow"],
  ],
  [
    ["protocol", "lmtp"],
    ["via", "unix"],
  ],
  [
    ["via", "unix"],
    ["auth", "required"],
    ["senders", "1"],
  ],
  [
    ["queue", "full"],
    ["no-dsn", ""],
  ],
];

/** Replies are compared at these sizes too; one octet at a time is for short ones. */
const MAX_SINGLE_OCTETS = 600;

export const session: FuzzTarget = {
  name: "session",
  words: COMMAND_WORDS,
  seeds: () =>
    readDialogs()
      .filter(({ config }) => config === undefined)
      .map(({ turns }) => turns.map((turn) => (turn.kind === "client" ? turn.wire : "")).join(""))
      .filter((wire) => wire.length < 2000)
      .map((wire, index) => `${String.fromCharCode(index % SERVERS.length)}${wire}`),
  run: async (input) => {
    const settings = SERVERS[(input[0] ?? 0) % SERVERS.length] ?? [];
    const wire = input.subarray(1);
    const whole = await play(settings, wire, Math.max(wire.length, 1));
    for (const line of whole.output.split("\r\n").slice(0, -1))
      assert.match(line, /^\d{3}[- ][ -~]*$/, "a reply is printable");
    assert.ok(whole.output === "" || whole.output.endsWith("\r\n"), "a reply ends");
    for (const size of sizesFor(wire)) {
      if (size === 1 && wire.length > MAX_SINGLE_OCTETS) continue;
      assert.deepEqual(await play(settings, wire, size), whole, `pieces of ${size}`);
    }
  },
};

interface Outcome {
  readonly output: string;
  readonly texts: readonly string[];
  readonly isEnded: boolean;
}

async function play(settings: Settings, wire: Buffer, size: number): Promise<Outcome> {
  const clock = new SimClock();
  const ports = { clock, random: new SimRandom(1), resolver: new SimResolver() };
  const dialog: Dialog = {
    path: "fuzz",
    config: undefined,
    settings: new Map(settings),
    turns: [],
    closes: false,
    stored: [],
  };
  const started = startDialogServer(dialog, ports);
  const isUnix = dialog.settings.get("via") === "unix";
  const remote = isUnix ? UNIX_ENDPOINT : ({ kind: "tcp", host: "192.0.2.7", port: 4025 } as const);
  const connection = new MemoryConnection(remote, started.listener.endpoint);
  started.accept(connection);
  connection.feed(wire, size);
  await clock.settle();
  const { output, isEnded } = connection;
  connection.hangUp();
  await clock.settle();
  await clock.runUntilIdle(1000);
  assert.equal(started.server.sessionCount, 0, "no session is left");
  assert.equal(clock.pendingTimers, 0, "no timer is left");
  assert.equal(started.intake.openCount, 0, "no submission is left open");
  // Ids are made up in the order in which messages and questions come.
  const texts = started.intake.kept.map(({ message, envelopes, text }) =>
    [
      message.reversePath,
      ...envelopes.map(({ destination }) => destination),
      withoutIds(text),
    ].join("\n"),
  );
  return { output: output.replace(/\b[0-9a-f]{8}\b/g, "(id)"), texts, isEnded };
}

/** Behind the trace header, which has ids. */
function withoutIds(text: Buffer): string {
  const trace = text.toString("latin1");
  return trace.slice(trace.search(/\r\n(?![ \t])/)).replace(/<[0-9a-f]{16}@/g, "<(id)@");
}
