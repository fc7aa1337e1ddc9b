/**
 * Delivers a message into a Maildir.
 *
 * Promises: "delivered" means durable: the file was synced under tmp/, linked into
 * new/, and new/ was synced. No file is ever replaced. After any failure nothing is
 * left in new/ that was not reported, and the file under tmp/ is removed. A Maildir
 * with a quota (`maildirsize`) does not grow beyond it by this.
 * OpenSMTPD's mail.maildir renames (and so may overwrite) and does not sync new/.
 *
 * Limits: the caller runs as the mailbox's owner; nothing here changes users.
 * Source: maildir(5); Maildir++; OpenSMTPD's mail.maildir(8) and mda.c.
 */
import type { Clock } from "#base/ports/clock.ts";
import { type Files, FilesError } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import type { DeliveryResult } from "#model/delivery.ts";
import {
  DELIVERED,
  type DeliveryEnd,
  deliverLocally,
  linesOf,
  localText,
  type MailboxDelivery,
  prependedFields,
} from "./local-message.ts";
import { folderFor, makeMaildir } from "./maildir-folders.ts";
import { isSafePath, maildirFileName } from "./maildir-names.ts";
import { countInQuota, hasRoom } from "./maildir-quota.ts";
import { removeQuietly } from "./quiet-removal.ts";
import { WRITE_BYTES, writeText } from "./text-writing.ts";

export interface MaildirPorts {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
}

/** Where to deliver. */
export interface Mailbox {
  /** The Maildir: absolute, fully expanded. */
  readonly path: string;
  /** Our host name, for the names of files. */
  readonly hostname: string;
  /** What is called spam goes to its folder `.Junk`, which is made. */
  readonly junk: boolean;
  /** The sub-address, or "": that folder of the Maildir, if it is there. */
  readonly extension: string;
}

/** How often a name is drawn anew because it was taken. */
const MAX_NAMES = 8;
const FILE_PERMISSIONS = 0o600;

const UNSAFE: DeliveryEnd = {
  outcome: "failed",
  status: "5.3.5",
  diagnostic: "Mailbox path is not safe",
};
const FULL: DeliveryEnd = { outcome: "failed", status: "5.2.2", diagnostic: "Mailbox is full" };

/** Delivers once. Never rejects for what files or the message can cause. */
export async function deliverMaildir(
  ports: MaildirPorts,
  mailbox: Mailbox,
  delivery: MailboxDelivery,
): Promise<DeliveryResult> {
  const { path } = mailbox;
  if (!isSafePath(path)) return { evpid: delivery.envelope.evpid, remote: path, ...UNSAFE };
  return deliverLocally(delivery, path, async ({ isSpam }) => {
    // What is written is a little less, by the line ends, or more, by two fields.
    const room = await hasRoom(ports, path, delivery.text.bytes);
    if (room === "full") return FULL;
    const folder = await folderFor(ports.files, mailbox, isSpam);
    const bytes = await deliver(ports, { ...mailbox, path: folder }, delivery);
    if (room === "room") await countInQuota(ports.files, path, bytes);
    return DELIVERED;
  });
}

/** @returns the bytes of the file. */
async function deliver(
  ports: MaildirPorts,
  mailbox: Mailbox,
  delivery: MailboxDelivery,
): Promise<number> {
  let hasMadeFolders = false;
  for (let tries = 1; ; tries++) {
    try {
      return await deliverOnce(ports, mailbox, delivery);
    } catch (error) {
      if (tries === MAX_NAMES) throw error;
      if (isCode(error, "EEXIST")) continue;
      if (hasMadeFolders || !isCode(error, "ENOENT")) throw error;
      hasMadeFolders = true;
      await makeMaildir(ports.files, mailbox.path);
    }
  }
}

async function deliverOnce(
  ports: MaildirPorts,
  { path, hostname }: Mailbox,
  delivery: MailboxDelivery,
): Promise<number> {
  const { files, clock, random } = ports;
  const name = maildirFileName(clock, random, hostname);
  const temporary = `${path}/tmp/${name}`;
  const bytes = await writeTemporary(files, temporary, delivery);
  await publish(files, temporary, `${path}/new`, name);
  return bytes;
}

/** Leaves a whole, durable file, or none. */
async function writeTemporary(
  files: Files,
  path: string,
  delivery: MailboxDelivery,
): Promise<number> {
  const { text, message } = delivery;
  // A text that leaves in one write is durable with it: a call less than a sync behind it.
  const isSmall = text.bytes <= WRITE_BYTES;
  const file = await files.open(path, isSmall ? "create-dsync" : "create", FILE_PERMISSIONS);
  try {
    try {
      const pieces = localText(text, prependedFields(delivery), linesOf(message));
      const bytes = await writeText(file, 0, pieces);
      if (!isSmall) await file.sync();
      return bytes;
    } finally {
      await file.close();
    }
  } catch (error) {
    await removeQuietly(files, path);
    throw error;
  }
}

/**
 * Moves a finished file into new/, where readers see it, without replacing anything there.
 * Its first name goes while the second becomes durable: if the power goes before that, the
 * delivery was not reported, and is made again.
 */
async function publish(
  files: Files,
  temporary: string,
  folder: string,
  name: string,
): Promise<void> {
  const published = `${folder}/${name}`;
  try {
    await files.link(temporary, published);
  } catch (error) {
    await removeQuietly(files, temporary);
    throw error;
  }
  const removed = removeQuietly(files, temporary);
  try {
    await files.syncFolder(folder);
  } catch (error) {
    // Not durable, so not delivered: it will be delivered again.
    await removeQuietly(files, published);
    throw error;
  } finally {
    await removed;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof FilesError && error.code === code;
}
