/**
 * What the daemon needs of this machine: room on the disk, folders that nobody else can read or
 * write, users of its own.
 *
 * A folder that is not there yet is made at the first start: it is told, and is no fault.
 */
import type { Lookup } from "#base/lookup.ts";
import { type Files, FilesError, type FileStat } from "#base/ports/files.ts";
import type { ListedFolder } from "#base/ports/listed-folder.ts";
import type { User, Users } from "#base/ports/users.ts";
import { kindOfName } from "#engine/enqueue/dropped-names.ts";
import { type Check, fail, noAnswer, ok, unknown, type Verdict, warn } from "./verdict.ts";

/** A day of mail of a small server, and time to see the warning. */
const LITTLE_BYTES: number = 1024 * 1024 * 1024;
const LITTLE_FILES = 10_000;
/** Blobs and segments of a working queue. */
const FEW_FILES = 100;
/** Of a folder that anybody may fill, as many names are looked at. */
export const MAX_NAMES_COUNTED = 10_000;

const LOOK_AT_FAILED =
  "read what is called *.failed there; remove it, or take that off its name to have it tried again";

/** A path of the daemon, and who may do what with it. */
export interface OwnedPath {
  readonly name: "folder" | "socket" | "configuration-file";
  readonly path: string;
  /** Bits that must not be set. */
  readonly forbiddenBits: number;
  /** Bits without which the others are not safe. */
  readonly neededBits: number;
  /** User names, any of which may own it. */
  readonly owners: readonly string[];
  readonly kind: FileStat["kind"];
}

export interface StateParts {
  readonly files: Pick<Files, "freeSpace" | "list" | "stat">;
  /** A folder that others fill. */
  readonly listed: (folder: string) => Pick<ListedFolder, "names">;
  readonly users: Users;
}

export function pathCheck(wanted: OwnedPath, parts: StateParts): Check {
  return { name: wanted.name, subject: wanted.path, look: () => lookAtPath(wanted, parts) };
}

async function lookAtPath(wanted: OwnedPath, { files, users }: StateParts): Promise<Verdict> {
  const stat = await answered(() => files.stat(wanted.path));
  if (stat.kind === "absent")
    return unknown("it is not there yet", "smtpd makes it when it starts");
  if (stat.kind === "unavailable") return unknown(stat.cause.message, "ask as root");
  const { value } = stat;
  const { path, forbiddenBits, neededBits, kind } = wanted;
  if (value.kind !== kind) return fail(`it is no ${kind}: ${value.kind}`, "move it away");
  const owner = await ownerOf(value.uid, wanted.owners, users);
  const mode = octal(value.mode);
  if (owner === undefined)
    return fail(
      `it belongs to user ${value.uid}, mode ${mode}`,
      `chown ${wanted.owners[0] ?? ""} ${path}`,
    );
  if ((value.mode & forbiddenBits) !== 0)
    return fail(
      `others can use it: its mode is ${mode}`,
      `chmod ${octal(value.mode & ~forbiddenBits)} ${path}`,
    );
  if ((value.mode & neededBits) !== neededBits)
    return fail(`its mode is ${mode}`, `chmod ${octal(value.mode | neededBits)} ${path}`);
  return ok(`${owner}'s, mode ${mode}`);
}

