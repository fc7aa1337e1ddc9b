/**
 * Appends a message to an mbox: a user's of /var/mail, or a file that a list names.
 *
 * Promises: "delivered" means written whole and synced. When a write fails the file is cut
 * back to what it was. Only a plain file with one name that belongs to the account is written
 * to; no symbolic link is followed, no device and no pipe is opened. A message that a crash
 * cut short does not run into the next.
 *
 * Limits: the caller holds the lock (mailbox-locks.ts) and runs as the owner; a crash may
 * leave the start of a message, which is delivered again.
 * Source: mbox(5), RFC 4155; OpenSMTPD's mail.local(8) and mail.mboxfile; CVE-2008-2936.
 */
import type { Clock } from "#base/ports/clock.ts";
import { type Files, FilesError, type FileStat, type OpenFile } from "#base/ports/files.ts";
import { LF } from "#base/ascii.ts";
import type { DeliveryResult } from "#model/delivery.ts";
import { fromLine } from "./from-line.ts";
import {
  DELIVERED,
  type DeliveryEnd,
  deliverLocally,
  localText,
  type MailboxDelivery,
  prependedFields,
} from "./local-message.ts";
import { isSafePath } from "./maildir-names.ts";
import { MboxLines } from "./mbox-lines.ts";
import { writeText } from "./text-writing.ts";

export interface MboxPorts {
  readonly files: Files;
  readonly clock: Clock;
}

export interface Mbox {
  /** Absolute. */
  readonly path: string;
  /** Whom it belongs to. */
  readonly uid: number;
}

const FILE_PERMISSIONS = 0o600;
/** A file of an alias by which mail is thrown away. */
export const NOWHERE = "/dev/null";

const BLANK_LINE: Uint8Array = Uint8Array.of(LF, LF);

/** Delivers once. Never rejects for what files or the message can cause. */
export async function deliverMbox(
  ports: MboxPorts,
  mbox: Mbox,
  delivery: MailboxDelivery,
): Promise<DeliveryResult> {
  return deliverLocally(delivery, mbox.path, async () => {
    if (mbox.path === NOWHERE) return DELIVERED;
    if (!isSafePath(mbox.path)) return refused("its path is not safe");
    const file = await openMbox(ports.files, mbox.path);
    if (typeof file === "string") return refused(file);
    try {
      const stat = await file.stat();
      const why = whyNotWritten(stat, mbox.uid);
      if (why !== undefined) return refused(why);
      await append(ports.clock, file, stat.bytes, delivery);
      return DELIVERED;
    } finally {
      await file.close();
    }
  });
}

/** The file, which is made if need be; or what it is in its place. @throws {FilesError} */
async function openMbox(files: Files, path: string): Promise<OpenFile | string> {
  try {
    // Opening a device or a pipe may do something already: nothing is opened that is no file.
    const named = await files.stat(path);
    return named.kind === "file" ? await files.open(path, "update") : noFile(named);
  } catch (error) {
    if (!(error instanceof FilesError) || error.code !== "ENOENT") throw error;
  }
  await (await files.open(path, "create", FILE_PERMISSIONS)).close();
  await files.syncFolder(path.slice(0, Math.max(1, path.lastIndexOf("/"))));
  return files.open(path, "update");
}

function whyNotWritten(stat: FileStat, uid: number): string | undefined {
  if (stat.kind !== "file") return noFile(stat);
  if (stat.uid !== uid) return "it belongs to another user";
  return stat.links === 1 ? undefined : "it has another name too";
}

function noFile({ kind }: FileStat): string {
  return kind === "symlink" ? "it is a symbolic link" : "it is no plain file";
}

/** Its owner can put it right. */
function refused(why: string): DeliveryEnd {
  return { outcome: "deferred", status: "4.3.5", diagnostic: `Mailbox cannot be written: ${why}` };
}

async function append(
  clock: Clock,
  file: OpenFile,
  end: number,
  delivery: MailboxDelivery,
): Promise<void> {
  const before = await missingEnd(file, end);
  const from = fromLine(delivery.message.reversePath, clock.wallMs());
  const head = Buffer.concat([before, Buffer.from(`${from}\n`), prependedFields(delivery)]);
  try {
    await writeText(file, end, localText(delivery.text, head, new MboxLines()));
    await file.sync();
  } catch (error) {
    await cutBack(file, end);
    throw error;
  }
}

/** What the last message lacks to be told from the next. */
async function missingEnd(file: OpenFile, end: number): Promise<Uint8Array> {
  if (end === 0) return new Uint8Array(0);
  const last = await file.read(Math.max(0, end - 2), 2);
  if (last.at(-1) !== LF) return BLANK_LINE;
  return last.length === 2 && last[0] !== LF ? BLANK_LINE.subarray(1) : new Uint8Array(0);
}

async function cutBack(file: OpenFile, end: number): Promise<void> {
  try {
    await file.truncate(end);
    await file.sync();
  } catch (error) {
    // What could not be taken back is the start of a message, ended by the next one.
    if (!(error instanceof FilesError)) throw error;
  }
}
