/**
 * Starts a process that hands in one user's offline mail (hand-in-main.ts): with that user's
 * rights and no more, no groups but his own, three descriptors, and nothing of our environment.
 *
 * Descriptor 0 is a pipe that says nothing and ends with the parent; 1 and 2 lead to the log,
 * line by line, under the user's name (agent-log.ts).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { unreachable } from "#base/unreachable.ts";
import { tellLines } from "./agent-log.ts";
import { type RightsToKeep, withRights } from "./confinement.ts";
import {
  type HandInOrder,
  type HandInRights,
  NAMES_VARIABLE,
  type RunningHandIn,
  type StartHandIn,
} from "./hand-in-order.ts";
import { type ChildCommand, couldNotStart, environmentOf } from "./launch.ts";
import { processProgram, PROGRAM_FOLDER } from "./program-files.ts";
import { FLAGS_OF_ALL } from "./roles.ts";
import { type LogTarget, writeLine } from "./log-target.ts";

export interface HandInSettings {
  readonly folder: string;
  /** The name of this machine's mail now: its users get their reports there. */
  readonly serverName: () => string;
  /** Where the daemon takes mail. */
  readonly socket: string;
  /** setpriv(1); undefined: not here. */
  readonly setpriv: string | undefined;
  readonly log: LogTarget;
}

/** Without a descriptor for them (EMFILE) it has no pipes, nor a number: an error comes. */
type SpawnedHandIn = Pick<ChildProcess, "once"> & Partial<ChildProcess>;

export function handInLauncher(settings: HandInSettings): StartHandIn {
  return (order, takenSinceMs) => {
    const child = started(settings, order, takenSinceMs);
    if (typeof child === "string")
      return { ended: Promise.resolve(child), stop: () => undefined, kill: () => undefined };
    for (const source of [child.stdout, child.stderr]) {
      if (source !== null && source !== undefined)
        tellLines(source, `offline mail of ${order.name}`, (line) => writeLine(settings.log, line));
    }
    return running(child);
  };
}

/** @param file that it runs; tests have another tried in its place. */
export function handInCommand(
  { folder, socket, setpriv, serverName }: Omit<HandInSettings, "log">,
  { login, rights, names }: HandInOrder,
  takenSinceMs: number,
  file: string = processProgram("hand-in"),
): ChildCommand {
  const [program, ...words] = [
    ...(setpriv === undefined ? [] : withRights(setpriv, rightsToKeep(rights))),
    process.execPath,
    ...nodeFlags(folder),
    file,
    folder,
    socket,
    rights.kind === "root" ? `${rights.becomes.uid}:${rights.becomes.gid}` : "",
    login ?? "",
    serverName(),
    String(takenSinceMs),
  ] as const;
  return {
    program,
    words,
    environment: { ...environmentOf("/"), [NAMES_VARIABLE]: names.join(" ") },
    // Node has the child give up its groups with that. After setpriv(1) there is nothing left to give.
    account: rights.kind === "owner" && setpriv === undefined ? rights.account : undefined,
  };
}

/** Node tells some faults by an event, and throws others, such as a lack of memory. */
function started(
  settings: HandInSettings,
  order: HandInOrder,
  takenSinceMs: number,
): SpawnedHandIn | string {
  const { program, words, environment, account } = handInCommand(settings, order, takenSinceMs);
  try {
    return spawn(program, words, {
      stdio: ["pipe", "pipe", "pipe"],
      env: environment,
      cwd: "/",
      ...account,
      detached: true,
    });
  } catch (error) {
    return couldNotStart(error);
  }
}

function rightsToKeep(rights: HandInRights): RightsToKeep {
  switch (rights.kind) {
    case "same":
      return "same";
    case "owner":
      return rights.account;
    case "root":
      return "root-to-become";
    default:
      return unreachable(rights);
  }
}

/** The network, the files of its own program, and the drop folder. */
function nodeFlags(folder: string): readonly string[] {
  return [
    ...FLAGS_OF_ALL,
    "--permission",
    "--allow-net",
    `--allow-fs-read=${PROGRAM_FOLDER}`,
    `--allow-fs-read=${join(folder, "*")}`,
    `--allow-fs-write=${join(folder, "*")}`,
    "--v8-pool-size=1",
    "--max-semi-space-size=2",
  ];
}

function running(child: SpawnedHandIn): RunningHandIn {
  const { promise: ended, resolve } = Promise.withResolvers<number | string>();
  child.once("error", (error: Error) => resolve(couldNotStart(error)));
  child.once("exit", (code: number | null, signal: string | null) =>
    resolve(code ?? `was ended by ${signal ?? "no signal"}`),
  );
  child.stdin?.on("error", () => undefined);
  return {
    ended,
    stop: () => void child.stdin?.end(),
    kill() {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // ESRCH: it has ended by itself.
      }
    },
  };
}
