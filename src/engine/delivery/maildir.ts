/**
 * Delivers a message into a Maildir.
 *
 * Promises: "delivered" means durable: the file was synced under tmp/, linked into
 * new/, and new/ was synced. No file is ever replaced. After any failure nothing is
 * left in new/ that was not reported, and the file under tmp/ is removed.
 * OpenSMTPD's mail.maildir renames (and so may overwrite) and does not sync new/.
 *
 * Limits: the caller runs as the mailbox's owner; nothing here changes users.
 * Source: maildir(5); OpenSMTPD's mail.maildir(8) and mda.c.
 */
import type { Clock } from "#base/ports/clock.ts";
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import { findDeliveredTo } from "./delivered-to.ts";
import { LocalLines } from "./local-lines.ts";
import { makeMaildir } from "./maildir-folders.ts";
import { isSafePath, maildirFileName } from "./maildir-names.ts";
import type { DeliveryResult, MessageText } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";

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
}

/** One envelope's delivery. */
export interface MailboxDelivery {
  readonly message: Message;
  readonly envelope: Envelope;
  readonly text: MessageText;
}

/** How often a name is drawn anew because it was taken. */
const MAX_NAMES = 8;
/** Text is gathered up to this size before it is written. */
const WRITE_BYTES: number = 256 * 1024;
const FILE_PERMISSIONS = 0o600;

/** Delivers once. Never rejects for what files or the message can cause. */
export async function deliverMaildir(
  ports: MaildirPorts,
  mailbox: Mailbox,
  delivery: MailboxDelivery,
): Promise<DeliveryResult> {
  const { evpid, destination } = delivery.envelope;
  const said = { evpid, remote: mailbox.path };
  if (!isSafePath(mailbox.path)) {
    return { ...said, outcome: "failed", status: "5.3.5", diagnostic: "Mailbox path is not safe" };
  }
  try {
    const seen = await findDeliveredTo(delivery.text);
    if (seen.has(destination.toLowerCase())) {
      const diagnostic = "Delivered-To loop detected";
      return { ...said, outcome: "loop", status: "5.4.6", diagnostic };
    }
    await deliver(ports, mailbox, delivery);
    return { ...said, outcome: "delivered", status: "2.0.0", diagnostic: "Delivered" };
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    // Only a part that came from an address can be that long, and it stays so.
    const outcome = error.code === "ENAMETOOLONG" ? "failed" : "deferred";
    return { ...said, outcome, ...wordsOf(error) };
  }
}

async function deliver(
  ports: MaildirPorts,
  mailbox: Mailbox,
  delivery: MailboxDelivery,
): Promise<void> {
  let hasMadeFolders = false;
  for (let tries = 1; ; tries++) {
    try {
      await deliverOnce(ports, mailbox, delivery);
      return;
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
): Promise<void> {
  const { files, clock, random } = ports;
  const name = maildirFileName(clock, random, hostname);
  const temporary = `${path}/tmp/${name}`;
  await writeTemporary(files, temporary, delivery);
  try {
    await publish(files, temporary, `${path}/new`, name);
  } finally {
    await removeQuietly(files, temporary);
  }
}

/** Leaves a whole, durable file, or none. */
async function writeTemporary(
  files: Files,
  path: string,
  delivery: MailboxDelivery,
): Promise<void> {
  const file = await files.open(path, "create", FILE_PERMISSIONS);
  try {
    try {
      await writeText(file, delivery);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await removeQuietly(files, path);
    throw error;
  }
}

const AS_IT_IS: Pick<LocalLines, "push" | "end"> = {
  push: (text) => text,
  end: () => new Uint8Array(0),
};

async function writeText(file: OpenFile, delivery: MailboxDelivery): Promise<void> {
  const { text } = delivery;
  // RFC 3030 §3: the octets of a binary text are no lines.
  const isBinary = delivery.message.terms?.isBinary === true;
  const lines = isBinary ? AS_IT_IS : new LocalLines();
  let readBytes = 0;
  let offset = 0;
  let waiting: Uint8Array[] = [prependedFields(delivery)];
  let waitingBytes = totalBytes(waiting);
  for await (const chunk of text.chunks()) {
    readBytes += chunk.length;
    const local = lines.push(chunk);
    waiting.push(local);
    waitingBytes += local.length;
    if (waitingBytes < WRITE_BYTES) continue;
    await file.write(waiting, offset);
    offset += waitingBytes;
    waiting = [];
    waitingBytes = 0;
  }
  if (readBytes !== text.bytes) {
    throw new FilesError("EIO", `Text has ${readBytes} bytes, not ${text.bytes}`);
  }
  await file.write([...waiting, lines.end()], offset);
}

/** No line break can come from an address: nothing may add a field. */
function prependedFields({ message, envelope }: MailboxDelivery): Uint8Array {
  const { reversePath } = message;
  const sender = reversePath === "" ? "" : `Return-Path: <${oneLine(reversePath)}>\n`;
  return Buffer.from(`${sender}Delivered-To: ${oneLine(envelope.destination)}\n`, "utf8");
}

function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}

/** Moves a finished file into new/, where readers see it, without replacing anything there. */
async function publish(
  files: Files,
  temporary: string,
  folder: string,
  name: string,
): Promise<void> {
  const published = `${folder}/${name}`;
  await files.link(temporary, published);
  try {
    await files.syncFolder(folder);
  } catch (error) {
    // Not durable, so not delivered: it will be delivered again.
    await removeQuietly(files, published);
    throw error;
  }
}

async function removeQuietly(files: Files, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    // A file left in tmp/ is what maildir(5) expects to be cleaned up after 36 hours.
    if (!(error instanceof FilesError)) throw error;
  }
}

function totalBytes(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof FilesError && error.code === code;
}

/** RFC 3463 §3.3, §3.4: mailbox full, system full, and everything else. */
function wordsOf(error: FilesError): { readonly status: string; readonly diagnostic: string } {
  switch (error.code) {
    case "EDQUOT":
      return { status: "4.2.2", diagnostic: "Mailbox is over its quota" };
    case "ENOSPC":
      return { status: "4.3.1", diagnostic: "No space left for mailbox" };
    case "EACCES":
    case "EPERM":
    case "EROFS":
    case "ENOTDIR":
    case "ELOOP":
      return { status: "4.3.5", diagnostic: `Mailbox cannot be written: ${error.code}` };
    case "ENAMETOOLONG":
      return { status: "5.1.1", diagnostic: "No mailbox can have so long a name" };
    default:
      return { status: "4.3.0", diagnostic: `Mailbox trouble: ${error.code}` };
  }
}
