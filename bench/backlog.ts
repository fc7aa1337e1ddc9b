/**
 * What a backlog costs: a spool is filled with messages that wait for their next try, the
 * real daemon is started on it, and then:
 *
 *   bin/node bench/backlog.ts [--counts 10000,100000,1000000] [--folder FOLDER]
 *
 * - start: from the command until the port greets, and the CPU time of the process queue by then, in
 *   all and, beyond that of an empty queue, for each envelope
 * - memory: PSS of the process queue when it has come to rest, in all and, beyond that of an empty
 *   queue, for each envelope
 * - show: `smtpctl show queue --domain`, for a domain with a thousandth of the messages
 * - accept: messages per second, beside the same daemon on an empty spool
 *
 * The messages go to a thousand domains; deliveries are paused, so that what is measured is
 * the backlog and not its next tries. As root it needs `tools/install-users`.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { greets } from "#test/interop/greeting.ts";
import { loaderFor, runLoad } from "./load.ts";
import { endOf } from "./peer.ts";
import { cpuSeconds, processTree, pssBytes } from "./process-tree.ts";
import { median } from "./report.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";
import { DOMAINS, fillSpool } from "./waiting-mail.ts";

const BIN = new URL("../bin", import.meta.url).pathname;
const ACCEPTED = 5000;
const REPETITIONS = 3;
const START_WITHIN_MS = 300_000;

interface Row {
  readonly count: number;
  readonly startSeconds: number;
  readonly startCpuSeconds: number;
  readonly pss: number;
  readonly showSeconds: number;
  readonly perSecond: number;
  readonly cpuPer1000: number;
}

/** What `smtpd` in this folder is measured to be. */
async function measure(folder: string, count: number, port: number): Promise<Row> {
  const configPath = join(folder, "smtpd.conf");
  const state = join(folder, "state");
  writeFileSync(
    configPath,
    [
      "smtp limit max-mails 1000000",
      `listen on 127.0.0.1 port ${port}`,
      'action "out" relay',
      'match from any for any action "out"',
      "",
    ].join("\n"),
  );
  const startedMs = performance.now();
  const log = openSync(join(folder, "log"), "a");
  const args = ["-d", "-f", configPath, "--state", state, "-P", "mta", "-P", "mda"];
  const daemon = spawn(join(BIN, "smtpd"), args, { stdio: ["ignore", log, log] });
  const ended = endOf(daemon);
  try {
    while (!(await greets({ host: "127.0.0.1", port }))) {
      const isLate = performance.now() - startedMs > START_WITHIN_MS;
      if (daemon.exitCode !== null || isLate) throw new Error(`Cannot start: see ${folder}/log`);
      await pause(20);
    }
    const startSeconds = (performance.now() - startedMs) / 1000;
    const root = daemon.pid ?? 0;
    const startCpuSeconds = cpuSeconds(queueOf(root));
    await pause(3000);
    const pss = pssBytes(queueOf(root));
    const showSeconds = median(
      Array.from({ length: REPETITIONS }, () => showSecondsOf(state, count)),
    );
    const runs: { readonly perSecond: number; readonly cpuPer1000: number }[] = [];
    for (let run = 0; run <= REPETITIONS; run++) runs.push(await accept(root, port));
    // The first one warms up.
    const measured = runs.slice(1);
    return {
      count,
      startSeconds,
      startCpuSeconds,
      pss,
      showSeconds: showSeconds ?? Number.NaN,
      perSecond: median(measured.map((run) => run.perSecond)) ?? Number.NaN,
      cpuPer1000: median(measured.map((run) => run.cpuPer1000)) ?? Number.NaN,
    };
  } finally {
    daemon.kill("SIGTERM");
    await ended;
  }
}

function showSecondsOf(state: string, count: number): number {
  const args = ["show", "queue", "--domain", "domain-7.example"];
  const startedMs = performance.now();
  const output = execFileSync(join(BIN, "smtpctl"), ["--state", state, ...args], {
    maxBuffer: 2 ** 30,
  });
  const seconds = (performance.now() - startedMs) / 1000;
  const rows = output.toString().split("\n").length - 1;
  const expected = Math.floor(count / DOMAINS);
  if (rows !== expected) throw new Error(`Cannot measure: ${rows} rows, not ${expected}`);
  return seconds;
}

async function accept(
  root: number,
  port: number,
): Promise<{ readonly perSecond: number; readonly cpuPer1000: number }> {
  const [usual] = SCENARIOS;
  if (usual === undefined) throw new TypeError("Cannot measure: there is no scenario");
  const scenario: Scenario = { ...usual, messages: ACCEPTED, tls: false };
  const cpuBefore = cpuSeconds(root);
  const startedMs = performance.now();
  await runLoad(scenario, port, loaderFor(scenario, undefined));
  const perSecond = (ACCEPTED * 1000) / (performance.now() - startedMs);
  return { perSecond, cpuPer1000: ((cpuSeconds(root) - cpuBefore) * 1000) / ACCEPTED };
}

/** The process queue below `root`. */
function queueOf(root: number): number {
  const found = processTree(root).find((pid) =>
    /\/queue-main\.[jt]s\0/u.test(readFileSync(`/proc/${pid}/cmdline`, "latin1")),
  );
  if (found === undefined) throw new Error("Cannot measure: there is no process queue");
  return found;
}

/** The queue runs as its own user if we are root. */
function giveToQueue(path: string): void {
  if (process.getuid?.() !== 0) return;
  const [uid, gid] = ["-u", "-g"].map((flag) =>
    Number(execFileSync("id", [flag, "_smtpq"]).toString()),
  );
  if (uid === undefined || gid === undefined) return;
  for (const name of ["", ...readdirSync(path, { recursive: true, encoding: "utf8" })]) {
    chownSync(join(path, name), uid, gid);
  }
}

function rowText(row: Row, empty: Row): string {
  const { count, startSeconds, startCpuSeconds, pss, showSeconds, perSecond, cpuPer1000 } = row;
  const each = count === 0 ? "" : Math.round((pss - empty.pss) / count);
  const cpuEach = ((startCpuSeconds - empty.startCpuSeconds) * 1e6) / count;
  const megabytes = Math.round(pss / 1e6);
  const rate = (perSecond / empty.perSecond).toFixed(2);
  const start = [startSeconds, startCpuSeconds].map((seconds) => seconds.toFixed(1));
  start.push(count === 0 ? "" : cpuEach.toFixed(1));
  const cells = [count, ...start, megabytes, each, showSeconds.toFixed(2)];
  return `| ${[...cells, Math.round(perSecond), rate, cpuPer1000.toFixed(2)].join(" | ")} |`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      counts: { type: "string", default: "10000,100000,1000000" },
      folder: { type: "string", default: tmpdir() },
      port: { type: "string", default: "42525" },
    },
  });
  const parent = mkdtempSync(join(values.folder, "backlog-"));
  // The daemon's users must be able to pass.
  execFileSync("chmod", ["711", parent]);
  console.log(
    "| waiting | start s | its CPU s | µs each | queue MB | bytes each | show s | accept/s | to none | CPU s per 1000 |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|---|");
  let empty: Row | undefined;
  for (const count of [0, ...values.counts.split(",").map(Number)]) {
    const folder = join(parent, String(count));
    const spool = join(folder, "state/spool");
    mkdirSync(spool, { recursive: true });
    if (count > 0) await fillSpool(spool, count);
    giveToQueue(spool);
    const row = await measure(folder, count, Number(values.port));
    empty ??= row;
    console.log(rowText(row, empty));
  }
}

await main();