async function ownerOf(
  uid: number,
  names: readonly string[],
  users: Users,
): Promise<string | undefined> {
  for (const name of names) {
    const user = await users.lookup(name);
    if (user.kind === "found" && user.value.uid === uid) return name;
  }
  return undefined;
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/** @param largest the size of a message that must fit. */
export function diskCheck(spool: string, largest: number, { files }: StateParts): Check {
  const look = async (): Promise<Verdict> => {
    const space = await answered(() => files.freeSpace(spool));
    if (space.kind === "absent")
      return unknown("there is no spool yet", "smtpd makes it when it starts");
    if (space.kind === "unavailable") return unknown(space.cause.message, "ask as root");
    const { bytes, files: left } = space.value;
    const shown = `${Math.trunc(bytes / (1024 * 1024))} MiB free${Number.isFinite(left) ? `, and ${left} files` : ""}`;
    const advice = "make room: mail is refused for a while when there is none";
    if (bytes < largest || left < FEW_FILES) return fail(`only ${shown}`, advice);
    if (bytes < LITTLE_BYTES || left < LITTLE_FILES) return warn(`only ${shown}`, advice);
    return ok(shown);
  };
  return { name: "disk", subject: spool, look };
}

/** What a start has put aside of the spool, as it could not be read. */
export function quarantineCheck(spool: string, { files }: StateParts): Check {
  const folder = `${spool}/corrupt`;
  const look = async (): Promise<Verdict> => {
    const names = await answered(() => files.list(folder));
    if (names.kind === "unavailable") return unknown(names.cause.message, "ask as root");
    const count = names.kind === "found" ? names.value.length : 0;
    if (count === 0) return ok("nothing of it was found damaged");
    return warn(
      `${count} damaged ${count === 1 ? "piece was" : "pieces were"} put aside in ${folder}`,
      "see what the log says of them, and of the disk; move them away when they are dealt with",
    );
  };
  return { name: "spool", subject: spool, look };
}

/** Mail of local programs that no daemon has taken yet. */
export function offlineCheck(folder: string, { listed }: StateParts): Check {
  const look = async (): Promise<Verdict> => {
    const counted = await answered(() => countDropped(listed(folder)));
    if (counted.kind === "absent") return ok("nothing waits");
    if (counted.kind === "unavailable") return unknown(counted.cause.message, "ask as root");
    return judgeDropped(counted.value);
  };
  return { name: "offline", subject: folder, look };
}

interface Dropped {
  readonly waiting: number;
  readonly givenUp: number;
  /** There are more names than MAX_NAMES_COUNTED: the others were not looked at. */
  readonly isMore: boolean;
}

async function countDropped(folder: Pick<ListedFolder, "names">): Promise<Dropped> {
  let seen = 0;
  let waiting = 0;
  let givenUp = 0;
  for await (const names of folder.names()) {
    for (const name of names) {
      if (++seen > MAX_NAMES_COUNTED) return { waiting, givenUp, isMore: true };
      const kind = kindOfName(name);
      if (kind === "mail") waiting++;
      if (kind === "failed") givenUp++;
    }
  }
  return { waiting, givenUp, isMore: false };
}

function judgeDropped({ waiting, givenUp, isMore }: Dropped): Verdict {
  if (waiting === 0 && givenUp === 0 && !isMore) return ok("nothing waits");
  const wait = `${waiting} ${waiting === 1 ? "message waits" : "messages wait"}`;
  const found = givenUp === 0 ? wait : `${wait}, ${givenUp} given up`;
  return warn(
    isMore
      ? `more than ${MAX_NAMES_COUNTED} files, of which that many were looked at: ${found}`
      : found,
    givenUp > 0 ? LOOK_AT_FAILED : "start smtpd, which takes them; what stays is told in its log",
  );
}

/** @param isRoot whether root asks: then the daemon runs as all of them, else as who starts it. */
export function userCheck(names: readonly string[], isRoot: boolean, users: Users): Check {
  const look = async (): Promise<Verdict> => {
    const found: User[] = [];
    for (const name of names) {
      const answer = await users.lookup(name);
      if (answer.kind === "unavailable") return noAnswer(`user ${name}`, answer.cause);
      if (answer.kind === "found") found.push(answer.value);
      else
        return isRoot
          ? fail(`user ${name} does not exist`, "run tools/install-users")
          : unknown(`user ${name} does not exist`, "only a daemon of root needs its users");
    }
    return judgeUsers(found);
  };
  return { name: "users", subject: "", look };
}

function judgeUsers(users: readonly User[]): Verdict {
  const root = users.find(({ uid, gid }) => uid === 0 || gid === 0);
  if (root !== undefined)
    return fail(`user ${root.name} has root's number`, "give it numbers of its own");
  const uids = new Map<number, string>();
  for (const { name, uid } of users) {
    const other = uids.get(uid);
    if (other !== undefined)
      return fail(`users ${other} and ${name} have the same number`, "give each one of its own");
    uids.set(uid, name);
  }
  return ok(`${users.length} users, each with a number of its own`);
}

/** The three answers of a file operation. */
async function answered<Value>(ask: () => Promise<Value>): Promise<Lookup<Value>> {
  try {
    return { kind: "found", value: await ask() };
  } catch (cause) {
    if (!(cause instanceof FilesError)) throw cause;
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return { kind: "absent" };
    return { kind: "unavailable", cause };
  }
}
