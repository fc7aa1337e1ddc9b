/**
 * One run: a peer started afresh on an empty queue, one scenario's load, and what it
 * cost. Costs are those of the server's processes alone.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { unreachable } from "#base/unreachable.ts";
import { freePort } from "#test/interop/greeting.ts";
import { certify } from "#test/support/certificates.ts";
import { slowestGreetingMs } from "./greeting-time.ts";
import { holdSessions, loaderFor, runLoad, Sink } from "./load.ts";
import type { CertificateFiles, Fate, Peer, RunningPeer } from "./peer.ts";
import { cpuSeconds, processTree, pssBytes } from "./process-tree.ts";
import { type LoaderName, localPartsOf, type Scenario } from "./scenarios.ts";
import { emptyHomes, systemUsers } from "./system-users.ts";

/** What one run measured; undefined where the scenario or the loader has no such number. */
export interface Measurement {
  readonly messagesPerSecond: number | undefined;
  readonly cpuSecondsPer1000: number | undefined;
  readonly peakMegabytes: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Until each recipient had its first messages. */
  readonly firstSeconds: number | undefined;
  /** The slowest of the clients that came while all sessions were open. */
  readonly greetingMs: number | undefined;
}

const SAMPLE_EVERY_MS = 500;
/** Looking at the memory of a process costs some milliseconds: with a hundred, at the end alone. */
const MAX_SAMPLED_PROCESSES = 40;
const DRAIN_POLL_MS = 20;
const MAX_DRAIN_POLL_MS = 1000;
const DRAIN_WITHIN_MS = 120_000;
/** What idle sessions may still be doing just after the last greeting. */
const SETTLE_MS = 1500;
/** Clients that come, one after the other, while all sessions are open. */
const NEW_CLIENTS = 200;
/** All servers of all runs show the same. */
const CERTIFICATE = certify({ subject: "peer.bench.example", dns: ["peer.bench.example"] });

export interface RunPlan {
  readonly peer: Peer;
  readonly scenario: Scenario;
  readonly loader: LoaderName | undefined;
  /** Made by the run; what it leaves there stays. */
  readonly folder: string;
}

export async function measure(plan: RunPlan): Promise<Measurement> {
  const { peer, scenario, folder } = plan;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const sinkPort = await freePort();
  const sink = await openSink(scenario, sinkPort);
  const port = await freePort();
  const fate = fateOf(scenario, folder, sinkPort);
  const tls = scenario.tls ? writeCertificate(folder) : undefined;
  const running = await peer.start({ folder, port, fate, sessions: scenario.sessions, tls });
  try {
    if (scenario.messages === 0) return await measureIdle(running, scenario, port);
    const delivered = deliveredCounter(fate, sink);
    return await measureLoad(running, { plan, port, delivered });
  } finally {
    await running.stop();
    await sink?.close();
  }
}

interface LoadRun {
  readonly plan: RunPlan;
  readonly port: number;
  /** Messages that arrived at their end; undefined if acknowledgement is the end. */
  readonly delivered: (() => number) | undefined;
}

async function measureLoad(running: RunningPeer, run: LoadRun): Promise<Measurement> {
  const { plan, port, delivered } = run;
  const { scenario } = plan;
  const load = loaderFor(scenario, plan.loader);
  let peakBytes = 0;
  const sampler = setInterval(() => {
    if (processTree(running.pid).length > MAX_SAMPLED_PROCESSES) return;
    peakBytes = Math.max(peakBytes, pssBytes(running.pid));
  }, SAMPLE_EVERY_MS);
  const firsts = scenario.firstEach * scenario.users;
  try {
    let firstSeconds: number | undefined;
    if (firsts > 0 && delivered !== undefined) {
      const beganMs = performance.now();
      await runLoad({ ...scenario, messages: firsts }, port, load);
      await drained(delivered, firsts);
      firstSeconds = (performance.now() - beganMs) / 1000;
    }
    const cpuBefore = cpuSeconds(running.pid);
    const startedMs = performance.now();
    const loaded = await runLoad(scenario, port, load);
    if (delivered !== undefined) await drained(delivered, firsts + scenario.messages);
    const seconds = (performance.now() - startedMs) / 1000;
    const cpu = cpuSeconds(running.pid) - cpuBefore;
    peakBytes = Math.max(peakBytes, pssBytes(running.pid));
    return {
      messagesPerSecond: scenario.messages / seconds,
      cpuSecondsPer1000: (cpu * 1000) / scenario.messages,
      peakMegabytes: peakBytes / 1e6,
      p50Ms: loaded?.p50Ms,
      p99Ms: loaded?.p99Ms,
      firstSeconds,
      greetingMs: undefined,
    };
  } finally {
    clearInterval(sampler);
  }
}

