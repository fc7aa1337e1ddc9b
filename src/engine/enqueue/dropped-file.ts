/**
 * One file of the drop folder, opened and read by a process that runs as its owner.
 *
 * Whoever named the file may have meant another by now: what counts is what the open file
 * says of itself. A link is not followed, a FIFO waited for by nobody.
 */
import { type Files, FilesError, type OpenFile } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";
import {
  decodeDroppedHead,
  type DroppedHead,
  encodeTakenFor,
  MAX_HEAD_BYTES,
} from "./dropped-head.ts";
import { conditionOf } from "./dropped-names.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";

/** Read at once. */
const CHUNK_BYTES: number = 64 * 1024;

export interface DroppedMail {
  readonly mail: OutgoingMail;
  /** Of its recipients, from the first: the daemon has it. */
  readonly takenFor: number;
  readonly text: MessageText;
  /** Since it is complete; by the wall clock. */
  readonly writtenAtMs: number;
  /** It is not sent to them again. */
  nowTakenFor(count: number): Promise<void>;
  close(): Promise<void>;
}

export type OpenedDrop =
  | { readonly kind: "mail"; readonly dropped: DroppedMail }
  /** It is gone, or not complete: not ours, or not yet. */
  | { readonly kind: "not-there"; readonly why: string }
  /** It will never be mail. */
  | { readonly kind: "unusable"; readonly why: string };

/** @param owner must own it: who runs this. */
export async function openDropped(
  { files, nowMs }: { readonly files: Pick<Files, "open">; readonly nowMs: number },
  path: string,
  owner: number,
): Promise<OpenedDrop> {
  let file: OpenFile;
  try {
    file = await files.open(path, "update");
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    return { kind: "not-there", why: error.message };
  }
  try {
    const opened = await read(file, nowMs, owner);
    if (opened.kind !== "mail") await file.close();
    return opened;
  } catch (error) {
    await file.close();
    if (!(error instanceof FilesError)) throw error;
    return { kind: "not-there", why: error.message };
  }
}

async function read(file: OpenFile, nowMs: number, owner: number): Promise<OpenedDrop> {
  const stat = await file.stat();
  if (stat.uid !== owner) return { kind: "not-there", why: "it belongs to somebody else" };
  const condition = conditionOf(stat, nowMs);
  if (condition.kind === "odd") return { kind: "not-there", why: `it is ${condition.what}` };
  if (condition.kind !== "complete") return { kind: "not-there", why: "it is not complete" };
  const head = await readHead(file);
  if (head.kind === "incomplete") return { kind: "unusable", why: "it ends before its text" };
  if (head.kind === "wrong") return { kind: "unusable", why: head.why };
  const { mail, takenFor, bytes: textAt } = head;
  return {
    kind: "mail",
    dropped: {
      mail,
      takenFor,
      text: textFrom(file, textAt, stat.bytes - textAt),
      writtenAtMs: stat.modifiedAtMs,
      async nowTakenFor(count) {
        const { at, text } = encodeTakenFor(count);
        await file.write([text], at);
      },
      close: () => file.close(),
    },
  };
}

/** Of as much from the start of the file as can be its head. */
async function readHead(file: OpenFile): Promise<DroppedHead> {
  let start: Uint8Array = await file.read(0, CHUNK_BYTES);
  let head = decodeDroppedHead(start);
  while (start.length < MAX_HEAD_BYTES && head.kind === "incomplete") {
    // Twice as much each time: what was read before is read again, and copied by nobody.
    const more = await file.read(0, Math.min(2 * start.length, MAX_HEAD_BYTES));
    if (more.length <= start.length) break;
    start = more;
    head = decodeDroppedHead(start);
  }
  return head;
}

function textFrom(file: OpenFile, from: number, bytes: number): MessageText {
  return {
    bytes,
    async *chunks() {
      for (let at = 0; at < bytes; ) {
        const chunk = await file.read(from + at, Math.min(CHUNK_BYTES, bytes - at));
        if (chunk.length === 0) throw new FilesError("EIO", "the file has become shorter");
        at += chunk.length;
        yield chunk;
      }
    },
  };
}
