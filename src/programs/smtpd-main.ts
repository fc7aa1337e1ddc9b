/**
 * smtpd(8): the daemon.
 *
 * Checks everything that can be checked before it starts anything: a bad line, a
 * port in use, a missing user or a spool that cannot be written is one clear line
 * on standard error and exit status 1.
 */
import { spawn } from "node:child_process";
import { dirname } from "node:path";
import type { Users, UsersByUid } from "#base/ports/users.ts";
import { type Complaint, formatComplaint } from "#model/config/complaint.ts";
import { printConfig, printConfigWithPlaces } from "#model/config/print-config.ts";
import { printable, printableLines } from "#engine/observe/visible-text.ts";
import { checkConfig } from "#policy/check/check-config.ts";
import { findingComplaints } from "#policy/check/finding.ts";
import {
  closeLog,
  type LogTarget,
  systemLog,
  terminalLog,
  writeLine,
} from "#processes/log-target.ts";
import { activatedSockets } from "#world/node/activated-sockets.ts";
import { nodeChildren } from "#world/node/children.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeUsers } from "#world/node/users.ts";
import { checkOutside } from "./check-outside.ts";
import { ConfigFiles } from "./config-files.ts";
import { type DaemonOptions, startDaemon } from "./daemon.ts";
import { tellingKeyChanges } from "./key-changes.ts";
import { ownAddresses } from "./machine.ts";
import { parseSmtpdOptions, SMTPD_USAGE, type SmtpdOptions } from "./smtpd-options.ts";
import { asksForKey, queueKeys, standardKeyTools } from "./queue-key.ts";
import { partsNotBuilt, startReader } from "./start-faults.ts";
import type { StartSignals } from "./start-signals.ts";
import { tellServiceManager } from "./service-manager.ts";
import { type StatePaths, statePaths } from "./state-paths.ts";
import { systemAccounts, thisMachine } from "./surroundings.ts";
import { VERSION } from "./version.ts";

// A terminal that goes away must not end the daemon.
process.stderr.on("error", () => undefined);

/** @param signals to end it are left to the system until it begins to run. */
export async function main(args: readonly string[], signals: StartSignals): Promise<number> {
  const parsed = parseSmtpdOptions(args, {
    stateFolder: process.env["POSTRIDER_STATE"],
  });
  if (parsed.kind === "help") {
    console.error(`version: Postrider ${VERSION}\n${SMTPD_USAGE}`);
    return 1;
  }
  if (parsed.kind === "wrong") {
    console.error(`smtpd: ${printable(parsed.why)}\n${SMTPD_USAGE}`);
    return 1;
  }
  const { options } = parsed;
  for (const option of options.ignored)
    console.error(`smtpd: warning: ${printable(option)} does nothing here`);
  const paths = statePaths(options.stateFolder, process.getuid?.() ?? 0);
  const files = new ConfigFiles({
    file: options.file,
    macros: options.macros,
    compat: options.compat,
    enqueueSocketPath: paths.enqueueSocket,
  });
  const users = nodeUsers(nodeChildren(), nodeClock());
  return options.checkOnly
    ? check({ files, users }, options, paths)
    : begin({ files, users, signals }, options, paths);
}

interface Begin {
  readonly files: ConfigFiles;
  readonly users: Users & UsersByUid;
  readonly signals: StartSignals;
}

/** Reads what the daemon works by, and runs it. */
async function begin(
  { files, users, signals }: Begin,
  options: SmtpdOptions,
  paths: StatePaths,
): Promise<number> {
  signals.keepEnds();
  const reader = startReader(files, systemAccounts(users), process.getuid?.() === 0);
  const { config, complaints } = await reader.whole();
  // In the background it is read once more; that one tells.
  if (options.mode !== "daemon" || config === undefined) tell(complaints);
  if (config === undefined) return 1;
  // A key that is to be typed may be long in coming.
  const keys = await Promise.race([queueKeys(config, standardKeyTools()), signals.ending]);
  // The input, if it is still waited for, would keep this process.
  if (keys === undefined || signals.isEnding) process.exit(0);
  if ("why" in keys) {
    console.error(`smtpd: ${printable(keys.why)}`);
    return 1;
  }
  if (options.mode === "daemon") return detach(signals, asksForKey(config) ? keys[0] : undefined);
  const rereader = tellingKeyChanges(reader, keys, options.file);
  return run({ config, reader: rereader, users, queueKeys: keys, signals }, options, paths);
}