async function measureIdle(
  running: RunningPeer,
  scenario: Scenario,
  port: number,
): Promise<Measurement> {
  const close = await holdSessions(scenario, port);
  await pause(SETTLE_MS);
  const peakMegabytes = pssBytes(running.pid) / 1e6;
  const greetingMs = await slowestGreetingMs(port, NEW_CLIENTS);
  await close();
  return {
    messagesPerSecond: undefined,
    cpuSecondsPer1000: undefined,
    peakMegabytes,
    p50Ms: undefined,
    p99Ms: undefined,
    firstSeconds: undefined,
    greetingMs,
  };
}

function writeCertificate(folder: string): CertificateFiles {
  const files = { certificate: `${folder}/peer.crt`, key: `${folder}/peer.key` };
  writeFileSync(files.certificate, CERTIFICATE.certificate, { mode: 0o644 });
  writeFileSync(files.key, CERTIFICATE.key, { mode: 0o600 });
  return files;
}

/**
 * Counting the files of a Maildir takes a core some milliseconds, and deliveries wait for the folder
 * meanwhile: it is looked again when half of what is left should be there.
 */
async function drained(delivered: () => number, messages: number): Promise<void> {
  const startedMs = performance.now();
  const before = delivered();
  for (let count = before; count < messages; count = delivered()) {
    const tookMs = performance.now() - startedMs;
    if (tookMs > DRAIN_WITHIN_MS) {
      throw new Error(`Cannot see the end: ${count} of ${messages} messages arrived`);
    }
    const halfLeftMs = count > before ? ((messages - count) * tookMs) / (count - before) / 2 : 0;
    await pause(Math.min(Math.max(halfLeftMs, DRAIN_POLL_MS), MAX_DRAIN_POLL_MS));
  }
}

function fateOf(scenario: Scenario, folder: string, sinkPort: number): Fate {
  switch (scenario.fate) {
    case "kept":
      return { kind: "kept" };
    case "relayed":
      return { kind: "relayed", port: sinkPort, outgoing: scenario.outgoing };
    case "lmtp":
      return { kind: "lmtp", port: sinkPort, users: localPartsOf(scenario) };
    case "maildir":
      return { kind: "maildir", folder: `${folder}/mail`, users: localPartsOf(scenario) };
    case "homes":
      emptyHomes();
      return { kind: "homes", users: systemUsers() };
    default:
      return unreachable(scenario.fate);
  }
}

function deliveredCounter(fate: Fate, sink: Sink | undefined): (() => number) | undefined {
  switch (fate.kind) {
    case "kept":
      return undefined;
    case "relayed":
    case "lmtp":
      return () => sink?.taken ?? 0;
    case "maildir":
      return () => filesInAll(fate.users.map((user) => `${fate.folder}/${user}/new`));
    case "homes":
      return () => filesInAll(fate.users.map(({ home }) => `${home}/Maildir/new`));
    default:
      return unreachable(fate);
  }
}

async function openSink({ fate }: Scenario, port: number): Promise<Sink | undefined> {
  if (fate === "relayed") return Sink.open(port, "smtp");
  return fate === "lmtp" ? Sink.open(port, "lmtp") : undefined;
}

function filesInAll(folders: readonly string[]): number {
  let count = 0;
  for (const folder of folders) count += filesIn(folder);
  return count;
}

/** A Maildir that nobody has delivered to yet is not there. */
function filesIn(folder: string): number {
  try {
    return readdirSync(folder).length;
  } catch {
    return 0;
  }
}
