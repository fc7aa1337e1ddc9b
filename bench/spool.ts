/**
 * How fast the spool makes messages durable on this machine's disk: bin/node
 * bench/spool.ts [FOLDER]. Writers commit 4 KiB messages, each waiting for its
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
import type { Durability } from "#engine/spool/segment-writer.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeRandom } from "#world/node/random.ts";

const TEXT_BYTES = 4096;
/** What a record has beside its text, about. */
const HEAD_BYTES = 330;
const RUN_MS = 2000;
const RUNS = 5;
const WRITERS: readonly number[] = [1, 10, 50, 200];

/** "bare": the same bytes to one file, O_DSYNC, in groups; nothing is encoded or kept. */
type Way = Durability | "bare";
const WAYS: readonly Way[] = ["dsync", "fdatasync", "bare"];

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

async function spoolTarget(folder: string, durability: Durability): Promise<Target> {
  const opened = await openJournalSpool({
    files: nodeFiles(),
    clock: nodeClock(),
    random: nodeRandom(),
    observe: () => {},
    folder,
    durability,
  });
  if (opened.kind === "unusable") throw new Error(`Cannot measure: ${opened.reason}`);
  const { spool } = opened;
  const text = [new Uint8Array(TEXT_BYTES).fill(0x61)];
  return {
    close: () => spool.close(),
    async commit(msgid) {
      const envelopes = [envelope(msgid)];
      const entry = { kind: "accepted", message: message(msgid), envelopes, text } as const;
      const outcome = await spool.commit([entry]);
      if (outcome !== "durable") throw new Error(`Cannot measure: a message was ${outcome}`);
    },
  };
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

function envelope(msgid: string): Envelope {
  return {
    evpid: `${msgid}00000001`,
    forwardPath: "recipient@example.org",
    destination: "recipient@example.org",
    action: "outbound",
    transport: { kind: "mta" },
    rule: "/etc/mail/smtpd.conf:12",
    trail: [],
    terms: undefined,
    ttlMs: 345_600_000,
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
      fcrdns: "fail",
      tag: "",
      username: "",
      tls: undefined,
    },
    textBytes: TEXT_BYTES,
    is8bit: false,
    terms: undefined,
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
    const runs = new Map<Way, Run[]>(WAYS.map((way) => [way, []]));
    for (let run = 0; run < RUNS; run++) {
      for (const way of WAYS) {
        // A fresh folder each time, the old ones left: ext4 is slow beside files just deleted.
        const folder = mkdtempSync(join(parent, "run-"));
        const target = await (way === "bare" ? bareTarget(folder) : spoolTarget(folder, way));
        runs.get(way)?.push(await runWriters(target, writers));
      }
    }
    for (const way of WAYS) {
      const median = medianRun(runs.get(way) ?? []);
      if (median !== undefined) console.log(row(writers, way, median));
    }
  }
  rmSync(parent, { recursive: true });
}
