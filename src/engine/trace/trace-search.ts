/**
 * Finds the lives of messages in a trace: of one by its id, or of those that have a
 * Message-ID, a sender or a recipient.
 *
 * What is asked by text is looked for twice: which messages have it, then what happened to
 * them. Bounds: MAX_LIVES, the newest ones, and MAX_FOUND_ENTRIES; it is said when there is
 * more.
 */
import { EVPID_DIGITS, msgidOf } from "#model/ids.ts";
import {
  type TraceEntry,
  type TracedRecipient,
  type TraceSubject,
  tracedMessage,
} from "#model/trace.ts";
import { KEY_OF_ALL, keyOfId, keyOfSubject } from "./keys.ts";
import type { TracePlace } from "./trace-folder.ts";
import { readTrace } from "./trace-reader.ts";

/** Messages that one question finds. */
const MAX_LIVES = 100;
const MAX_FOUND_ENTRIES = 20_000;
/** Places that cannot be read that are told. */
const MAX_DAMAGE = 10;

/** What happened to one message. */
export interface Life {
  readonly msgid: string;
  /** The envelopes that are meant. */
  readonly evpids: ReadonlySet<string> | "all";
  /** In the order of time. */
  readonly entries: readonly TraceEntry[];
}

export interface FoundTrace {
  /** In the order of acceptance; those of an id may have no entries. */
  readonly lives: readonly Life[];
  /** There is more than may be found at once. */
  readonly isCut: boolean;
  /** What could not be read: `FILE: WHY`. */
  readonly damage: readonly string[];
}

export interface TraceQuestion {
  readonly subject: TraceSubject;
  /** Wall clock; what was before is of no interest. */
  readonly sinceMs: number;
}

/** @throws {FilesError} */
export async function findTrace(place: TracePlace, question: TraceQuestion): Promise<FoundTrace> {
  return new Search(place, question).run();
}

interface Draft {
  evpids: Set<string> | "all";
  readonly entries: TraceEntry[];
}

class Search {
  readonly #place: TracePlace;
  readonly #question: TraceQuestion;
  readonly #drafts = new Map<string, Draft>();
  readonly #damage = new Set<string>();
  #isCut = false;

  constructor(place: TracePlace, question: TraceQuestion) {
    this.#place = place;
    this.#question = question;
  }

  async run(): Promise<FoundTrace> {
    const { subject } = this.#question;
    if (subject.kind === "id") this.#mean(subject.id);
    else await this.#findMessages(keyOfSubject(subject));
    await this.#findEntries();
    const lives = Array.from(this.#drafts, ([msgid, { evpids, entries }]) => ({
      msgid,
      evpids,
      entries: duringLife(entries).toSorted((a, b) => a.atMs - b.atMs),
    }));
    return { lives, isCut: this.#isCut, damage: [...this.#damage] };
  }

  #mean(id: string): void {
    const evpids = id.length === EVPID_DIGITS ? new Set([id]) : "all";
    this.#drafts.set(msgidOf(id), { evpids, entries: [] });
  }

  async #findMessages(key: number): Promise<void> {
    for await (const entries of this.#read(new Set([key]))) {
      for (const entry of entries) if (entry.kind === "accepted") this.#meet(entry);
    }
  }

  #meet(entry: TraceEntry & { readonly kind: "accepted" }): void {
    const evpids = meantIn(entry, this.#question.subject);
    if (evpids === undefined) return;
    const draft = this.#drafts.get(entry.msgid);
    if (draft === undefined) this.#drafts.set(entry.msgid, { evpids, entries: [] });
    else if (evpids === "all") draft.evpids = "all";
    else if (draft.evpids !== "all") for (const evpid of evpids) draft.evpids.add(evpid);
    const [oldest] = this.#drafts.keys();
    if (this.#drafts.size <= MAX_LIVES || oldest === undefined) return;
    this.#drafts.delete(oldest);
    this.#isCut = true;
  }

  async #findEntries(): Promise<void> {
    if (this.#drafts.size === 0) return;
    const keys = new Set([KEY_OF_ALL, ...Array.from(this.#drafts.keys(), keyOfId)]);
    let left = MAX_FOUND_ENTRIES;
    for await (const entries of this.#read(keys)) {
      for (const entry of entries) {
        for (const draft of this.#draftsOf(entry)) {
          const meant = narrowed(entry, draft.evpids);
          if (meant === undefined) continue;
          if (left === 0) {
            this.#isCut = true;
            return;
          }
          left--;
          draft.entries.push(meant);
        }
      }
    }
  }

  #draftsOf(entry: TraceEntry): readonly Draft[] {
    const msgid = tracedMessage(entry);
    if (msgid === undefined) return [...this.#drafts.values()];
    const ids = entry.kind === "reported" ? [msgid, entry.report] : [msgid];
    return ids.map((id) => this.#drafts.get(id)).filter((draft) => draft !== undefined);
  }

  async *#read(keys: ReadonlySet<number>): AsyncGenerator<readonly TraceEntry[]> {
    const { sinceMs } = this.#question;
    const slices = readTrace(this.#place, {
      keys,
      sinceMs,
      damaged: (file, why) => {
        if (this.#damage.size < MAX_DAMAGE) this.#damage.add(`${file}: ${why}`);
      },
    });
    for await (const entries of slices) yield entries.filter(({ atMs }) => atMs >= sinceMs);
  }
}

/** The envelopes of a message that `subject` means; undefined: none of them. */
function meantIn(
  entry: TraceEntry & { readonly kind: "accepted" },
  subject: TraceSubject,
): Set<string> | "all" | undefined {
  if (subject.kind === "message-id")
    return isSame(entry.messageId, subject.messageId) ? "all" : undefined;
  if (subject.kind === "id" || isSame(entry.reversePath, subject.address)) return "all";
  const meant = entry.recipients.filter((recipient) => isTo(recipient, subject.address));
  return meant.length === 0 ? undefined : new Set(meant.map(({ evpid }) => evpid));
}

function isTo({ forwardPath, destination }: TracedRecipient, address: string): boolean {
  return isSame(forwardPath, address) || isSame(destination, address);
}

/** Whatever the case of its letters: whoever asks seldom knows it. */
function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** What of `entry` is about the envelopes that are meant; undefined: nothing. */
function narrowed(entry: TraceEntry, evpids: ReadonlySet<string> | "all"): TraceEntry | undefined {
  if (evpids === "all") return entry;
  if ("evpid" in entry) return evpids.has(entry.evpid) ? entry : undefined;
  if (entry.kind !== "accepted") return entry;
  const recipients = entry.recipients.filter(({ evpid }) => evpids.has(evpid));
  return recipients.length === 0 ? undefined : { ...entry, recipients };
}

/** Without the starts and gaps before the first and after the last of what is about the message itself. */
function duringLife(entries: readonly TraceEntry[]): readonly TraceEntry[] {
  const own = entries.filter((entry) => tracedMessage(entry) !== undefined).map(({ atMs }) => atMs);
  const first = own.reduce((least, atMs) => Math.min(least, atMs), Number.POSITIVE_INFINITY);
  const last = own.reduce((most, atMs) => Math.max(most, atMs), 0);
  return entries.filter(({ atMs }) => atMs >= first && atMs <= last);
}
