/**
 * Reads `~/.forward`, as its owner: only a file that nobody else can have written.
 *
 * The home is looked at first: one that others may write to is for good; its sticky bit says
 * that the owner is editing, and is for now. Where there is no home there is no file. The file is
 * opened without following a link and judged by what was opened. Nothing is read of
 * what is no plain file, so no device and no pipe is even opened.
 *
 * Source: forward(5); OpenSMTPD smtpd.c (parent_forward_open), forward.c, util.c (secure_file).
 */
import { type Files, FilesError, type FileStat, type OpenFile } from "#base/ports/files.ts";
import { type ForwardFile, MAX_FORWARD_FILE_BYTES } from "#model/forward-file.ts";

export interface ForwardingAccount {
  /** Absolute. */
  readonly home: string;
  readonly uid: number;
}

const STICKY = 0o1000;
const WRITABLE_BY_OTHERS = 0o022;

/** The path is wrong, and asking again does not make it right. */
const FOR_GOOD: readonly string[] = ["ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG"];

const ABSENT: ForwardFile = { kind: "absent" };

/** Never rejects for what files can cause. */
export async function readForwardFile(
  files: Files,
  account: ForwardingAccount,
): Promise<ForwardFile> {
  if (!account.home.startsWith("/")) return refused("the home is no absolute path");
  const home = await judgeHome(files, account);
  if (home !== undefined) return home;
  const path = `${account.home}/.forward`;
  try {
    // Opening a device may do something already: nothing is opened that is no file.
    const named = await files.stat(path);
    if (named.kind !== "file") return refused(notPlain(named));
    const file = await files.open(path, "read");
    try {
      return await readOpen(file, account.uid);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    if (error.code === "ENOENT") return ABSENT;
    if (error.code === "ELOOP") return refused("it is a symbolic link");
    return unavailable(`it cannot be read: ${error.code}`);
  }
}

/** Why the home rules a forward file out; undefined if it does not. */
async function judgeHome(
  files: Files,
  { home, uid }: ForwardingAccount,
): Promise<ForwardFile | undefined> {
  try {
    const stat = await files.statTarget(home);
    if (stat.kind !== "folder") return refused("the home is no folder");
    if ((stat.mode & STICKY) !== 0)
      return unavailable("the home has the sticky bit: the file is being edited");
    const fault = ownershipFault(stat, uid, "root-too");
    return fault === undefined ? undefined : refused(`the home ${fault}`);
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    // As of `nobody`, to whom aliases lead.
    if (error.code === "ENOENT") return ABSENT;
    const why = `the home cannot be looked at: ${error.code}`;
    return FOR_GOOD.includes(error.code) ? refused(why) : unavailable(why);
  }
}

async function readOpen(file: OpenFile, uid: number): Promise<ForwardFile> {
  const stat = await file.stat();
  if (stat.kind !== "file") return refused(notPlain(stat));
  const fault = ownershipFault(stat, uid, "user-only");
  if (fault !== undefined) return refused(`it ${fault}`);
  // It may grow while it is read: one byte more than there may be tells.
  const bytes = await file.read(0, MAX_FORWARD_FILE_BYTES);
  if (bytes.length >= MAX_FORWARD_FILE_BYTES)
    return unavailable(`it has ${MAX_FORWARD_FILE_BYTES} bytes or more`);
  return { kind: "found", text: Buffer.from(bytes).toString("utf8") };
}

function ownershipFault(
  { uid, mode }: FileStat,
  user: number,
  owners: "user-only" | "root-too",
): string | undefined {
  const isOwn = uid === user || (owners === "root-too" && uid === 0);
  if (!isOwn) return "belongs to another user";
  if ((mode & WRITABLE_BY_OTHERS) !== 0) return "can be written by group or others";
  return undefined;
}

function notPlain({ kind }: FileStat): string {
  return kind === "symlink" ? "it is a symbolic link" : "it is no plain file";
}

function refused(why: string): ForwardFile {
  return { kind: "refused", why };
}

function unavailable(why: string): ForwardFile {
  return { kind: "unavailable", why };
}
