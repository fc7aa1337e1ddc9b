/**
 * How long a letter waits for its attempt behind a backlog for a server that never answers:
 * the queue alone, its spool in memory, in real time.
 *
 *   bin/node bench/fairness.ts [--backlog 100000] [--letters 500]
 *
 * Attempts for the dead server never end, those for others end at once. Each letter goes to a
 * domain of its own, one after another, by turns in a queue with the backlog and in an empty
 * one; what is measured is the time from `accept` to the attempt, and the turns of the event
 * loop that are taken for it are those of the daemon.
 */
import { parseArgs } from "node:util";
import type { Envelope } from "#model/envelope.ts";
import { createQueue, DEFAULT_QUEUE_SETTINGS, type Queue } from "#engine/queue/queue.ts";
import { RamSpool } from "#engine/spool/ram-spool.ts";
import { relayAction } from "#test/support/actions.ts";
import { localEnvelope, messageOf } from "#test/support/letters.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeRandom } from "#world/node/random.ts";

const DEAD = "dead.example";
const TEXT = Buffer.from("Subject: hello\r\n\r\nhello\r\n");
/** Sent before anything is measured. */
const WARM_UP = 200;
/** Messages that are being accepted at once. */
const AT_ONCE = 500;

const { values } = parseArgs({
  options: {
    backlog: { type: "string", default: "100000" },
    letters: { type: "string", default: "500" },
  },
});

interface Bench {
  readonly queue: Queue;
  /** By recipient, of those that wait for their attempt. */
  readonly awaited: Map<string, () => void>;
}

function start(): Bench {
  const awaited = new Map<string, () => void>();
  const queue = createQueue(
    {
      spool: new RamSpool(),
      clock: nodeClock(),
      random: nodeRandom(),
      routing: { resolve: () => ({ kind: "rejected", rule: "", why: "" }) },
      carrier: {
        attempt({ envelopes }) {
          if (isDead(envelopes)) return new Promise(() => undefined);
          for (const { destination } of envelopes) awaited.get(destination)?.();
          return Promise.resolve(envelopes.map(delivered));
        },
      },
      observe: () => undefined,
    },
    {
      ...DEFAULT_QUEUE_SETTINGS,
      serverName: "mx.example",
      actions: new Map([["out", relayAction("out")]]),
    },
  );
  return { queue, awaited };
}

function isDead(envelopes: readonly Envelope[]): boolean {
  return envelopes.some(({ destination }) => destination.endsWith(`@${DEAD}`));
}

function delivered({ evpid }: Envelope) {
  return { evpid, outcome: "delivered", status: "2.0.0", diagnostic: "", remote: "" } as const;
}

async function send(queue: Queue, to: string): Promise<void> {
  const [msgid] = queue.reserveMsgids(1);
  if (msgid === undefined) throw new Error("The queue gives no message id");
  const message = { ...messageOf(msgid), acceptedAtMs: Date.now(), textBytes: TEXT.length };
  const envelope: Envelope = {
    ...localEnvelope(msgid, "out", "x"),
    transport: { kind: "mta" },
    forwardPath: to,
    destination: to,
    ttlMs: 4 * 86_400_000,
  };
  const { kind } = await queue.accept(message, [envelope], [TEXT]);
  if (kind !== "accepted") throw new Error(`A message was ${kind}`);
}

/** Milliseconds from the begin of its acceptance to its attempt. */
async function waitMs({ queue, awaited }: Bench, to: string): Promise<number> {
  const attempted = Promise.withResolvers<void>();
  awaited.set(to, attempted.resolve);
  const startMs = performance.now();
  await send(queue, to);
  await attempted.promise;
  awaited.delete(to);
  return performance.now() - startMs;
}

async function fill({ queue }: Bench, count: number): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, at) => from + at);
    await Promise.all(some.map((number) => send(queue, `user${number}@${DEAD}`)));
  }
}

function row(name: string, waits: readonly number[]): string {
  const sorted = waits.toSorted((a, b) => a - b);
  const at = (part: number): string =>
    (sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN).toFixed(3);
  return `| ${name} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`;
}

const backlog = Number(values.backlog);
const loaded = start();
const empty = start();
await fill(loaded, backlog);
const waits: Readonly<Record<"loaded" | "empty", number[]>> = { loaded: [], empty: [] };
for (let number = 0; number < Number(values.letters) + WARM_UP; number++) {
  for (const [name, bench] of [
    ["loaded", loaded],
    ["empty", empty],
  ] as const) {
    const took = await waitMs(bench, `ann@small-${number}.example`);
    if (number >= WARM_UP) waits[name].push(took);
  }
}
process.stdout.write("| queue | ms to the attempt, p50 | p99 | most |\n|---|---|---|---|\n");
process.stdout.write(`${row("empty", waits.empty)}\n`);
process.stdout.write(`${row(`${backlog} due for a dead server`, waits.loaded)}\n`);
// Attempts that never end would keep it alive.
process.exit(0);
