/**
 * What programs cost that start: the daemon from exec to its first 220, sendmail(8) from exec to
 * exit with the daemon up, and what the idle daemon holds.
 *
 *   bin/node bench/start.ts [--programs FOLDER] [--rounds 15]
 *
 * FOLDER has the programs that are tried: `bin` of this checkout, or `/usr/lib/postrider/bin` of a
 * package. Each start of the daemon is a fresh one, with an empty queue. The environment is a
 * service's: what a shell has set (certificates, options of Node) costs time of its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { freePort, greets, until } from "#test/interop/greeting.ts";
import { endOf } from "./peer.ts";
import { pssBytes } from "./process-tree.ts";

/** A client of a program that starts looks so often whether it is there. */
const POLL_MS = 2;
const WITHIN_MS = 20_000;
/** By then the start's garbage is collected. */
const REST_MS = 6_000;
const MIB: number = 1024 * 1024;

const { values } = parseArgs({
  options: {
    programs: { type: "string", default: join(import.meta.dirname, "../bin") },
    rounds: { type: "string", default: "15" },
  },
});
const programs = resolve(values.programs);
const rounds = Number(values.rounds);

const folder = mkdtempSync(join(tmpdir(), "postrider-start-"));
chmodSync(folder, 0o755); // Users of the daemon go through it.
const port = await freePort();
const configPath = join(folder, "smtpd.conf");
writeFileSync(
  configPath,
  `listen on socket\nlisten on 127.0.0.1 port ${port}\naction "away" relay\nmatch from any for any action "away"\n`,
);

try {
  const starts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { daemon, firstMs } = await started(join(folder, `state-${round}`));
    starts.push(firstMs);
    await stopped(daemon);
  }
  const state = join(folder, "state-last");
  const { daemon } = await started(state);
  await pause(REST_MS);
  const idleBytes = pssBytes(daemon.pid ?? 0);
  const sends: number[] = [];
  for (let round = 0; round < rounds; round++) sends.push(await sent(state));
  await stopped(daemon);
  console.log("| what | median | lowest–highest |\n|---|---|---|");
  console.log(`| smtpd, exec to the first 220, ms | ${spread(starts)} |`);
  console.log(`| sendmail, exec to exit, ms | ${spread(sends)} |`);
  console.log(`| PSS of the idle daemon, MiB | ${(idleBytes / MIB).toFixed(0)} | |`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function started(
  state: string,
): Promise<{ readonly daemon: ChildProcess; readonly firstMs: number }> {
  const words = ["-d", "-P", "mta", "-f", configPath, "--state", state];
  const begunMs = performance.now();
  const daemon = run("smtpd", words, state);
  const server = { host: "127.0.0.1", port };
  await until(() => greets(server), "greeting of the daemon", WITHIN_MS, POLL_MS);
  return { daemon, firstMs: performance.now() - begunMs };
}

async function stopped(daemon: ChildProcess): Promise<void> {
  const end = endOf(daemon);
  daemon.kill();
  await end;
}

async function sent(state: string): Promise<number> {
  const begunMs = performance.now();
  const sendmail = run("sendmail", ["-i", "-f", "a@a.example", "b@b.example"], state);
  sendmail.stdin?.end("Subject: started\n\nhello\n");
  const code = await endOf(sendmail);
  if (code !== 0) throw new Error(`Cannot measure sendmail: it exits ${code}`);
  return performance.now() - begunMs;
}

function run(program: string, words: readonly string[], state: string): ChildProcess {
  return spawn(join(programs, program), words, {
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: folder, POSTRIDER_STATE: state },
  });
}

function spread(figures: readonly number[]): string {
  const sorted = figures.toSorted((a, b) => a - b);
  const at = (index: number): string => (sorted[index] ?? Number.NaN).toFixed(0);
  return `${at(sorted.length >> 1)} | ${at(0)}–${at(sorted.length - 1)}`;
}
