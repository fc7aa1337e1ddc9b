/**
 * What is known of a message now: an older record of it, brought up to date with the
 * records that the ledger names for its envelopes.
 */
import { hex32At } from "#base/hex.ts";
import { MSGID_DIGITS } from "#model/ids.ts";
import type { Ledger } from "./ledger.ts";
import type { EnvelopeState, KnownEnvelope, KnownMessage, Position } from "./live-message.ts";
import type { RecordReader } from "./record-reader.ts";
import type { Accepted, Restated } from "./record-entries.ts";
import type { StoredEnvelope } from "./spool.ts";
import type { TailStates } from "./tail-states.ts";
import { untried } from "./unfinished.ts";

export interface MessageStateParts {
  readonly ledger: Ledger;
  readonly reader: RecordReader;
  /** Called for a state that cannot be read any more; the one before it stands. */
  readonly lost: (evpid: string, at: Position) => void;
  /** Where states are as of one place in the journal; undefined where they must be the newest. */
  readonly tail: Tail | undefined;
}

/** What is known of the journal up to one place. */
export interface Tail {
  readonly end: Position;
  readonly states: TailStates;
}

/** A message as it was at one moment. */
export interface MessageState {
  /** What the ledger had of it then, and of its envelopes the tries that `message` has. */
  readonly known: KnownMessage;
  /** Its open envelopes, each in its last state. */
  readonly message: Restated;
}

/** Where the states of an older record come from; undefined for an envelope that was not tried by then. */
export type KnownTry = (evpid: string) => Position | undefined;

/**
 * The state of a message when this was called, or of its envelopes at the end of the tail if
 * they were tried since, from a record of it.
 *
 * @param at where the ledger must have the message: else it is finished, or a later record has it.
 * @throws {FilesError}
 */
export async function stateOf(
  parts: MessageStateParts,
  entry: Accepted | Restated,
  at: Position,
  knownTry: KnownTry,
): Promise<MessageState | undefined> {
  // All of the ledger is read before anything is waited for: it goes on meanwhile.
  const { ledger } = parts;
  const live = ledger.get(entry.message.msgid);
  if (live === undefined || live.segment.sequence !== at.sequence || live.at !== at.at) {
    return undefined;
  }
  const open: (readonly [StoredEnvelope, EnvelopeState])[] = [];
  for (const each of entry.envelopes) {
    const before = "envelope" in each ? each : untried(each);
    const state = ledger.envelope(before.envelope.evpid);
    if (state !== undefined) open.push([before, state]);
  }
  const known = ledger.known(live, []);
  const tries: KnownEnvelope[] = [];
  const envelopes: StoredEnvelope[] = [];
  for (const [before, { tried, held }] of open) {
    const { evpid } = before.envelope;
    const last = await lastTry(parts, { stored: before, tried: knownTry(evpid) }, tried);
    tries.push({ low: hex32At(evpid, MSGID_DIGITS), tried: last.tried, held });
    envelopes.push(last.stored.held === held ? last.stored : { ...last.stored, held });
  }
  const { message, text } = entry;
  const stated = { kind: "restated", message, envelopes, text } as const;
  return { known: { ...known, envelopes: tries }, message: stated };
}

/** An envelope's state, and the record of the try that left it. */
interface Tried {
  readonly stored: StoredEnvelope;
  readonly tried: Position | undefined;
}

/** @param tried by the ledger. */
async function lastTry(
  parts: MessageStateParts,
  before: Tried,
  tried: Position | undefined,
): Promise<Tried> {
  if (tried === undefined || isSame(tried, before.tried)) return before;
  const { tail } = parts;
  const isLater = tail !== undefined && isFrom(tried, tail.end);
  const noted = tail?.states.placeOf(before.stored.envelope.evpid);
  if (tail !== undefined && noted !== undefined && (isLater || isSame(tried, noted))) {
    return { stored: tail.states.after(before.stored), tried: noted };
  }
  if (isLater && tail.states.isWhole) return before;
  return { stored: await stateAt(parts, before.stored, tried), tried };
}

/** The state of an envelope that the record at `at` left. */
async function stateAt(
  { reader, lost }: MessageStateParts,
  before: StoredEnvelope,
  at: Position,
): Promise<StoredEnvelope> {
  const states = await reader.states(at);
  if (states !== undefined) return states.after(before);
  lost(before.envelope.evpid, at);
  return before;
}

/** Whether `one` is behind `other`, or at it. */
function isFrom(one: Position, other: Position): boolean {
  return one.sequence > other.sequence || (one.sequence === other.sequence && one.at >= other.at);
}

function isSame(one: Position, other: Position | undefined): boolean {
  return one.sequence === other?.sequence && one.at === other.at;
}