/** `smtpd -n`: the language is right, even if not all of it can be carried out yet. */
async function check(
  { files, users }: { readonly files: ConfigFiles; readonly users: Users },
  options: SmtpdOptions,
  paths: StatePaths,
): Promise<number> {
  const { config, complaints } = await files.whole();
  tell(complaints);
  if (config === undefined) return 1;
  const world = thisMachine(users, files.read);
  const found = findingComplaints(
    [
      ...(await checkConfig(config, world.accounts.users, world.read)),
      ...(await checkOutside(config, world, {
        folders: [dirname(paths.enqueueSocket)],
        files: files.paths,
      })),
    ],
    options.file,
    world.read,
  );
  tell(found);
  if (found.some(({ severity }) => severity === "error")) return 1;
  if (options.print) show(printConfigWithPlaces(config));
  else if (options.verbose) show(printConfig(config));
  const missing = partsNotBuilt(config);
  tell(missing.map((complaint) => ({ ...complaint, severity: "warning" })));
  console.error("configuration OK");
  if (missing.length > 0) console.error("smtpd will not start with it yet");
  return 0;
}

/** A program gets the text as it is, so that it can be read back. */
function show(text: string): void {
  console.log(process.stdout.isTTY ? printableLines(text) : text);
}

function tell(complaints: readonly Complaint[]): void {
  for (const complaint of complaints) console.error(formatComplaint(complaint));
}

/** What the daemon works by, and whom it asks. */
type Start = Pick<DaemonOptions, "config" | "reader" | "users" | "queueKeys" | "signals">;

async function run(start: Start, options: SmtpdOptions, paths: StatePaths): Promise<number> {
  const log = options.mode === "terminal" ? terminalLog() : systemLog();
  const code = await runWith(log, start, { options, paths });
  await closeLog(log);
  // What nobody reads would keep this process.
  process.exit(code);
}

async function runWith(
  log: LogTarget,
  start: Start,
  { options, paths }: { readonly options: SmtpdOptions; readonly paths: StatePaths },
): Promise<number> {
  const daemon = await startDaemon({
    ...start,
    paths,
    verbose: options.verbose,
    paused: options.paused,
    ownAddresses: ownAddresses(),
    activated: activatedSockets(process.env, process.pid),
    log,
  });
  if (daemon.kind === "stopped") return 0;
  if (daemon.kind === "cannot-start") {
    console.error(`smtpd: ${printable(daemon.why)}`);
    return 1;
  }
  // Started by `detach` below: tell it that all is well.
  if (process.send !== undefined) {
    process.send("running");
    process.disconnect?.();
    // Keeps no file system in use; every path is absolute by now.
    process.chdir("/");
  }
  writeLine(log, `info: Postrider ${VERSION}`);
  writeLine(log, "info: ready");
  await tellServiceManager(process.env, "ready");
  await daemon.ended;
  writeLine(log, "info: Exiting");
  return 0;
}

/** Whatever has ended it before it ran. */
const NOT_RUNNING = 1;

/**
 * Starts the same command in the background and waits until it runs or has failed.
 * It keeps nothing of its caller open: `$(smtpd)` must not wait for the daemon's end.
 *
 * @param key that was asked for here, where there is somebody to ask.
 */
function detach(signals: StartSignals, key: string | undefined): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const [, script, ...args] = process.argv;
  const child = spawn(process.execPath, [...process.execArgv, script ?? "", ...args, "-F"], {
    detached: true,
    stdio: [key === undefined ? "ignore" : "pipe", "ignore", "pipe", "ipc"],
  });
  let isReloadWanted = false;
  // Ctrl-C here is meant for it; SIGHUP too, which would end what has not begun to hear it.
  signals.areFor({
    stop: () => void child.kill("SIGTERM"),
    reload: () => (isReloadWanted = true),
  });
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(`${key}\n`);
  child.stderr?.pipe(process.stderr, { end: false });
  child.once("message", () => {
    if (isReloadWanted) child.kill("SIGHUP");
    child.disconnect();
    child.unref();
    child.stderr?.destroy();
    resolve(0);
  });
  // What it wrote is read to its end before.
  child.once("close", (code) => resolve(code || NOT_RUNNING));
  return promise;
}
