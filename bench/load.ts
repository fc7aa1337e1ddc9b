/**
 * Starts the load of a scenario, and the sink of a relay run, as processes of their own,
 * so that what they cost is not counted to the server.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { greets } from "#test/interop/greeting.ts";
import type { LoadResult } from "./load-result.ts";
import { endOf } from "./peer.ts";
import { type Command, tlsLoad, tlsLoadFault } from "./tls-load.ts";
import { type LoaderName, localPartsOf, type Scenario } from "./scenarios.ts";

const SMTP_SOURCE = "/usr/sbin/smtp-source";
const SMTP_SINK = "/usr/sbin/smtp-sink";
const OWN_LOADER = new URL("./loader.ts", import.meta.url).pathname;
const OWN_SINK = new URL("./sink.ts", import.meta.url).pathname;

/** The loader that a run gets: the wanted one, unless the scenario needs another. */
export function loaderFor(scenario: Scenario, wanted: LoaderName | undefined): LoaderName {
  if (scenario.tls && scenario.loader === undefined) {
    return wanted === "own" || tlsLoadFault() !== undefined ? "own" : "tls-load";
  }
  return scenario.loader ?? wanted ?? (existsSync(SMTP_SOURCE) ? "smtp-source" : "own");
}

/**
 * Sends the messages of `scenario` to `port`. Resolves when all were acknowledged.
 *
 * @returns undefined with the compiled loaders, which do not measure latencies.
 * @throws {Error} if a message was refused.
 */
export async function runLoad(
  scenario: Scenario,
  port: number,
  loader: LoaderName,
): Promise<LoadResult | undefined> {
  if (loader === "own") {
    const child = spawnOwnLoader(scenario, port, []);
    const output = await text(child.stdout);
    const result = JSON.parse(output) as LoadResult;
    if (result.failed > 0) throw new Error(`Cannot send: ${result.failed} messages failed`);
    return result;
  }
  const commands =
    loader === "tls-load" ? [tlsLoad(scenario, port)] : sourceCommands(scenario, port);
  const children = commands.map(([program, ...args]) =>
    spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] }),
  );
  const codes = await Promise.all(children.map(endOf));
  if (codes.some((code) => code !== 0)) throw new Error(`Cannot send: ${loader} failed`);
  return undefined;
}

/** Opens the idle sessions of `scenario`; resolves with `close`, which throws if one has ended, when all are greeted. */
export async function holdSessions(scenario: Scenario, port: number): Promise<() => Promise<void>> {
  const child = spawnOwnLoader(scenario, port, ["--idle-ms", "600000"]);
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString("latin1");
      if (said === "open\n") resolve();
    });
    child.once("exit", () => reject(new Error(`Cannot open the sessions: ${said}`)));
  });
  return async () => {
    if (child.exitCode !== null) throw new Error(`Cannot hold the sessions: ${said}`);
    const ended = endOf(child);
    child.kill("SIGTERM");
    await ended;
  };
}

/** A server that throws messages away and counts them. */
export class Sink {
  readonly #child: ChildProcess;
  #taken = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on("data", (chunk: Buffer) => {
      const counts = chunk.toString("latin1").match(/mesg=\d+/g);
      this.#taken = Number(counts?.at(-1)?.slice("mesg=".length) ?? this.#taken);
    });
  }

  get taken(): number {
    return this.#taken;
  }

  static async open(port: number, dialect: "smtp" | "lmtp"): Promise<Sink> {
    const asRoot = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
    const child = existsSync(SMTP_SINK)
      ? spawn(SMTP_SINK, [
          ...asRoot,
          ...(dialect === "lmtp" ? ["-L"] : []),
          "-c",
          `127.0.0.1:${port}`,
          "512",
        ])
      : spawn(process.execPath, [OWN_SINK, "--port", String(port)]);
    while (!(await greets({ host: "127.0.0.1", port }))) {
      if (child.exitCode !== null) throw new Error("Cannot start the sink: it ended");
    }
    return new Sink(child);
  }

  async close(): Promise<void> {
    const ended = endOf(this.#child);
    this.#child.kill("SIGTERM");
    await ended;
  }
}

function spawnOwnLoader(
  scenario: Scenario,
  port: number,
  more: readonly string[],
): ReturnType<typeof spawnPiped> {
  const { sessions, messages, messageBytes, perConnection, users, tls } = scenario;
  const prefix = (localPartsOf(scenario)[0] ?? "").replace(/\d+$/u, "");
  const where = `--port ${port} --sessions ${sessions} --per-connection ${perConnection}`;
  const what = `--messages ${messages} --bytes ${messageBytes} --users ${users} --prefix ${prefix}`;
  const how = tls ? " --tls" : "";
  return spawnPiped([OWN_LOADER, ...`${where} ${what}${how}`.split(" "), ...more]);
}

function spawnPiped(args: readonly string[]) {
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
}

/** One smtp-source, or one for each user, as it cannot take recipients in turn. */
function sourceCommands(scenario: Scenario, port: number): readonly Command[] {
  const { sessions, messages, messageBytes, perConnection, users } = scenario;
  const share = `-s ${Math.ceil(sessions / users)} -m ${Math.ceil(messages / users)}`;
  const reuse = perConnection > 1 ? " -d" : "";
  const each = `${share}${reuse} -l ${messageBytes} -f a@client.example -M client.example -t`;
  return localPartsOf(scenario).map((user) => [
    SMTP_SOURCE,
    ...each.split(" "),
    `${user}@bench.example`,
    `127.0.0.1:${port}`,
  ]);
}
