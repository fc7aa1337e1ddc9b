/**
 * Users and groups that the configuration names: each exists, and none that mail is
 * delivered as is root. The daemon does not start without them.
 */
import type { Lookup } from "#base/lookup.ts";
import type { User } from "#base/ports/users.ts";
import type { Action } from "#model/config/action.ts";
import type { Config } from "#model/config/config.ts";
import type { Proc } from "#model/config/filter.ts";
import type { Listener } from "#model/config/listener.ts";
import type { Place } from "#model/config/place.ts";
import { DAEMON_USERS } from "#model/daemon-users.ts";
import { error, type Finding, warning } from "#policy/check/finding.ts";
import type { Accounts } from "#processes/socket-owner.ts";

/** @param isRoot whether root checks, who alone can deliver as others. */
export async function accountFaults(
  config: Config,
  accounts: Accounts,
  isRoot: boolean,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const action of config.actions.values())
    findings.push(...(await userOfAction(action, accounts, isRoot)));
  for (const listener of config.listeners) findings.push(...(await ownersOf(listener, accounts)));
  for (const proc of programsOf(config)) findings.push(...(await runnersOf(proc, accounts)));
  return unique(findings);
}

async function userOfAction(
  action: Action,
  { users }: Accounts,
  isRoot: boolean,
): Promise<readonly Finding[]> {
  if (action.kind === "relay" || action.user === undefined) return [];
  const { at, user, name } = action;
  const what = `user ${user} of action "${name}"`;
  if (DAEMON_USERS.includes(user))
    return [error(at, `${what} is one of the daemon's own: nothing is delivered as it`)];
  const answer = await users.lookup(user);
  if (answer.kind !== "found") {
    // An LMTP server is spoken to without the account.
    const severity = action.kind === "lmtp" ? "warning" : "error";
    return [{ ...noAnswer(at, what, answer), severity }];
  }
  // Root under another name is still root.
  const isPrivileged = answer.value.uid === 0 || answer.value.gid === 0;
  if (!isPrivileged) return [];
  const tell = isRoot ? error : warning;
  return [tell(at, `${what} is root: nothing is delivered as root`)];
}

async function ownersOf(
  { at, places, socketUser, socketGroup }: Listener,
  { users, group }: Accounts,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  if (socketUser !== undefined)
    findings.push(
      ...missing(places.socketUser ?? at, `user ${socketUser}`, await users.lookup(socketUser)),
    );
  if (socketGroup !== undefined)
    findings.push(
      ...missing(places.socketGroup ?? at, `group ${socketGroup}`, await group(socketGroup)),
    );
  return findings;
}

async function runnersOf(
  { at, name, user, group }: Proc,
  accounts: Accounts,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  if (user !== undefined) {
    const what = `user ${user} of the program of ${name}`;
    const answer = await accounts.users.lookup(user);
    findings.push(...missing(at, what, answer));
    if (isRootUser(answer)) findings.push(warning(at, `${what} is root: it needs no such rights`));
  }
  if (group !== undefined)
    findings.push(
      ...missing(at, `group ${group} of the program of ${name}`, await accounts.group(group)),
    );
  return findings;
}

/** Programs by their lines, and those that filters bring with them. */
export function programsOf({ procs, filters }: Config): readonly Proc[] {
  const ofFilters = [...filters.values()].flatMap((filter) =>
    filter.kind === "proc" ? [filter.proc] : [],
  );
  return [...new Set([...procs.values(), ...ofFilters])];
}

function isRootUser(answer: Lookup<User>): boolean {
  return answer.kind === "found" && answer.value.uid === 0;
}

function missing(at: Place, what: string, answer: Lookup<unknown>): readonly Finding[] {
  return answer.kind === "found" ? [] : [noAnswer(at, what, answer)];
}

function noAnswer(
  at: Place,
  what: string,
  answer: Exclude<Lookup<unknown>, { readonly kind: "found" }>,
): Finding {
  if (answer.kind === "absent") return error(at, `${what} does not exist`);
  return error(at, `cannot look up ${what}: ${answer.cause.message}`);
}

/** A line that opens several sockets, or one on each interface, is told of once. */
function unique(findings: readonly Finding[]): readonly Finding[] {
  const byText = new Map(findings.map((each) => [`${each.at.line} ${each.message}`, each]));
  return [...byText.values()];
}
