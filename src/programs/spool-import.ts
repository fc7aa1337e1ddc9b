/**
 * `smtpctl import opensmtpd`: takes the queue of an OpenSMTPD that does not run into a spool whose
 * daemon does not run. Each file that is not taken is named with the reason; what is taken is not deleted.
 *
 * Texts and envelopes may be compressed, not encrypted (plain-pieces.ts). An envelope whose action
 * is not in smtpd.conf(5) waits as `no-action`. A message that is in the spool already is not taken again, so
 * that an import that ended early can be made once more.
 *
 * Beside its `queue`, OpenSMTPD has what was handed in while it was down (`offline`), and of old what it could not
 * read (`corrupt`): both are named. What lies in `incoming`, `temporary` and `purge` was never accepted, or is gone.
 */
import { type Files, FilesError } from "#base/ports/files.ts";
import type { Random } from "#base/ports/random.ts";
import type { Message } from "#model/envelope.ts";
import { randomMsgid } from "#model/ids.ts";
import { INLINE_TEXT_BYTES } from "#model/intake.ts";
import {
  MAX_ENVELOPE_FILE_BYTES,
  type OpenSmtpdEnvelope,
  readEnvelopeFile,
} from "#model/opensmtpd/envelope-file.ts";
import { type Imported, importEnvelope, importMessage } from "#model/opensmtpd/exchange.ts";
import type { Blob, Spool, SpoolEntry } from "#engine/spool/spool.ts";
import { ReturnsAndFeeds } from "./line-ends.ts";
import { plainPieces } from "./plain-pieces.ts";

/** Of one message, uncompressed; larger than any `smtp max-message-size` in use. */
export const MAX_TEXT_BYTES: number = 1024 * 1024 * 1024;
const BUCKET = /^[0-9a-f]{2}$/;
const MSGID = /^(?!0{8})[0-9a-f]{8}$/;
const EVPID = /^(?!0{8})[0-9a-f]{8}(?!0{8})[0-9a-f]{8}$/;
const TEXT_NAME = "message";
/** Folders beside the queue that may have mail of somebody. */
const ASIDE: Readonly<Record<string, string>> = {
  offline: "it was handed in while smtpd was down: let OpenSMTPD run once, or send it again",
  corrupt: "OpenSMTPD could not read it",
};

export interface ImportParts {
  readonly files: Files;
  readonly spool: Spool;
  readonly random: Random;
  readonly nowMs: number;
  /** Of envelopes that have none of their own. */
  readonly ttlMs: number;
  /** What is in the spool: when each message came, and from whom, by its id. */
  readonly present: ReadonlyMap<string, Pick<Message, "acceptedAtMs" | "reversePath">>;
  readonly notTaken: (file: string, why: string) => void;
}

export interface ImportCount {
  readonly messages: number;
  readonly envelopes: number;
  /** Envelopes by the name of their action. */
  readonly byAction: ReadonlyMap<string, number>;
}

interface Taken extends Imported {
  readonly theirs: OpenSmtpdEnvelope;
}

/** @param folder the spool of OpenSMTPD, or its `queue`. @throws {FilesError} */
export async function importQueue(parts: ImportParts, folder: string): Promise<ImportCount> {
  const { files, notTaken } = parts;
  const names = await files.list(folder);
  const queue = names.includes("queue") ? `${folder}/queue` : folder;
  let messages = 0;
  let envelopes = 0;
  const byAction = new Map<string, number>();
  for (const bucket of (await files.list(queue)).toSorted()) {
    const isFolder = (await files.stat(`${queue}/${bucket}`)).kind === "folder";
    if (!isFolder || !BUCKET.test(bucket)) {
      notTaken(`${queue}/${bucket}`, "it is no folder of messages");
      continue;
    }
    for (const msgid of (await files.list(`${queue}/${bucket}`)).toSorted()) {
      const path = `${queue}/${bucket}/${msgid}`;
      const taken = await new MessageImport(parts, path, msgid).take();
      if (taken.length > 0) messages++;
      envelopes += taken.length;
      for (const { envelope } of taken)
        byAction.set(envelope.action, (byAction.get(envelope.action) ?? 0) + 1);
    }
  }
  if (queue !== folder) await tellAside(parts, folder, names);
  return { messages, envelopes, byAction };
}

/** @throws {FilesError} */
async function tellAside(
  { files, notTaken }: ImportParts,
  folder: string,
  names: readonly string[],
): Promise<void> {
  for (const [name, why] of Object.entries(ASIDE)) {
    if (!names.includes(name)) continue;
    const aside = (await files.list(`${folder}/${name}`)).toSorted();
    for (const each of aside) notTaken(`${folder}/${name}/${each}`, why);
  }
}

class MessageImport {
  readonly #parts: ImportParts;
  readonly #path: string;
  readonly #msgid: string;

  constructor(parts: ImportParts, path: string, msgid: string) {
    this.#parts = parts;
    this.#path = path;
    this.#msgid = msgid;
  }

