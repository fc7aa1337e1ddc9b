/**
 * Programs, sockets and addresses that the configuration names, and who may write its
 * files. All of it may come to be later, and a program may be one that only others can
 * see: nothing here is more than a warning.
 */
import { dirname } from "node:path/posix";
import { parseIpAddress } from "#base/ip-address.ts";
import type { Action, LmtpAction, RelayAction } from "#model/config/action.ts";
import type { Config } from "#model/config/config.ts";
import { credentialsOf, type Listener } from "#model/config/listener.ts";
import type { Place } from "#model/config/place.ts";
import { type Finding, warning } from "#policy/check/finding.ts";
import { programsOf } from "./check-accounts.ts";
import { isMissing, lookAt, type Surroundings } from "./surroundings.ts";

const EXECUTABLE_BITS = 0o111;
const WRITABLE_BY_ALL = 0o002;
const READABLE_BY_ALL = 0o004;

/** @param ownFolders those that the daemon makes before it listens. */
export async function pathFaults(
  config: Config,
  world: Surroundings,
  ownFolders: readonly string[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { at, what, command } of commandsOf(config))
    findings.push(...(await programFault(at, { what, command }, world)));
  for (const listener of config.listeners)
    findings.push(...(await listenerFault(listener, world, ownFolders)));
  for (const action of config.actions.values())
    findings.push(...(await destinationFaults(action, world)));
  for (const { at, name, chroot } of programsOf(config)) {
    if (chroot === undefined) continue;
    const found = await lookAt(chroot, world);
    if (found.kind === "files-fault" ? isMissing(found) : found.kind !== "folder")
      findings.push(warning(at, `the chroot of ${name} is no folder: ${chroot}`));
  }
  return findings;
}

// Programs.

interface Command {
  readonly at: Place;
  readonly what: string;
  readonly command: string;
}

function commandsOf(config: Config): readonly Command[] {
  return [
    ...[...config.actions.values()].flatMap((action) =>
      action.kind === "mda"
        ? [{ at: action.at, what: `action "${action.name}"`, command: action.command.source }]
        : [],
    ),
    ...Array.from(config.mdaWrappers.values(), ({ at, name, command }) => ({
      at,
      what: `mda wrapper ${name}`,
      command: command.source,
    })),
    ...programsOf(config).map(({ at, name, command }) => ({ at, what: name, command })),
  ];
}

/** Only of a first word that is a plain path: what a shell makes of others is its business. */
async function programFault(
  at: Place,
  { what, command }: { readonly what: string; readonly command: string },
  world: Surroundings,
): Promise<readonly Finding[]> {
  const path = /^\s*(\/[\w./+-]+)(?=\s|$)/u.exec(command)?.[1];
  if (path === undefined) return [];
  const found = await lookAt(path, world);
  if (found.kind === "files-fault")
    return isMissing(found) ? [warning(at, `the program of ${what} does not exist: ${path}`)] : [];
  const isProgram = found.kind === "file" && (found.mode & EXECUTABLE_BITS) !== 0;
  return isProgram ? [] : [warning(at, `the program of ${what} cannot be executed: ${path}`)];
}

// Sockets and addresses.

async function listenerFault(
  { at, endpoint }: Listener,
  world: Surroundings,
  ownFolders: readonly string[],
): Promise<readonly Finding[]> {
  if (endpoint.kind === "tcp") {
    if (isOwnAddress(endpoint.host, world.ownAddresses)) return [];
    const message = `${endpoint.host} is not an address of this machine: smtpd cannot listen on it`;
    return [warning(at, message)];
  }
  const folder = dirname(endpoint.path);
  if (ownFolders.includes(folder)) return [];
  const found = await lookAt(folder, world);
  if (found.kind === "files-fault")
    return isMissing(found)
      ? [warning(at, `the folder of the socket does not exist: ${folder}`)]
      : [];
  return found.kind === "folder" ? [] : [warning(at, `${folder} is no folder for a socket`)];
}

function isOwnAddress(host: string, ownAddresses: readonly string[]): boolean {
  const wanted = parseIpAddress(host)?.words.join();
  // A name that is listened on has been looked up; all addresses are zeros.
  if (wanted === undefined || /^0(,0)*$/u.test(wanted)) return true;
  return ownAddresses.some((own) => parseIpAddress(own)?.words.join() === wanted);
}

async function destinationFaults(action: Action, world: Surroundings): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const path of socketPathsOf(action)) {
    const found = await lookAt(path, world);
    if (found.kind === "files-fault") {
      if (isMissing(found))
        findings.push(
          warning(action.at, `action "${action.name}": nothing is there to deliver to: ${path}`),
        );
    } else if (found.kind !== "socket")
      findings.push(warning(action.at, `action "${action.name}": ${path} is no socket`));
  }
  return findings;
}

function socketPathsOf(action: Action): readonly string[] {
  if (action.kind === "lmtp") return lmtpPath(action);
  return action.kind === "relay" ? relayPaths(action) : [];
}

function lmtpPath({ destination }: LmtpAction): readonly string[] {
  if (destination.kind === "format" || destination.endpoint.kind !== "unix") return [];
  return [destination.endpoint.path];
}

function relayPaths({ to }: RelayAction): readonly string[] {
  if (to.kind !== "hosts") return [];
  return to.hosts.flatMap(({ endpoint }) => (endpoint.kind === "unix" ? [endpoint.path] : []));
}

// The files of the configuration itself.

/** @param files that the configuration was read from. */
export async function ownFileFaults(
  config: Config,
  world: Surroundings,
  files: Iterable<string>,
): Promise<readonly Finding[]> {
  const secrets = new Set(secretFiles(config));
  const findings: Finding[] = [];
  for (const file of new Set([...files, ...tableFiles(config)])) {
    const found = await lookAt(file, world);
    // Who read it has told.
    if (found.kind !== "file") continue;
    const at = { file, line: 0, column: 0 };
    if ((found.mode & WRITABLE_BY_ALL) !== 0)
      findings.push(
        warning(at, "everybody on this machine can write this file", `chmod o-w ${file}`),
      );
    if (found.uid !== 0 && found.uid !== world.uid)
      findings.push(
        warning(at, `this file belongs to user ${found.uid}, who can change what smtpd does`),
      );
    if (secrets.has(file) && (found.mode & READABLE_BY_ALL) !== 0)
      findings.push(
        warning(at, "everybody on this machine can read these passwords", `chmod o-r ${file}`),
      );
  }
  return findings;
}

function tableFiles({ tables }: Config): readonly string[] {
  return [...tables.values()].flatMap(({ source }) => ("path" in source ? [source.path] : []));
}

/** Files with the passwords of users, or those that hosts and issuers of tokens ask of us. */
function secretFiles({ listeners, actions, oauthSecrets }: Config): readonly string[] {
  const tables = [
    ...listeners.map(({ auth }) => credentialsOf(auth)),
    ...[...actions.values()].map((action) => (action.kind === "relay" ? action.auth : undefined)),
  ];
  const files = tables.flatMap((table) =>
    table !== undefined && "path" in table.source ? [table.source.path] : [],
  );
  return [...files, ...oauthSecrets.keys()];
}
