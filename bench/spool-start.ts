/**
 * What a backlog costs the spool: bin/node bench/spool-start.ts [COUNT …] [--folder FOLDER].
 * Accepts and defers COUNT messages of 1 KiB, closes, opens again, and hands all of them
 * over as the queue takes them: by the checkpoint, and from the whole journal.
 */
import { mkdtempSync, rmSync, statSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openJournalSpool } from "#engine/spool/journal-spool.ts";
import type { Spool, SpoolEntry } from "#engine/spool/spool.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeRandom } from "#world/node/random.ts";
import { storedEnvelope, storedMessage } from "./stored-mail.ts";

const COUNTS: readonly number[] = [10_000, 100_000, 1_000_000];
const TEXT_BYTES = 1024;
/** Batches that wait at a time. */
const WRITERS = 500;

async function open(folder: string): Promise<Spool> {
  const opened = await openJournalSpool({
    files: nodeFiles(),
    clock: nodeClock(),
    random: nodeRandom(),
    observe: (event) => {
      if (event.kind === "spool-damage" || event.kind === "spool-trouble") console.error(event);
    },
    folder,
  });
  if (opened.kind === "unusable") throw new Error(`Cannot measure: ${opened.reason}`);
  return opened.spool;
}

/** Commits entries of `count` messages, many at a time; returns the CPU seconds for 1000 of them. */
async function commitAll(
  spool: Spool,
  count: number,
  entryOf: (number: number) => SpoolEntry,
): Promise<number> {
  let next = 1;
  const before = process.cpuUsage();
  const write = async (): Promise<void> => {
    for (let number = next++; number <= count; number = next++) {
      const outcome = await spool.commit([entryOf(number)]);
      if (outcome !== "durable") throw new Error(`Cannot measure: a batch was ${outcome}`);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / count;
}

function accepted(number: number): SpoolEntry {
  const msgid = number.toString(16).padStart(8, "0");
  const text = [new Uint8Array(TEXT_BYTES).fill(0x61)];
  const message = { ...storedMessage(msgid, TEXT_BYTES), reversePath: `user${number}@example.com` };
  return { kind: "accepted", message, envelopes: [storedEnvelope(msgid)], text };
}

function deferred(number: number): SpoolEntry {
  const { evpid } = storedEnvelope(number.toString(16).padStart(8, "0"));
  const diagnostic = `connect to mx${number % 977}.example.org[192.0.2.${number % 251}]:25: Connection timed out`;
  const result = { evpid, outcome: "deferred", status: "4.4.1", diagnostic, remote: "" } as const;
  const atMs = Date.now();
  return {
    kind: "deferred",
    evpid,
    atMs,
    retryCount: 1,
    nextTryAtMs: atMs + 400_000,
    warnedMs: 0,
    result,
  };
}

/** CPU seconds: on a machine that has other work, what a clock says means little. */
interface Start {
  readonly openSeconds: number;
  readonly walkSeconds: number;
  readonly megabytes: number;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function memoryBytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function start(folder: string, count: number): Promise<Start> {
  const before = memoryBytes();
  const openedAt = cpuSeconds();
  const spool = await open(folder);
  const walkedAt = cpuSeconds();
  let messages = 0;
  for await (const some of spool.recovered()) messages += some.length;
  const doneAt = cpuSeconds();
  if (messages !== count) throw new Error(`Cannot measure: ${messages} of ${count} came back`);
  const megabytes = (memoryBytes() - before) / 1e6;
  await spool.close();
  return { openSeconds: walkedAt - openedAt, walkSeconds: doneAt - walkedAt, megabytes };
}

async function measure(parent: string, count: number): Promise<void> {
  const folder = mkdtempSync(join(parent, "run-"));
  const spool = await open(folder);
  const accepting = await commitAll(spool, count, accepted);
  const deferring = await commitAll(spool, count, deferred);
  const closedAt = cpuSeconds();
  await spool.close();
  const closeSeconds = cpuSeconds() - closedAt;
  const checkpoint = join(folder, "checkpoint");
  const { size } = statSync(checkpoint);
  const by = await start(folder, count);
  unlinkSync(checkpoint);
  const without = await start(folder, count);
  const cells = [
    count,
    (accepting * 1000).toFixed(0),
    (deferring * 1000).toFixed(0),
    closeSeconds.toFixed(2),
    (size / 1e6).toFixed(1),
    by.openSeconds.toFixed(2),
    by.walkSeconds.toFixed(2),
    (without.openSeconds + without.walkSeconds).toFixed(2),
    ((by.megabytes * 1e6) / count).toFixed(0),
  ];
  console.log(`| ${cells.join(" | ")} |`);
  rmSync(folder, { recursive: true });
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { folder: { type: "string", default: tmpdir() } },
    allowPositionals: true,
  });
  const parent = mkdtempSync(join(values.folder, "spool-start-"));
  const columns = [
    "messages",
    "accept, µs",
    "defer, µs",
    "close, s",
    "checkpoint, MB",
    "open, s",
    "hand over, s",
    "both without checkpoint, s",
    "memory, bytes each",
  ];
  console.log(`| ${columns.join(" | ")} |\n|${" ---: |".repeat(columns.length)}`);
  const counts = positionals.length > 0 ? positionals.map(Number) : COUNTS;
  for (const count of counts) await measure(parent, count);
  rmSync(parent, { recursive: true });
}
