/**
 * What is synced for a message: counts fsync and fdatasync of a server's processes, and
 * writes to files that are open with O_DSYNC, while messages are accepted.
 *
 *   bin/node bench/durability.ts [--messages 100]
 *
 * One session, so that nothing can be shared: a server whose 250 means durable shows one
 * sync or more for each message. Then 50 sessions, which shows what is shared. Needs
 * strace.
 */
import { spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
} from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { freePort } from "#test/interop/greeting.ts";
import { runLoad } from "./load.ts";
import { endOf, type Peer } from "./peer.ts";
import { postfix } from "./postfix-peer.ts";
import { postrider } from "./postrider-peer.ts";
import { processTree } from "./process-tree.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";

/** Of /proc/PID/fdinfo: O_DSYNC, octal. */
const DSYNC_FLAG = 0o10000;
const ATTACH_MS = 1000;

/** Syncs of the processes of `pid` while `act` runs. */
async function syncsDuring(pid: number, folder: string, act: () => Promise<void>): Promise<number> {
  const pids = processTree(pid);
  const trace = `${folder}/trace`;
  const calls = "trace=fsync,fdatasync,write,writev,pwrite64,pwritev";
  const attach = pids.flatMap((each) => ["-p", `${each}`]);
  const child = spawn("strace", ["-f", "-y", "-o", trace, "-e", calls, "-s", "0", ...attach], {
    stdio: "ignore",
  });
  const ended = endOf(child);
  await pause(ATTACH_MS);
  await act();
  const synchronous = new Set(pids.flatMap(synchronousFiles));
  child.kill("SIGINT");
  await ended;
  let syncs = 0;
  for (const line of readFileSync(trace, "latin1").split("\n")) {
    const [, name, path] = /^\d+\s+(\w+)\(\d+<([^>]*)>/.exec(line) ?? [];
    if (name === "fsync" || name === "fdatasync") syncs++;
    else if (path !== undefined && synchronous.has(path)) syncs++;
  }
  return syncs;
}

/** Paths of the files that `pid` has open with O_DSYNC. */
function synchronousFiles(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .filter((fd) => {
      const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "latin1"));
      return (Number.parseInt(flags?.[1] ?? "0", 8) & DSYNC_FLAG) !== 0;
    })
    .map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
}

async function examine(peer: Peer, folder: string, scenario: Scenario): Promise<number> {
  mkdirSync(folder, { mode: 0o755 });
  const port = await freePort();
  const { sessions, messages } = scenario;
  const fate = { kind: "kept" } as const;
  const running = await peer.start({ folder, port, fate, sessions, tls: undefined });
  try {
    // What starts on demand is there, and traced, after a first message.
    await runLoad({ ...scenario, sessions: 1, messages: 1 }, port, "own");
    const act = async (): Promise<void> => void (await runLoad(scenario, port, "own"));
    return (await syncsDuring(running.pid, folder, act)) / messages;
  } finally {
    await running.stop();
  }
}

const { values } = parseArgs({ options: { messages: { type: "string", default: "100" } } });
const messages = Number(values.messages);
const folder = mkdtempSync("/var/tmp/postrider-durability-");
chmodSync(folder, 0o755); // Peers run as users of their own.
console.log("| peer | syncs per message, 1 session | 50 sessions |\n| --- | ---: | ---: |");
for (const peer of [postrider, postfix]) {
  const [accept] = SCENARIOS;
  if (accept === undefined || peer.missing() !== undefined) continue;
  const row: string[] = [];
  for (const sessions of [1, 50]) {
    const scenario = { ...accept, sessions, messages: messages * (sessions === 1 ? 1 : 10) };
    const rate = await examine(peer, `${folder}/${peer.name}-${sessions}`, scenario);
    row.push(rate.toFixed(2));
  }
  console.log(`| ${peer.name} | ${row.join(" | ")} |`);
}
