/**
 * The benchmark: every scenario against every peer that is installed, peers alternating
 * in the same run, and a table in Markdown on the standard output.
 *
 *   npm run bench -- [--scenarios accept,relay] [--peers Postrider,Postrider-2,Postfix]
 *     [--repetitions 5] [--messages N] [--loader smtp-source|own] [--folder DIR]
 *
 * Each repetition has a fresh process and an empty queue in a folder of its own. What a
 * run leaves is not deleted, as file systems pass over freshly deleted files one by one
 * and would slow down the next run: the folder is named at the end.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync } from "node:fs";
import { arch, cpus, release, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { loaderFor } from "./load.ts";
import { type Measurement, measure } from "./measure.ts";
import type { Peer } from "./peer.ts";
import { postfix } from "./postfix-peer.ts";
import { postrider, postriderOfTwo } from "./postrider-peer.ts";
import { formatScenario } from "./report.ts";
import { type LoaderName, SCENARIOS, type Scenario } from "./scenarios.ts";
import { systemUsersFault } from "./system-users.ts";

/** `postriderOfTwo` only if it is asked for. */
const PEERS: readonly Peer[] = [postrider, postriderOfTwo, postfix];
const USUAL_PEERS: readonly Peer[] = [postrider, postfix];

const { values } = parseArgs({
  options: {
    scenarios: { type: "string", default: SCENARIOS.map((scenario) => scenario.name).join() },
    peers: { type: "string", default: USUAL_PEERS.map((peer) => peer.name).join() },
    repetitions: { type: "string", default: "5" },
    messages: { type: "string" },
    loader: { type: "string" },
    folder: { type: "string", default: "/var/tmp" },
  },
});

function chosenScenarios(): readonly Scenario[] {
  const names = values.scenarios.split(",");
  const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown.length > 0) throw new RangeError(`Cannot run ${unknown.join()}: no such scenario`);
  const chosen = SCENARIOS.filter((scenario) => names.includes(scenario.name));
  if (values.messages === undefined) return chosen;
  const messages = Number(values.messages);
  return chosen.map((scenario) => (scenario.messages === 0 ? scenario : { ...scenario, messages }));
}

function chosenPeers(scenario: Scenario): readonly Peer[] {
  const fault = scenario.fate === "homes" ? systemUsersFault() : undefined;
  if (fault !== undefined) {
    console.error(`skipped: ${fault}`);
    return [];
  }
  const names = values.peers.toLowerCase().split(",");
  return PEERS.filter((peer) => names.includes(peer.name.toLowerCase())).filter((peer) => {
    if (!scenario.isCompared && peer === postfix) return false;
    const missing = peer.missing();
    if (missing !== undefined) console.error(`skipped: ${missing}`);
    return missing === undefined;
  });
}

function chosenLoader(): LoaderName | undefined {
  const { loader } = values;
  if (loader === undefined || loader === "own" || loader === "smtp-source") return loader;
  throw new RangeError(`Cannot load with ${loader}: smtp-source or own`);
}

function outputOf(command: string, ...args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

function machine(folder: string): string {
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const disk = outputOf("findmnt", "-no", "FSTYPE,OPTIONS", "-T", folder).split(",")[0];
  return [
    `${cpus().length} × ${cpus()[0]?.model ?? arch()}, ${gigabytes} GiB`,
    `Linux ${release()}, ${disk}`,
    `Node ${process.version}`,
    `Postfix ${outputOf("postconf", "-h", "-d", "mail_version")}`,
    `commit ${outputOf("git", "rev-parse", "--short", "HEAD")}`,
    new Date().toISOString().slice(0, 10),
  ].join("; ");
}

async function runScenario(scenario: Scenario, folder: string): Promise<void> {
  const peers = chosenPeers(scenario).map((peer) => ({ peer, runs: new Array<Measurement>() }));
  const loader = chosenLoader();
  for (let repetition = 1; repetition <= Number(values.repetitions); repetition++) {
    for (const { peer, runs } of peers) {
      const name = `${scenario.name}-${repetition}-${peer.name.toLowerCase()}`;
      const run = await measure({ peer, scenario, loader, folder: `${folder}/${name}` });
      console.error(name, JSON.stringify(run));
      runs.push(run);
    }
  }
  const { messages, messageBytes, sessions } = scenario;
  const sent = messages === 0 ? "" : `${messages} messages of ${messageBytes} bytes, `;
  console.log(
    formatScenario(
      `${scenario.title} (${sent}${sessions} sessions; ${loaderFor(scenario, loader)})`,
      peers.map(({ peer, runs }) => ({ peer: peer.name, durability: peer.durability, runs })),
    ),
  );
}

const folder = mkdtempSync(`${values.folder}/postrider-bench-`);
chmodSync(folder, 0o755); // Peers run as users of their own.
console.log(`${machine(folder)}; medians of ${values.repetitions} (lowest–highest)\n`);
for (const scenario of chosenScenarios()) await runScenario(scenario, folder);
console.error(`The queues of this run are in ${folder}: delete them when no run follows`);
