/**
 * How fast the spool makes messages durable on this machine's disk: bin/node
 * bench/spool.ts [FOLDER]. Writers commit 4 KiB messages, each waiting for its
 * answer before the next; ways of syncing alternate, and the median run counts.
 *
 * The folder must be on the disk that is meant: a temporary folder may be memory.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournalSpool } from "#engine/spool/journal-spool.ts";
import type { Durability } from "#engine/spool/segment-writer.ts";
import type { Spool } from "#engine/spool/spool.ts";
import type { Message } from "#model/envelope.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeRandom } from "#world/node/random.ts";

const TEXT_BYTES = 4096;
const RUN_MS = 2000;
const RUNS = 5;
const WRITERS: readonly number[] = [1, 10, 50, 200];
const WAYS: readonly Durability[] = ["dsync", "fdatasync"];

interface Run {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuSecondsPer1000: number;
}

async function runWriters(folder: string, durability: Durability, writers: number): Promise<Run> {
  const opened = await openJournalSpool({
    files: nodeFiles(),
    clock: nodeClock(),
    random: nodeRandom(),
    observe: () => {},
    folder,
    durability,
  });
  if (opened.kind === "unusable") throw new Error(`Cannot measure: ${opened.reason}`);
  const tookMs: number[] = [];
  const startedCpu = process.cpuUsage();
  const startedAtMs = performance.now();
  const write = writer(opened.spool, startedAtMs + RUN_MS, tookMs);
  await Promise.all(Array.from({ length: writers }, (_, at) => write(at)));
  const tookSeconds = (performance.now() - startedAtMs) / 1000;
  const { user, system } = process.cpuUsage(startedCpu);
  await opened.spool.close();
  const sorted = tookMs.toSorted((a, b) => a - b);
  return {
    perSecond: sorted.length / tookSeconds,
    p50Ms: sorted[sorted.length >> 1] ?? 0,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    cpuSecondsPer1000: (user + system) / 1000 / sorted.length,
  };
}

/** A writer that accepts one message after the other; each is finished later, in the next commit. */
function writer(spool: Spool, untilMs: number, tookMs: number[]): (at: number) => Promise<void> {
  const text = new Uint8Array(TEXT_BYTES).fill(0x61);
  return async (at) => {
    for (let count = 1; performance.now() < untilMs; count++) {
      const msgid = ((at << 20) | count).toString(16).padStart(8, "0");
      const evpid = `${msgid}00000001`;
      const startedAtMs = performance.now();
      const outcome = await spool.commit([
        {
          kind: "accepted",
          message: message(msgid),
          envelopes: [
            {
              evpid,
              forwardPath: "recipient@example.org",
              destination: "recipient@example.org",
              action: "outbound",
              transport: { kind: "mta" },
              rule: "/etc/mail/smtpd.conf:12",
              ttlMs: 345_600_000,
            },
          ],
          text: [text],
        },
      ]);
      tookMs.push(performance.now() - startedAtMs);
      if (outcome !== "durable") throw new Error(`Cannot measure: a message was ${outcome}`);
    }
  };
}

function message(msgid: string): Message {
  return {
    msgid,
    acceptedAtMs: Date.now(),
    reversePath: "sender@example.com",
    origin: {
      kind: "smtp",
      address: "192.0.2.1",
      hostname: "client.example.com",
      helo: "client.example.com",
      tag: "",
      username: "",
    },
    textBytes: TEXT_BYTES,
    is8bit: false,
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
  const parent = mkdtempSync(join(process.argv[2] ?? tmpdir(), "spool-bench-"));
  console.log("| writers | way | commits/s | p50 ms | p99 ms | CPU s per 1000 |");
  console.log("|---|---|---|---|---|---|");
  for (const writers of WRITERS) {
    const runs = new Map<Durability, Run[]>(WAYS.map((way) => [way, []]));
    for (let run = 0; run < RUNS; run++) {
      // A fresh folder each time, the old ones left: ext4 is slow beside files just deleted.
      for (const way of WAYS) {
        runs.get(way)?.push(await runWriters(mkdtempSync(join(parent, "run-")), way, writers));
      }
    }
    for (const way of WAYS) {
      const median = medianRun(runs.get(way) ?? []);
      if (median !== undefined) console.log(row(writers, way, median));
    }
  }
  rmSync(parent, { recursive: true });
}
