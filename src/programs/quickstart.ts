/**
 * `npm start [-- --user NAME --state DIR --port PORT]`: a mail server to try things on.
 *
 * Listens on 127.0.0.1:2525 and on a UNIX socket, delivers every recipient to a
 * Maildir under the state folder, and has no relay action: it can send nothing to
 * the outside. Started as root it becomes one unprivileged user first.
 */
import { accessSync, chownSync, constants, lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { User, Users } from "#base/ports/users.ts";
import { formatComplaint } from "#model/config/complaint.ts";
import { TERMINAL } from "#processes/log-target.ts";
import { activatedSockets } from "#world/node/activated-sockets.ts";
import { nodeChildren } from "#world/node/children.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeUsers } from "#world/node/users.ts";
import { CHECKOUT } from "./checkout.ts";
import { ConfigFiles } from "./config-files.ts";
import { startDaemon } from "./daemon.ts";
import { ownAddresses } from "./machine.ts";
import { quickstartConfig } from "./quickstart-config.ts";
import { StartSignals } from "./start-signals.ts";
import { startReader } from "./start-faults.ts";
import { statePaths } from "./state-paths.ts";
import { systemAccounts } from "./surroundings.ts";

const DEFAULT_USER = "nobody";
const DEFAULT_PORT = "2525";
const USAGE = "usage: npm start [-- [--user name] [--state dir] [--port port]]";

process.exitCode = await main();

interface Options {
  readonly user: string | undefined;
  readonly state: string;
  readonly port: string;
}

async function main(): Promise<number> {
  const signals = new StartSignals(process);
  signals.keepEnds();
  const options = readOptions();
  if (typeof options === "string") return fail(`${options}\n${USAGE}`);
  const { state, port } = options;
  const users = nodeUsers(nodeChildren(), nodeClock());
  const problem = await becomeUnprivileged(options.user, state, users);
  if (problem !== undefined) return fail(problem);
  const user = ownName();
  if (user === undefined) return fail("this user has no name in the user database: use another");
  const paths = statePaths(state, process.getuid?.() ?? 0);
  const file = join(state, "smtpd.conf");
  const socket = join(state, "smtp.sock");
  try {
    mkdirSync(state, { recursive: true });
    writeFileSync(file, quickstartConfig(state, { socket, port, user }));
  } catch (error) {
    return fail(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const files = new ConfigFiles({
    file,
    macros: new Map(),
    compat: "none",
    enqueueSocketPath: paths.enqueueSocket,
  });
  const reader = startReader(files, systemAccounts(users), process.getuid?.() === 0);
  const { config, complaints } = await reader.whole();
  for (const complaint of complaints) console.error(formatComplaint(complaint));
  if (config === undefined) return 1;
  const daemon = await startDaemon({
    config,
    reader,
    paths,
    verbose: false,
    paused: [],
    activated: activatedSockets({}, process.pid),
    ownAddresses: ownAddresses(),
    queueKeys: [],
    log: TERMINAL,
    signals,
    users,
  });
  if (daemon.kind === "stopped") return 0;
  if (daemon.kind === "cannot-start") return fail(daemon.why);
  console.log(whatToTry(state, socket, port));
  await daemon.ended;
  return 0;
}

/** A string says what is wrong with them. */
function readOptions(): Options | string {
  try {
    const { user, state, port } = parseArgs({
      options: {
        user: { type: "string" },
        state: { type: "string" },
        port: { type: "string", default: DEFAULT_PORT },
      },
    }).values;
    const folder = state ?? process.env["POSTRIDER_STATE"] ?? join(CHECKOUT, ".postrider");
    return { user, state: resolve(folder), port };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function fail(why: string): number {
  console.error(`postrider: ${why}`);
  return 1;
}

/** Name of the user that this process runs as; a container may run it as a number alone. */
function ownName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

function whatToTry(state: string, socket: string, port: string): string {
  const smtp = quoted(join(CHECKOUT, "bin", "smtp"));
  const smtpctl = quoted(join(CHECKOUT, "bin", "smtpctl"));
  return `
Postrider accepts mail on 127.0.0.1:${port} and on ${socket}.
Every recipient gets a Maildir under ${join(state, "mail")}; nothing leaves this machine.

Try, in another terminal:

  printf 'Subject: hello\\n\\nhello\\n' | ${smtp} -s smtp://127.0.0.1:${port} -F me@example.org you@example.org
  printf 'Subject: hello\\n\\nhello\\n' | ${smtp} -s ${quoted(socket)} -F me@example.org you@example.org
  ls ${quoted(join(state, "mail", "you", "new"))}
  ${smtpctl} --state ${quoted(state)} trace you@example.org

Stop with Ctrl-C.
`;
}

/** As one word of a shell's command line. */
function quoted(path: string): string {
  return /^[\w./-]+$/u.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/** Root becomes `wanted`, or nobody; undefined when all is well. */
async function becomeUnprivileged(
  wanted: string | undefined,
  state: string,
  users: Users,
): Promise<string | undefined> {
  if (process.getuid?.() !== 0) {
    return wanted === undefined || wanted === ownName() ? undefined : "--user needs root";
  }
  const name = wanted ?? DEFAULT_USER;
  const answer = await users.lookup(name);
  if (answer.kind !== "found") return `user ${name} does not exist: use --user NAME`;
  const user = answer.value;
  if (user.uid === 0) return "will not run as root: use --user NAME";
  const taken = takeStateFolder(state, user);
  if (taken !== undefined) return taken;
  process.setgroups?.([user.gid]);
  process.setgid?.(user.gid);
  process.setuid?.(user.uid);
  process.env["HOME"] = state;
  try {
    accessSync(join(CHECKOUT, "package.json"), constants.R_OK);
    accessSync(process.execPath, constants.X_OK);
    accessSync(state, constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `user ${name} cannot use this checkout (${why}): move it, or use --user NAME`;
  }
  return undefined;
}

/**
 * Makes the state folder for `user`. One that belongs to somebody else is left
 * alone: changing owners below a folder that others write to can give away any file.
 */
function takeStateFolder(state: string, user: User): string | undefined {
  try {
    if (mkdirSync(state, { recursive: true, mode: 0o711 }) !== undefined) {
      chownSync(state, user.uid, user.gid);
      return undefined;
    }
  } catch (error) {
    return `cannot make ${state}: ${error instanceof Error ? error.message : String(error)}`;
  }
  const { uid } = lstatSync(state);
  if (uid === user.uid) return undefined;
  return `${state} belongs to user number ${uid}, not to ${user.name}: remove it, or use --state DIR`;
}
