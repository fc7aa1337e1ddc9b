/**
 * Every unfinished message with its state, one after the other, read from the disk: from the
 * last checkpoint as far as that goes, then from the journal. A start hands them to the
 * queue so, and the next checkpoint is written so; few are in memory at a time.
 *
 * The ledger goes on meanwhile. What was accepted or restated since the walk began is not
 * met; what happened to a message before it is met may be in its state or not.
 */
import { hex32At } from "#base/hex.ts";
import { FilesError } from "#base/ports/files.ts";
import { MSGID_DIGITS } from "#model/ids.ts";
import { type CheckpointEntry, messageIn } from "./checkpoint-block.ts";
import type { Checkpoint } from "./checkpoint-reader.ts";
import type { KnownMessage, Position } from "./live-message.ts";
import { type MessageState, type MessageStateParts, stateOf } from "./message-states.ts";
import { type Accepted, bringsMessage, type Restated } from "./record-entries.ts";
import type { RecordFinding } from "./segment-scan.ts";
import { DAMAGED_TEXT } from "./stored-text.ts";

/** Messages of the journal that are given at once. */
const MAX_AT_ONCE = 32;

export type Walked =
  /** Nothing happened to it since the checkpoint. */
  | { readonly kind: "same"; readonly entry: CheckpointEntry }
  | { readonly kind: "stated"; readonly state: MessageState };

export interface WalkBounds {
  /** Where it starts to read the journal; what is before it is in the checkpoint. */
  readonly from: Position;
  readonly to: Position;
}

/** @throws {FilesError | UnusableCheckpoint} if a message cannot be read any more. */
export async function* walkUnfinished(
  parts: MessageStateParts,
  checkpoint: Checkpoint | undefined,
  { from, to }: WalkBounds,
): AsyncGenerator<readonly Walked[]> {
  if (checkpoint !== undefined) {
    for await (const entries of checkpoint.entries()) yield await walkBlock(parts, entries);
  }
  let some: Walked[] = [];
  for (const position of parts.ledger.recordsBetween(from, to)) {
    some.push(...(await walkRecord(parts, position)));
    if (some.length < MAX_AT_ONCE) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}

/** The message itself. @throws {FilesError} if it cannot be read any more. */
export async function walkedMessage(
  parts: MessageStateParts,
  walked: Walked,
): Promise<Restated | undefined> {
  if (walked.kind === "stated") return walked.state.message;
  return messageIn(walked.entry) ?? (await stateInJournal(parts, walked.entry.known))?.message;
}

async function walkBlock(
  parts: MessageStateParts,
  entries: readonly CheckpointEntry[],
): Promise<readonly Walked[]> {
  const walked: Walked[] = [];
  for (const entry of entries) {
    const comparison = parts.ledger.compare(entry.known);
    if (comparison === "same") walked.push({ kind: "same", entry });
    if (comparison === "changed") walked.push(...(await changedMessage(parts, entry)));
  }
  return walked;
}

async function changedMessage(
  parts: MessageStateParts,
  entry: CheckpointEntry,
): Promise<readonly Walked[]> {
  const { known } = entry;
  const message = messageIn(entry);
  const state =
    message === undefined
      ? await stateInJournal(parts, known)
      : await stateOf(parts, message, known, triesOf(known));
  return state === undefined ? [] : [{ kind: "stated", state }];
}

/** Which record an envelope's state in a checkpoint is from. */
function triesOf({ envelopes }: KnownMessage): (evpid: string) => Position | undefined {
  const [first, ...others] = envelopes;
  if (first !== undefined && others.length === 0) return () => first.tried;
  const tries = new Map(envelopes.map(({ low, tried }) => [low, tried]));
  return (evpid) => tries.get(hex32At(evpid, MSGID_DIGITS));
}

async function walkRecord(
  parts: MessageStateParts,
  position: Position,
): Promise<readonly Walked[]> {
  const walked: Walked[] = [];
  const record = await parts.reader.readNext(position);
  for (const entry of messagesIn(parts, position, record)) {
    const state = await stateOf(parts, entry, position, recordTry(entry, position));
    if (state !== undefined) walked.push({ kind: "stated", state });
  }
  return walked;
}

async function stateInJournal(
  parts: MessageStateParts,
  known: KnownMessage,
): Promise<MessageState | undefined> {
  const entries = messagesIn(parts, known, await parts.reader.read(known));
  const entry = entries.find(({ message }) => hex32At(message.msgid) === known.msgid);
  return entry && stateOf(parts, entry, known, recordTry(entry, known));
}

/** An accepted message was not tried; a restated one was, last by its own record. */
function recordTry({ kind }: Accepted | Restated, position: Position): () => Position | undefined {
  return kind === "accepted" ? () => undefined : () => position;
}

/** The messages of a record that the ledger has one in. @throws {FilesError} if it is damaged. */
function messagesIn(
  { ledger }: MessageStateParts,
  position: Position,
  record: RecordFinding | undefined,
): readonly (Accepted | Restated)[] {
  if (record !== undefined) return record.entries.filter(bringsMessage);
  const segment = ledger.segment(position.sequence);
  // A segment that is gone had nothing that lives.
  if (segment === undefined) return [];
  throw new FilesError(DAMAGED_TEXT, `Cannot read a record: ${segment.path} at ${position.at}`);
}
