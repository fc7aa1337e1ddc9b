/**
 * What a child is kept from besides what its user and Node's flags keep it from. Node has none
 * of unshare(2), prctl(2), setresuid(2) before exec, and setrlimit(2): programs of util-linux
 * do it, which every Linux has. They stand before Node in its command and are gone once it
 * runs, or are run when it does:
 *
 *     unshare --net -- setpriv --reuid=… --bounding-set=-all --no-new-privs -- node …
 *     prlimit --pid=… --nproc=0
 *
 * - An empty network namespace, for who has no peers (roles.ts). It holds what Node's permission
 *   model does not: the queue, which runs without the model, and native code in lookup.
 * - No new privileges, and no capability to ever have: no set-uid program gives its rights. An
 *   agent whose commands may be such programs is the exception.
 * - No program and no thread more, once all threads run: fork(2) and clone(2) count what the
 *   user has, and refuse beyond 0.
 * - No core dump, of the parent and whatever it starts: they hold mail, and keys.
 *
 * Measured: 2.5 ms of CPU for both programs before a child, and 1.7 ms for the one after.
 */
import type { Children, RunResult } from "#base/ports/children.ts";
import { systemProgram } from "#world/node/system-programs.ts";
import type { Account, LaunchRequest } from "./child.ts";
import { ROLES } from "./roles.ts";

/** Where each of the programs is; undefined: it is not there, or may not do its work here. */
export interface Confinement {
  readonly setpriv: string | undefined;
  readonly unshare: string | undefined;
  readonly prlimit: string | undefined;
}

const RUN_TIMEOUT_MS = 5_000;
const MAX_OUTPUT_BYTES = 4_096;

/** The least rights: an account that is nobody's, to try by. */
const TRIAL: ConfinedRequest = { role: "queue", account: { uid: 65_534, gid: 65_534 } };

type ConfinedRequest = Pick<LaunchRequest, "role" | "account" | "reach" | "mayGainPrivileges">;

/** What is put before Node. With an account it has the user of that, unless there is nothing to put. */
export function wordsBefore(
  { role, account, reach, mayGainPrivileges }: ConfinedRequest,
  { setpriv, unshare }: Confinement,
): readonly string[] {
  if (setpriv === undefined || mayGainPrivileges === true) return [];
  const lacksNetwork = unshare !== undefined && !ROLES[role].hasNetwork(reach);
  return [
    ...(lacksNetwork ? [unshare, "--net", "--"] : []),
    ...withRights(setpriv, account === undefined ? "same" : account),
  ];
}

/** As whom setpriv(1) has a program run: with no more rights, and no way to gain them. */
export type RightsToKeep =
  /** Ours, with what these may gain. */
  | "same"
  | Account
  /** Root, who can do no more than become somebody else. */
  | "root-to-become";

/** What is put before a program so that it has these rights, whatever is started by it. */
export function withRights(setpriv: string, rights: RightsToKeep): readonly string[] {
  return [setpriv, ...rightsOf(rights), "--no-new-privs", "--"];
}

function rightsOf(rights: RightsToKeep): readonly string[] {
  if (rights === "same") return [];
  if (rights === "root-to-become")
    return ["--clear-groups", "--inh-caps=-all", "--bounding-set=-all,+setuid,+setgid"];
  const { uid, gid } = rights;
  return [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    "--clear-groups",
    "--inh-caps=-all",
    "--bounding-set=-all",
  ];
}

/** From now on this process, and whom it starts, leaves no core. @returns why not. */
export function forbidCores(
  { prlimit }: Confinement,
  children: Children,
): Promise<string | undefined> {
  // Who starts the daemon was told that there is no prlimit(1).
  if (prlimit === undefined) return Promise.resolve(undefined);
  return outcomeOf(children, [prlimit, "--core=0:0", `--pid=${process.pid}`]);
}

