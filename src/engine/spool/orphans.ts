/**
 * Blobs that no unfinished message names: texts that were still arriving when the
 * last run ended, and those of finished messages. They are removed at the start;
 * but if anything in the journal was damaged they are kept in quarantine, since
 * the entry that named one may be what was lost.
 */
import type { Files } from "#base/ports/files.ts";
import type { Observe } from "#model/events.ts";
import type { Ledger } from "./ledger.ts";
import type { Quarantine } from "./quarantine.ts";
import { tolerate } from "./file-faults.ts";

interface OrphanParts {
  readonly files: Files;
  readonly observe: Observe;
  readonly blobFolder: string;
  readonly ledger: Ledger;
  readonly quarantine: Quarantine;
}

const FOLDER_NAME = /^[0-9a-f]{2}$/;
const BLOB_NAME = /^[0-9a-f]{8}$/;

/** @throws {FilesError} if a folder cannot be listed. */
export async function clearOrphans(parts: OrphanParts): Promise<void> {
  const { files, blobFolder } = parts;
  for (const name of await files.list(blobFolder)) {
    const path = `${blobFolder}/${name}`;
    const { kind } = await files.stat(path);
    if (!FOLDER_NAME.test(name) || kind !== "folder") {
      parts.observe({ kind: "warning", text: `Foreign in the spool: blobs/${name}` });
      continue;
    }
    for (const msgid of await files.list(path)) await clearOne(parts, path, msgid);
  }
}

async function clearOne(parts: OrphanParts, folder: string, msgid: string): Promise<void> {
  const { files, observe, ledger, quarantine } = parts;
  const path = `${folder}/${msgid}`;
  if (!BLOB_NAME.test(msgid) || (await files.stat(path)).kind !== "file") {
    observe({ kind: "warning", text: `Foreign in the spool: ${path}` });
    return;
  }
  if (ledger.get(msgid)?.inBlob === true) return;
  if (quarantine.damages === 0) await tolerate(files.unlink(path));
  else await quarantine.move(path, "a blob that no message names");
}
