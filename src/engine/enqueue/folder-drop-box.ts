/**
 * Puts mail into the drop folder: what `drop` calls dropped is complete and on disk, under a
 * name that nobody can guess. What is not is gone, or is a file of mode 0600 that will be
 * removed: a writer that is killed has told its caller nothing.
 *
 * The folder cannot be synced by who may not read it. It need not be: on the file systems of
 * Linux the sync of a file that was just made has its name on disk as well.
 */
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import type { MessageText } from "#model/delivery.ts";
import type { DropBox, Dropped } from "./drop-box.ts";
import { encodeDroppedHead } from "./dropped-head.ts";
import { COMPLETE_MODE, NAME_BYTES, UNFINISHED_MODE } from "./dropped-names.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";

export interface DropPorts {
  readonly files: Pick<Files, "open" | "unlink">;
  readonly random: Random;
}

export function folderDropBox(ports: DropPorts, folder: string): DropBox {
  return { drop: (mail, text) => drop(ports, folder, mail, text) };
}

async function drop(
  { files, random }: DropPorts,
  folder: string,
  mail: OutgoingMail,
  text: MessageText,
): Promise<Dropped> {
  const head = encodeDroppedHead(mail);
  if (head === undefined) return { kind: "failed", why: "it has too many recipients" };
  const path = `${folder}/${nameFrom(random)}`;
  let file: OpenFile;
  try {
    file = await files.open(path, "create", UNFINISHED_MODE);
  } catch (error) {
    return failed(error);
  }
  try {
    await write(file, head, text);
    await file.seal(COMPLETE_MODE);
  } catch (error) {
    // It may be complete by its mode, and not on disk: it must not be handed in as well.
    await quietly(() => files.unlink(path));
    await quietly(() => file.close());
    return failed(error);
  }
  await quietly(() => file.close());
  return { kind: "dropped" };
}

function nameFrom(random: Random): string {
  const bytes = Buffer.alloc(NAME_BYTES);
  random.fill(bytes);
  return bytes.toString("hex");
}

async function write(file: OpenFile, head: Uint8Array, text: MessageText): Promise<void> {
  await file.write([head], 0);
  let at = head.length;
  for await (const chunk of text.chunks()) {
    await file.write([chunk], at);
    at += chunk.length;
  }
  if (at !== head.length + text.bytes)
    throw new FilesError("EIO", "the message is not as long as it was");
}

/** What it is for has failed already, or is done. */
async function quietly(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
  }
}

function failed(error: unknown): Dropped {
  if (!(error instanceof FilesError)) throw error;
  return { kind: "failed", why: error.message };
}
