/**
 * The way in: a message and its envelopes become durable, then due.
 *
 * "accepted" is said only after the spool said "durable". What a dispatcher sends
 * is not trusted: an id that was not granted, or envelopes that are not the
 * message's own, are refused.
 */
import { FilesError } from "#base/ports/files.ts";
import type { MessageText } from "#model/delivery.ts";
import { type Envelope, MAX_ENVELOPES, type Message } from "#model/envelope.ts";
import { EVPID_DIGITS } from "#model/ids.ts";
import type { Receipt } from "#model/intake.ts";
import type { CommitOutcome, SpoolEntry } from "#engine/spool/spool.ts";
import type { BounceWriter } from "#engine/bounce/bounce.ts";
import type { Blobs } from "./blobs.ts";
import { enrol, type QueueContext } from "./context.ts";
import { expansionNotice } from "./expansion-notice.ts";

/** Text in commits that are under way; more is refused as "full". */
const MAX_PENDING_BYTES: number = 256 * 1024 * 1024;

type AcceptedEntry = Extract<SpoolEntry, { readonly kind: "accepted" }>;

export interface AcceptanceParts {
  /** Writes the report that a recipient was a list. */
  readonly bounces: BounceWriter;
  /** Envelopes in the queue; beyond it messages are refused as "full". */
  readonly maxEnvelopes: number;
  /** Called when a message came in. */
  wake(): void;
}

export class Acceptance {
  readonly #context: QueueContext;
  readonly #blobs: Blobs;
  readonly #parts: AcceptanceParts;
  #pendingBytes = 0;
  #accepted = 0;
  #isOpen = true;

  constructor(context: QueueContext, blobs: Blobs, parts: AcceptanceParts) {
    this.#context = context;
    this.#blobs = blobs;
    this.#parts = parts;
  }

  /** Envelopes accepted since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  hasRoom(bytes: number): boolean {
    return (
      this.#isOpen &&
      this.#pendingBytes + bytes <= MAX_PENDING_BYTES &&
      this.#context.index.envelopeCount < this.#parts.maxEnvelopes &&
      this.#context.spool.hasRoom(this.#pendingBytes + bytes)
    );
  }

  /** Refuses everything from now on. */
  close(): void {
    this.#isOpen = false;
  }

  async accept(
    message: Message,
    envelopes: readonly Envelope[],
    text: readonly Uint8Array[] | "blob",
  ): Promise<Receipt> {
    const { msgids } = this.#context;
    const { msgid } = message;
    // A text belongs to whoever holds the id: nobody else's refusal may drop it.
    if (!msgids.use(msgid)) return { kind: "refused", why: "failed" };
    if (!this.#isOpen || !areOwn(msgid, envelopes)) {
      msgids.settle(msgid);
      return this.#refuse(msgid, text, "failed");
    }
    // Most messages ask for nothing, and wait for nothing.
    const expanded = envelopes.some(({ terms }) => terms !== undefined)
      ? await expansionNotice(this.#context, this.#parts.bounces, { message, envelopes, text })
      : undefined;
    const stored = expanded?.envelopes ?? envelopes;
    const outcome = await this.#store(
      { kind: "accepted", message, envelopes: stored, text },
      expanded?.entry,
    );
    msgids.settle(msgid);
    expanded?.settle(outcome === "durable" ? "durable" : "refused");
    if (outcome !== "durable") return this.#refuse(msgid, text, outcome);
    if (text === "blob") this.#blobs.forget(msgid);
    this.#accepted += envelopes.length;
    enrol(this.#context, message, stored);
    void this.#tell(message, stored, text);
    this.#parts.wake();
    return { kind: "accepted" };
  }

  /** A text that went ahead is read again at its beginning. */
  async #tell(
    message: Message,
    envelopes: readonly Envelope[],
    text: readonly Uint8Array[] | "blob",
  ): Promise<void> {
    const { observe, spool } = this.#context;
    const told = text === "blob" ? await beginningOf(spool.text(message.msgid)) : text;
    observe({ kind: "queued", message, envelopes, pieces: told });
  }

  async #store(entry: AcceptedEntry, notice: SpoolEntry | undefined): Promise<CommitOutcome> {
    const { msgid, textBytes } = entry.message;
    const inBlob = entry.text === "blob";
    // The last pieces may still be on their way to the disk.
    const written = inBlob ? await this.#blobs.written(msgid) : "durable";
    if (written !== "durable") return written;
    const pendingBytes = inBlob ? 0 : textBytes;
    if (!this.hasRoom(pendingBytes)) return "full";
    this.#pendingBytes += pendingBytes;
    const outcome = await this.#context.spool.commit(
      notice === undefined ? [entry] : [entry, notice],
    );
    this.#pendingBytes -= pendingBytes;
    return outcome;
  }

  async #refuse(
    msgid: string,
    text: readonly Uint8Array[] | "blob",
    why: "full" | "failed",
  ): Promise<Receipt> {
    if (text === "blob") await this.#blobs.drop(msgid);
    return { kind: "refused", why };
  }
}

/** Nothing if it cannot be read. */
async function beginningOf(text: MessageText): Promise<readonly Uint8Array[]> {
  try {
    for await (const chunk of text.chunks()) return [chunk];
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
  }
  return [];
}

/** At least one envelope, each with an id of its own that begins with the msgid. */
function areOwn(msgid: string, envelopes: readonly Envelope[]): boolean {
  if (envelopes.length === 0 || envelopes.length > MAX_ENVELOPES) return false;
  const evpids = new Set<string>();
  for (const { evpid } of envelopes) {
    if (evpid.length !== EVPID_DIGITS || !evpid.startsWith(msgid)) return false;
    evpids.add(evpid);
  }
  return evpids.size === envelopes.length;
}