  /** The envelopes that were taken. */
  async take(): Promise<readonly Taken[]> {
    const { files, notTaken } = this.#parts;
    try {
      const { kind } = await files.stat(this.#path);
      if (kind !== "folder" || !MSGID.test(this.#msgid))
        return this.#none("it is no folder of a message");
      const names = (await files.list(this.#path)).toSorted();
      const imported = await this.#envelopes(names.filter((name) => name !== TEXT_NAME));
      if (imported.length === 0) return this.#none("it has no envelope that can be taken");
      if (!names.includes(TEXT_NAME)) return this.#none("it has no text");
      if (this.#isPresent(imported)) return this.#none("it is in the queue already");
      return await this.#commit(imported);
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      notTaken(`${this.#path}/${TEXT_NAME}`, error.message);
      return [];
    }
  }

  #none(why: string): readonly Taken[] {
    this.#parts.notTaken(this.#path, why);
    return [];
  }

  /** Two messages may have one id by chance; not one moment and one sender too. */
  #isPresent([first]: readonly Taken[]): boolean {
    const present = this.#parts.present.get(this.#msgid);
    if (first === undefined || present === undefined) return false;
    const { ctime, sender } = first.theirs;
    return (
      present.acceptedAtMs === ctime * 1000 &&
      present.reversePath === (sender === "@" ? "" : sender)
    );
  }

  async #envelopes(names: readonly string[]): Promise<readonly Taken[]> {
    const taken: Taken[] = [];
    for (const name of names) {
      const envelope = await this.#envelope(name);
      if (typeof envelope === "string") this.#parts.notTaken(`${this.#path}/${name}`, envelope);
      else taken.push(envelope);
    }
    return taken;
  }

  async #envelope(name: string): Promise<Taken | string> {
    if (!EVPID.test(name) || !name.startsWith(this.#msgid))
      return "it is no envelope of its message";
    const text = await this.#envelopeText(name);
    if (typeof text !== "string") return text.why;
    const reading = readEnvelopeFile(text);
    if (reading.kind === "refused") return reading.why;
    const imported = importEnvelope(name, reading.envelope, this.#parts.ttlMs);
    return typeof imported === "string" ? imported : { ...imported, theirs: reading.envelope };
  }

  async #envelopeText(name: string): Promise<string | { readonly why: string }> {
    const pieces: Uint8Array[] = [];
    try {
      const path = `${this.#path}/${name}`;
      const read = plainPieces(this.#parts.files, path, MAX_ENVELOPE_FILE_BYTES);
      for await (const piece of read) pieces.push(piece);
    } catch (error) {
      if (!(error instanceof FilesError)) throw error;
      return { why: error.message };
    }
    return Buffer.concat(pieces).toString("utf8");
  }

  async #commit(taken: readonly Taken[]): Promise<readonly Taken[]> {
    const { spool, random, nowMs, files } = this.#parts;
    let msgid = this.#msgid;
    while (spool.has(msgid)) msgid = randomMsgid(random);
    const [first] = taken;
    if (first === undefined) return [];
    const lines = new ReturnsAndFeeds();
    const text = new ArrivingText(() => spool.openBlob(msgid));
    try {
      const pieces = plainPieces(files, `${this.#path}/${TEXT_NAME}`, MAX_TEXT_BYTES);
      for await (const piece of pieces) await text.put(lines.push(piece));
      await text.put(lines.end());
      const { bytes } = text;
      const message = importMessage(msgid, first.theirs, { bytes, is8bit: lines.is8bit });
      const envelopes = taken.map(({ envelope }) => ({
        ...envelope,
        evpid: msgid + envelope.evpid.slice(msgid.length),
      }));
      const batch: SpoolEntry[] = [{ kind: "accepted", message, envelopes, text: text.stored }];
      for (const [index, { progress }] of taken.entries()) {
        const evpid = envelopes[index]?.evpid;
        if (evpid === undefined || progress.lastTryAtMs === 0) continue;
        batch.push(deferredEntry(evpid, progress, nowMs));
      }
      const outcome = await spool.commit(batch);
      if (outcome !== "durable") throw new FilesError("ENOSPC", `It does not fit: ${outcome}`);
      return taken;
    } finally {
      await text.drop();
    }
  }
}

/** A text that goes to a blob when it is too long for the journal, as those of clients do. */
class ArrivingText {
  readonly #open: () => Blob;
  #pieces: Uint8Array[] = [];
  #blob: Blob | undefined;
  #bytes = 0;

  constructor(open: () => Blob) {
    this.#open = open;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** As the `accepted` entry names it. */
  get stored(): readonly Uint8Array[] | "blob" {
    return this.#blob === undefined ? this.#pieces : "blob";
  }

  /** @throws {FilesError} if it does not fit. */
  async put(piece: Uint8Array): Promise<void> {
    this.#bytes += piece.length;
    this.#pieces.push(piece);
    if (this.#bytes <= INLINE_TEXT_BYTES) return;
    this.#blob ??= this.#open();
    const outcome = await this.#blob.write(this.#pieces);
    if (outcome !== "durable") throw new FilesError("ENOSPC", `Its text does not fit: ${outcome}`);
    this.#pieces = [];
  }

  /** Forgets it, unless it was committed. */
  async drop(): Promise<void> {
    await this.#blob?.drop();
  }
}

/** It was tried there: it is due, and has its count. */
function deferredEntry(
  evpid: string,
  { retryCount, lastTryAtMs, warnedMs, status, diagnostic }: Imported["progress"],
  nowMs: number,
): SpoolEntry {
  return {
    kind: "deferred",
    evpid,
    atMs: lastTryAtMs,
    retryCount,
    nextTryAtMs: nowMs,
    warnedMs,
    result: {
      evpid,
      outcome: "deferred",
      status: status === "" ? "4.0.0" : status,
      diagnostic,
      remote: "",
    },
  };
}
