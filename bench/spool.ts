/**
 * How fast the spool makes messages durable on this machine's disk: bin/node
 * bench/spool.ts [FOLDER [storage]]. Writers commit 4 KiB messages, each waiting for its
 * answer before the next; ways of syncing alternate, and the median run counts.
 * "bare" is what this disk can do at that moment: only ratios in one run mean much.
 *
 * The folder must be on the disk that is meant: a temporary folder may be memory.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GroupCommit } from "#engine/spool/group-commit.ts";
import { openJournalSpool } from "#engine/spool/journal-spool.ts";
import { Keyring } from "#engine/spool/queue-keys.ts";
import type { Durability } from "#engine/spool/segment-writer.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeRandom } from "#world/node/random.ts";
import { storedEnvelope, storedMessage } from "./stored-mail.ts";

const TEXT_BYTES = 4096;
/** What a record has beside its text, about. */
const HEAD_BYTES = 330;
const RUN_MS = 2000;
const RUNS = 5;
const WRITERS: readonly number[] = [1, 10, 50, 200];

/** With `storage` as the second argument: ways of storing instead of ways of syncing. */
type Storage = "plain" | "zstd" | "gzip" | "encrypted" | "zstd and encrypted";
/** "bare": the same bytes to one file, O_DSYNC, in groups; nothing is encoded or kept. */
type Way = Durability | Storage | "bare";
const SYNCS: readonly Way[] = ["dsync", "fdatasync", "bare"];
const STORAGES: readonly Way[] = ["plain", "zstd", "gzip", "encrypted", "zstd and encrypted"];

/** Something that makes messages durable, one for each call. */
interface Target {
  commit(msgid: string): Promise<void>;
  close(): Promise<void>;
}

interface Run {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuSecondsPer1000: number;
}

async function runWriters(target: Target, writers: number): Promise<Run> {
  const tookMs: number[] = [];
  const startedCpu = process.cpuUsage();
  const startedAtMs = performance.now();
  const write = async (at: number): Promise<void> => {
    for (let count = 1; performance.now() < startedAtMs + RUN_MS; count++) {
      const committedAtMs = performance.now();
      await target.commit(((at << 20) | count).toString(16).padStart(8, "0"));
      tookMs.push(performance.now() - committedAtMs);
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, at) => write(at)));
  const tookSeconds = (performance.now() - startedAtMs) / 1000;
  const { user, system } = process.cpuUsage(startedCpu);
  await target.close();
  const sorted = tookMs.toSorted((a, b) => a - b);
  return {
    perSecond: sorted.length / tookSeconds,
    p50Ms: sorted[sorted.length >> 1] ?? 0,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    cpuSecondsPer1000: (user + system) / 1000 / sorted.length,
  };
}

const QUEUE_KEY = "0123456789abcdef0123456789abcdef";

async function spoolTarget(folder: string, way: Exclude<Way, "bare">): Promise<Target> {
  const isEncrypted = way === "encrypted" || way === "zstd and encrypted";
  const opened = await openJournalSpool({
    files: nodeFiles(),
    clock: nodeClock(),
    random: nodeRandom(),
    observe: () => {},
    folder,
    durability: way === "fdatasync" ? "fdatasync" : "dsync",
    compression: compressionOf(way),
    keys: new Keyring(isEncrypted ? [QUEUE_KEY] : []),
  });
  if (opened.kind === "unusable") throw new Error(`Cannot measure: ${opened.reason}`);
  const { spool } = opened;
  const text = [letter()];
  return {
    close: () => spool.close(),
    async commit(msgid) {
      const envelopes = [storedEnvelope(msgid)];
      const entry = {
        kind: "accepted",
        message: storedMessage(msgid, TEXT_BYTES),
        envelopes,
        text,
      } as const;
      const outcome = await spool.commit([entry]);
      if (outcome !== "durable") throw new Error(`Cannot measure: a message was ${outcome}`);
    },
  };
}

function compressionOf(way: Way): "off" | "zstd" | "gzip" {
  if (way === "gzip") return "gzip";
  return way === "zstd" || way === "zstd and encrypted" ? "zstd" : "off";
}

/** Words in no order, which compress about as mail does. */
function letter(): Uint8Array {
  const words = "the of and queue message to from sender a in is that host retry".split(" ");
  let text = "";
  for (let at = 0; text.length < TEXT_BYTES; at = (at * 1_103_515_245 + 12_345) % 0x7fff_ffff)
    text += `${words[at % words.length]} ${(at % 1000).toString(36)} `;
  return new TextEncoder().encode(text.slice(0, TEXT_BYTES));
}

async function bareTarget(folder: string): Promise<Target> {
  const file = await nodeFiles().open(`${folder}/bare`, "create-dsync");
  const chunks = [new Uint8Array(HEAD_BYTES), new Uint8Array(TEXT_BYTES).fill(0x61)];
  const bytes = HEAD_BYTES + TEXT_BYTES;
  let offset = 0;
  const group = new GroupCommit<{ readonly bytes: number; readonly settle: () => void }>(
    async (jobs) => {
      const from = offset;
      offset += jobs.length * bytes;
      await file.write(
        jobs.flatMap(() => chunks),
        from,
      );
      for (const { settle } of jobs) settle();
    },
  );
  return {
    close: () => file.close(),
    commit: () =>
      new Promise((resolve) => {
        group.add({ bytes, settle: resolve });
      }),
  };
}

function medianRun(runs: readonly Run[]): Run | undefined {
  return runs.toSorted((a, b) => a.perSecond - b.perSecond)[runs.length >> 1];
}

function row(writers: number, way: string, run: Run): string {
  const { perSecond, p50Ms, p99Ms, cpuSecondsPer1000 } = run;
  const cells = [writers, way, Math.round(perSecond), p50Ms.toFixed(2), p99Ms.toFixed(2)];
  return `| ${[...cells, cpuSecondsPer1000.toFixed(3)].join(" | ")} |`;
}

if (import.meta.main) {
  const ways = process.argv[3] === "storage" ? STORAGES : SYNCS;
  const parent = mkdtempSync(join(process.argv[2] ?? tmpdir(), "spool-bench-"));
  console.log("| writers | way | commits/s | p50 ms | p99 ms | CPU s per 1000 |");
  console.log("|---|---|---|---|---|---|");
  for (const writers of WRITERS) {
    const runs = new Map<Way, Run[]>(ways.map((way) => [way, []]));
    for (let run = 0; run < RUNS; run++) {
      for (const way of ways) {
        // A fresh folder each time, the old ones left: ext4 is slow beside files just deleted.
        const folder = mkdtempSync(join(parent, "run-"));
        const target = await (way === "bare" ? bareTarget(folder) : spoolTarget(folder, way));
        runs.get(way)?.push(await runWriters(target, writers));
      }
    }
    for (const way of ways) {
      const median = medianRun(runs.get(way) ?? []);
      if (median !== undefined) console.log(row(writers, way, median));
    }
  }
  rmSync(parent, { recursive: true });
}
