/**
 * A day's work in a few minutes: rounds of mail in and out, and after each what the daemon's
 * processes hold. What grows with every round is a leak.
 *
 *   bin/node bench/soak.ts [--rounds 10] [--messages 10000]
 *
 * Messages are relayed to a sink, half of the rounds over new connections. After each round the
 * daemon rests for REST_MS, so that what it lets go of later is gone.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { freePort } from "#test/interop/greeting.ts";
import { loaderFor, runLoad, Sink } from "./load.ts";
import { postrider } from "./postrider-peer.ts";
import { cpuSeconds, pssBytes } from "./process-tree.ts";
import { SCENARIOS } from "./scenarios.ts";

const REST_MS = 15_000;
const ARRIVED_WITHIN_MS = 60_000;
const MIB: number = 1024 * 1024;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "10" },
    messages: { type: "string", default: "10000" },
  },
});
const rounds = Number(values.rounds);
const messages = Number(values.messages);

const reused = SCENARIOS.find(({ name }) => name === "relay-reused");
if (reused === undefined) throw new Error("Cannot soak: there is no scenario 'relay-reused'");

const folder = mkdtempSync(`${tmpdir()}/postrider-soak-`);
chmodSync(folder, 0o755); // The queue's user goes through it.
const sinkPort = await freePort();
const sink = await Sink.open(sinkPort, "smtp");
const port = await freePort();
const daemon = await postrider.start({
  folder,
  port,
  fate: { kind: "relayed", port: sinkPort, outgoing: "reused" },
  sessions: reused.sessions,
  tls: undefined,
});
try {
  await pause(REST_MS);
  console.log(`| messages | PSS at rest, MiB | CPU seconds at rest, in ${REST_MS / 1000} s |`);
  console.log("|---|---|---|");
  tell(0, 0);
  for (let round = 1; round <= rounds; round++) {
    const perConnection = round % 2 === 0 ? 1 : reused.perConnection;
    const scenario = { ...reused, messages, perConnection };
    await runLoad(scenario, port, loaderFor(scenario, undefined));
    await arrived(round * messages);
    const before = cpuSeconds(daemon.pid);
    await pause(REST_MS);
    tell(round * messages, cpuSeconds(daemon.pid) - before);
  }
} finally {
  await daemon.stop();
  await sink.close();
  rmSync(folder, { recursive: true, force: true });
}

async function arrived(count: number): Promise<void> {
  const deadlineMs = performance.now() + ARRIVED_WITHIN_MS;
  while (sink.taken < count) {
    if (performance.now() > deadlineMs)
      throw new Error(`Cannot soak: ${count - sink.taken} messages have not arrived`);
    await pause(100);
  }
}

function tell(count: number, cpu: number): void {
  console.log(`| ${count} | ${(pssBytes(daemon.pid) / MIB).toFixed(0)} | ${cpu.toFixed(2)} |`);
}
