/**
 * Users of the system to deliver to, with homes in a folder of their own:
 *
 *   bin/node bench/system-users.ts --make | --remove
 *
 * Needs root. What was delivered to a home is moved aside before each run and not deleted,
 * as file systems pass over freshly deleted files one by one.
 */
import { spawnSync } from "node:child_process";
import { chownSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { parseArgs } from "node:util";

export const SYSTEM_USERS = 100;

const HOMES = "/var/tmp/postrider-bench-homes";

export interface SystemUser {
  readonly name: string;
  readonly home: string;
}

export function systemUserName(number: number): string {
  return `postrider-bench-${number}`;
}

export function systemUsers(): readonly SystemUser[] {
  return Array.from({ length: SYSTEM_USERS }, (_, index) => {
    const name = systemUserName(index + 1);
    return { name, home: `${HOMES}/${name}` };
  });
}

/** Why nobody can be delivered to; undefined: they are there. */
export function systemUsersFault(): string | undefined {
  const known = readFileSync("/etc/passwd", "utf8");
  const isThere = systemUsers().every(({ name }) => known.includes(`\n${name}:`));
  return isThere ? undefined : "no users to deliver to: bin/node bench/system-users.ts --make";
}

/** Each home is as if nobody had ever delivered to it. */
export function emptyHomes(): void {
  const stamp = Date.now();
  for (const { home } of systemUsers()) {
    const maildir = `${home}/Maildir`;
    if (statSync(maildir, { throwIfNoEntry: false })) renameSync(maildir, `${home}/old-${stamp}`);
  }
}

function make(): void {
  mkdirSync(HOMES, { recursive: true, mode: 0o755 });
  for (const { name, home } of systemUsers()) {
    const options = ["--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"];
    spawnSync("useradd", [...options, "--home-dir", home, name], { stdio: "inherit" });
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const entry = spawnSync("getent", ["passwd", name], { encoding: "utf8" }).stdout.split(":");
    chownSync(home, Number(entry[2]), Number(entry[3]));
  }
}

function remove(): void {
  for (const { name } of systemUsers()) spawnSync("userdel", [name], { stdio: "inherit" });
  rmSync(HOMES, { recursive: true, force: true });
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      make: { type: "boolean", default: false },
      remove: { type: "boolean", default: false },
    },
  });
  if (values.make) make();
  if (values.remove) remove();
}