/** From now on process `pid` starts neither programs nor threads. @returns why not. */
export function forbidForks(
  { setpriv, prlimit }: Confinement,
  children: Children,
  { pid, account }: { readonly pid: number; readonly account: Account | undefined },
): Promise<string | undefined> {
  if (prlimit === undefined || setpriv === undefined) return Promise.resolve(undefined);
  // As the user of the process, who may lower its limits: root needs CAP_SYS_RESOURCE for
  // another's, which containers do not have.
  const asUser = account === undefined ? [] : withRights(setpriv, account);
  return outcomeOf(children, [...asUser, prlimit, "--nproc=0:0", `--pid=${pid}`]);
}

/** What this machine lets us do, and a line for each thing that it does not. */
export async function confinementHere(
  children: Children,
  isRoot: boolean,
): Promise<{ readonly confinement: Confinement; readonly lacks: readonly string[] }> {
  const [setpriv, unshare, prlimit] = ["setpriv", "unshare", "prlimit"].map(systemProgram);
  const lacks: string[] = [];
  for (const [name, path] of Object.entries({ setpriv, prlimit })) {
    if (path === undefined) lacks.push(`no ${name}(1): processes are held by their users alone`);
  }
  const found = { setpriv, unshare: isRoot ? unshare : undefined, prlimit };
  const { confinement, lacks: more } = await tried(found, children, isRoot);
  return { confinement, lacks: [...lacks, ...more] };
}

async function tried(
  found: Confinement,
  children: Children,
  isRoot: boolean,
): Promise<{ readonly confinement: Confinement; readonly lacks: readonly string[] }> {
  const trial: ConfinedRequest = isRoot ? TRIAL : { ...TRIAL, account: undefined };
  const attempt = (confinement: Confinement): Promise<TrialEnd> =>
    attempted(children, wordsBefore(trial, confinement));
  const kept = ({ status }: TrialEnd): readonly string[] =>
    isRoot && found.setpriv !== undefined ? keptRights(status) : [];
  const whole = await attempt(found);
  if (whole.fault === undefined) return { confinement: found, lacks: kept(whole) };
  // A container often has no right to make namespaces.
  const hostNetwork = { ...found, unshare: undefined };
  const second = await attempt(hostNetwork);
  if (second.fault === undefined) {
    const lack = `no process is kept from the network: ${whole.fault}`;
    return { confinement: hostNetwork, lacks: [lack, ...kept(second)] };
  }
  const lack = `processes may gain privileges: ${whole.fault}`;
  return { confinement: { ...hostNetwork, setpriv: undefined }, lacks: [lack] };
}

/** How a trial of a confinement ended. */
interface TrialEnd {
  /** Undefined: it worked. */
  readonly fault: string | undefined;
  /** proc_pid_status(5) of who was confined. */
  readonly status: string;
}

async function attempted(children: Children, words: readonly string[]): Promise<TrialEnd> {
  // A path, as unshare(1) and setpriv(1) would look for a name in theirs.
  const show = [systemProgram("cat") ?? "cat", "/proc/self/status"];
  const result = await ranBounded(children, [...words, ...show]);
  const status = result.kind === "exited" ? Buffer.from(result.stdout).toString("latin1") : "";
  return { fault: faultOf(result), status };
}

/** setpriv(1) drops what it may and is silent about the rest: without CAP_SETPCAP it may drop nothing. */
function keptRights(status: string): readonly string[] {
  const [, kept = "unknown"] = /^CapBnd:\s*([0-9a-f]+)$/mu.exec(status) ?? [];
  if (/^0+$/u.test(kept)) return [];
  return [`processes keep a bounding set of capabilities (${kept}): smtpd has no CAP_SETPCAP`];
}

/** Why the command has failed. */
async function outcomeOf(
  children: Children,
  command: readonly string[],
): Promise<string | undefined> {
  return faultOf(await ranBounded(children, command));
}

function ranBounded(
  children: Children,
  [program = "", ...words]: readonly string[],
): Promise<RunResult> {
  return children.run({
    command: [program, ...words],
    timeoutMs: RUN_TIMEOUT_MS,
    maxOutputBytes: MAX_OUTPUT_BYTES,
  });
}

function faultOf(result: RunResult): string | undefined {
  if (result.kind === "not-started") return result.cause.message;
  if (result.kind !== "exited") return result.kind;
  if (result.code === 0) return undefined;
  return Buffer.from(result.stderr).toString().trim() || `exit status ${result.code}`;
}
