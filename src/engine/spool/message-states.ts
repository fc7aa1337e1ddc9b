/**
 * What is known of a message now: an older record of it, brought up to date with the
 * records that the ledger names for its envelopes.
 */
import type { Ledger } from "./ledger.ts";
import type { EnvelopeState, KnownMessage, Position } from "./live-message.ts";
import type { RecordReader } from "./record-reader.ts";
import type { Accepted, RecordEntry, Restated } from "./record-entries.ts";
import type { StoredEnvelope } from "./spool.ts";
import { afterDeferral, untried } from "./unfinished.ts";

export interface MessageStateParts {
  readonly ledger: Ledger;
  readonly reader: RecordReader;
  /** Called for a state that cannot be read any more; the one before it stands. */
  readonly lost: (evpid: string, at: Position) => void;
}

/** A message as it was at one moment. */
export interface MessageState {
  /** What the ledger had of it then. */
  readonly known: KnownMessage;
  /** Its open envelopes, each in its last state. */
  readonly message: Restated;
}

/** Where the states of an older record come from; undefined for an envelope that was not tried by then. */
export type KnownTry = (evpid: string) => Position | undefined;

/**
 * The state of a message when this was called, from a record of it.
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
  const known = ledger.known(
    live,
    open.map(([{ envelope }]) => envelope.evpid),
  );
  const envelopes: StoredEnvelope[] = [];
  for (const [before, { tried, held }] of open) {
    const isKnown = tried === undefined || isSame(tried, knownTry(before.envelope.evpid));
    const last = isKnown ? before : await stateAt(parts, before, tried);
    envelopes.push(last.held === held ? last : { ...last, held });
  }
  const { message, text } = entry;
  return { known, message: { kind: "restated", message, envelopes, text } };
}

/** The state of an envelope that the record at `at` left. */
async function stateAt(
  { reader, lost }: MessageStateParts,
  before: StoredEnvelope,
  at: Position,
): Promise<StoredEnvelope> {
  const record = await reader.read(at);
  if (record !== undefined) return stateIn(record.entries, before);
  lost(before.envelope.evpid, at);
  return before;
}

/** The state of an envelope after the entries of one record. */
function stateIn(entries: readonly RecordEntry[], before: StoredEnvelope): StoredEnvelope {
  const { evpid } = before.envelope;
  let state = before;
  for (const entry of entries) {
    if (entry.kind === "restated") {
      state = entry.envelopes.find((each) => each.envelope.evpid === evpid) ?? state;
    }
    if (entry.kind === "deferred" && entry.evpid === evpid) state = afterDeferral(state, entry);
  }
  return state;
}

function isSame(one: Position, other: Position | undefined): boolean {
  return one.sequence === other?.sequence && one.at === other.at;
}
