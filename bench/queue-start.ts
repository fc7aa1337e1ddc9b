/**
 * What the queue spends on a start: bin/node bench/queue-start.ts [COUNT …] [--folder FOLDER].
 * Fills a spool with COUNT messages that wait (waiting-mail.ts), then opens it and has a queue
 * take all of them up, as the process `queue` does, but with no other process around it. With
 * `--spool FOLDER` it starts on a spool that is there, and leaves it there.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createQueue, DEFAULT_QUEUE_SETTINGS } from "#engine/queue/queue.ts";
import { openJournalSpool } from "#engine/spool/journal-spool.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeRandom } from "#world/node/random.ts";
import { fillSpool } from "./waiting-mail.ts";

const COUNTS: readonly number[] = [10_000, 100_000, 1_000_000];

async function measure(folder: string): Promise<void> {
  const ports = { clock: nodeClock(), random: nodeRandom(), observe: () => undefined };
  const startedMs = performance.now();
  const openedAt = cpuSeconds();
  const opened = await openJournalSpool({ ...ports, files: nodeFiles(), folder });
  if (opened.kind === "unusable") throw new Error(`Cannot measure: ${opened.reason}`);
  const { spool } = opened;
  const openSeconds = cpuSeconds() - openedAt;
  const queue = createQueue(
    { ...ports, spool, routing: { resolve: refuse }, carrier: { attempt: refuse } },
    {
      ...DEFAULT_QUEUE_SETTINGS,
      serverName: "mx.example",
      actions: new Map(),
      paused: ["mta", "mda"],
    },
  );
  const takenUpAt = cpuSeconds();
  await queue.recover();
  const takeUpSeconds = cpuSeconds() - takenUpAt;
  const wallSeconds = (performance.now() - startedMs) / 1000;
  const count = queue.gauges().find(({ name }) => name === "scheduler.envelope")?.value ?? 0;
  const each = ((openSeconds + takeUpSeconds) * 1e6) / count;
  const { rss, heapTotal, arrayBuffers } = process.memoryUsage();
  const cells = [
    count,
    openSeconds.toFixed(2),
    takeUpSeconds.toFixed(2),
    each.toFixed(2),
    wallSeconds.toFixed(2),
    ...[rss, heapTotal, arrayBuffers].map((bytes) => Math.round(bytes / 1e6)),
  ];
  console.log(`| ${cells.join(" | ")} |`);
  await queue.stop();
}

function refuse(): never {
  throw new Error("Cannot measure: a message was due");
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { folder: { type: "string", default: tmpdir() }, spool: { type: "string" } },
    allowPositionals: true,
  });
  const columns = [
    "waiting",
    "open, CPU s",
    "take up, CPU s",
    "µs each",
    "clock s",
    "RSS MB",
    "heap MB",
    "arrays MB",
  ];
  console.log(`| ${columns.join(" | ")} |\n|${" ---: |".repeat(columns.length)}`);
  if (values.spool !== undefined) await measure(values.spool);
  else {
    const counts = positionals.length > 0 ? positionals.map(Number) : COUNTS;
    for (const count of counts) {
      const folder = mkdtempSync(join(values.folder, "queue-start-"));
      await fillSpool(folder, count);
      await measure(folder);
      rmSync(folder, { recursive: true });
    }
  }
}
