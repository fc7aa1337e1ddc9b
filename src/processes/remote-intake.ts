/**
 * The door of the queue, seen from a dispatcher: hands messages over a channel
 * and waits for the receipts.
 *
 * A text stays in memory while it is small and all texts together are; else it
 * goes ahead to the queue, as much of it in one frame as would have stayed. What the queue
 * has not written is bounded for each text and for all together: with a slow queue they wait
 * in line, not in memory.
 * Message ids come in grants, so that opening a submission asks nobody. When the channel
 * is lost, whatever has no receipt is refused: its client gets no 250 and sends again.
 */
import type { Envelope, Message } from "#model/envelope.ts";
import { type Intake, INLINE_TEXT_BYTES, type Receipt, type Submission } from "#model/intake.ts";
import { MAX_CHUNK_BYTES } from "#model/ipc/attempt-link.ts";
import type { CarriedText } from "#model/ipc/carried-text.ts";
import { type IntakeReply, type IntakeRequest, MSGID_GRANT } from "#model/ipc/queue-link.ts";

/** All small texts without a receipt, and what large ones gather; beyond it texts go ahead to the queue at once. */
const MAX_HELD_BYTES: number = 64 * 1024 * 1024;
/** Pieces of one large text that may be on their way. */
const BLOB_WINDOW_BYTES: number = 4 * MAX_CHUNK_BYTES;
/** Pieces of all of them. */
export const MAX_AHEAD_BYTES: number = 64 * 1024 * 1024;
/** What a text that may go on sends next: a frame. */
const EXPECTED_BYTES: number = MAX_CHUNK_BYTES;
/** Ask for more ids when fewer than this are left. */
const MSGID_LOW_WATER: number = MSGID_GRANT / 2;

/** `lost`, or what the queue said of a blob that it could not write. */
type Trouble = "full" | "failed";

const REFUSED_FAILED: Receipt = { kind: "refused", why: "failed" };

export class RemoteIntake implements Intake {
  readonly #send: (request: IntakeRequest) => void;
  #msgids: string[] = [];
  #asked = false;
  #freeBytes = 0;
  #heldBytes = 0;
  /** Sent ahead, and not known to be written. */
  #aheadBytes = 0;
  #lost = false;
  readonly #receipts = new Map<string, Awaited>();
  /** Texts of which something was sent ahead that is not known to be written. */
  readonly #blobs = new Map<string, RemoteSubmission>();
  /** Those of them that wait until there is less of all, first come first. */
  readonly #inLine = new Set<RemoteSubmission>();

  constructor(send: (request: IntakeRequest) => void) {
    this.#send = send;
  }

  hasRoom(bytes: number): boolean {
    return !this.#lost && this.#freeBytes > bytes;
  }

  open(): Submission | undefined {
    const msgid = this.#lost ? undefined : this.#msgids.pop();
    if (this.#msgids.length < MSGID_LOW_WATER && !this.#asked && !this.#lost) {
      this.#asked = true;
      this.#send({ kind: "msgids-wanted" });
    }
    if (msgid === undefined) return undefined;
    return new RemoteSubmission(msgid, {
      send: this.#send,
      hold: (bytes) => this.#hold(bytes),
      ahead: (bytes) => {
        this.#aheadBytes += bytes;
      },
      isCrowded: () => this.#aheadBytes >= MAX_AHEAD_BYTES,
      waitInLine: (submission) => this.#inLine.add(submission),
      leaveLine: (submission) => this.#inLine.delete(submission),
      blobOpened: (submission) => this.#blobOpened(submission),
      blobClosed: () => this.#blobs.delete(msgid),
      receipt: (heldBytes) => this.#receipt(msgid, heldBytes),
      unused: () => this.#msgids.push(msgid),
    });
  }

  /** Takes what the queue says. */
  reply(reply: IntakeReply): void {
    switch (reply.kind) {
      case "msgids":
        this.#asked = false;
        this.#msgids.push(...reply.msgids);
        return;
      case "room":
        this.#freeBytes = reply.freeBytes;
        return;
      case "blob-took":
        this.#blobs
          .get(reply.msgid)
          ?.took(reply.bytes, reply.outcome === "written" ? undefined : reply.outcome);
        this.#callFromLine();
        return;
      case "receipt": {
        const awaited = this.#receipts.get(reply.msgid);
        this.#receipts.delete(reply.msgid);
        if (awaited === undefined) return;
        const { outcome } = reply;
        this.#hold(-awaited.heldBytes);
        awaited.resolve(
          outcome === "accepted" ? { kind: "accepted" } : { kind: "refused", why: outcome },
        );
        return;
      }
    }
  }

  /** The channel is gone for good; a new queue gets a new RemoteIntake. */
  lost(): void {
    this.#lost = true;
    this.#msgids = [];
    for (const { resolve } of this.#receipts.values()) resolve(REFUSED_FAILED);
    this.#receipts.clear();
    for (const blob of this.#blobs.values()) blob.took(0, "failed");
  }

  /** Lets as many go on as there is room for. */
  #callFromLine(): void {
    let roomBytes = MAX_AHEAD_BYTES - this.#aheadBytes;
    for (const submission of this.#inLine) {
      if (roomBytes <= 0) return;
      this.#inLine.delete(submission);
      submission.goOn();
      roomBytes -= EXPECTED_BYTES;
    }
  }

  #blobOpened(submission: RemoteSubmission): void {
    if (this.#lost) submission.took(0, "failed");
    else this.#blobs.set(submission.msgid, submission);
  }

  /** Counts bytes held in memory; false when there are too many already. */
  #hold(bytes: number): boolean {
    if (bytes > 0 && this.#heldBytes + bytes > MAX_HELD_BYTES) return false;
    this.#heldBytes += bytes;
    return true;
  }

  #receipt(msgid: string, heldBytes: number): Promise<Receipt> {
    if (this.#lost) return Promise.resolve(REFUSED_FAILED);
    const { promise, resolve } = Promise.withResolvers<Receipt>();
    this.#receipts.set(msgid, { resolve, heldBytes });
    return promise;
  }
}

/** A receipt that is awaited, and what its text takes until then. */
interface Awaited {
  readonly resolve: (receipt: Receipt) => void;
  readonly heldBytes: number;
}

/** What a submission needs of its intake. */
interface Door {
  send(request: IntakeRequest): void;
  hold(bytes: number): boolean;
  /** So many more were sent ahead, or are written. */
  ahead(bytes: number): void;
  /** Too much of all texts was sent ahead. */
  isCrowded(): boolean;
  waitInLine(submission: RemoteSubmission): void;
  leaveLine(submission: RemoteSubmission): void;
  blobOpened(submission: RemoteSubmission): void;
  blobClosed(): void;
  /** @param heldBytes of memory that its text keeps until then. */
  receipt(heldBytes: number): Promise<Receipt>;
  /** The message was given up, and the queue is done with it: its id may serve the next one. */
  unused(): void;
}

class RemoteSubmission implements Submission {
  readonly msgid: string;
  readonly #door: Door;
  #mode: "held" | "blob" | "committed" | "aborted" = "held";
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #unacknowledgedBytes = 0;
  #trouble: Trouble | undefined;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(msgid: string, door: Door) {
    this.msgid = msgid;
    this.#door = door;
  }

  write(text: Uint8Array): boolean {
    if (this.#mode !== "held" && this.#mode !== "blob") return true;
    if (!this.#keep(text)) {
      this.#open();
      this.#sendHeld();
      if (!this.#keep(text)) this.#sendPieces(text);
    }
    return this.#mayGoOn();
  }

  drained(): Promise<void> {
    if (this.#mayGoOn()) return Promise.resolve();
    this.#drained ??= Promise.withResolvers<void>();
    if (!this.#isFull()) this.#door.waitInLine(this);
    return this.#drained.promise;
  }

  async commit(message: Message, envelopes: readonly Envelope[]): Promise<Receipt> {
    if (this.#mode === "blob") this.#sendHeld();
    const text: CarriedText =
      this.#mode === "blob" ? { kind: "apart" } : { kind: "inline", bytes: joined(this.#held) };
    const trouble = this.#trouble;
    const heldBytes = this.#heldBytes;
    this.#held = [];
    this.#end("committed");
    if (trouble !== undefined) {
      this.#door.send({ kind: "blob-drop", msgid: this.msgid });
      return { kind: "refused", why: trouble };
    }
    const receipt = this.#door.receipt(heldBytes);
    this.#door.send({ kind: "accept", message, envelopes, text });
    return receipt;
  }

  abort(): void {
    if (this.#mode === "blob") this.#door.send({ kind: "blob-drop", msgid: this.msgid });
    if (this.#mode !== "held" && this.#mode !== "blob") return;
    this.#release();
    this.#end("aborted");
  }

  /** The queue has written `bytes` of the blob, or cannot; it says so of each piece. */
  took(bytes: number, trouble: Trouble | undefined): void {
    this.#trouble ??= trouble;
    this.#unacknowledgedBytes -= bytes;
    this.#door.ahead(-bytes);
    this.#close();
    if (this.#mayGoOn()) this.goOn();
    else if (this.#drained !== undefined && !this.#isFull()) this.#door.waitInLine(this);
  }

  /** There is room: whoever waits for that may write. */
  goOn(): void {
    this.#door.leaveLine(this);
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  #mayGoOn(): boolean {
    if (this.#mode !== "blob" || this.#trouble !== undefined) return true;
    return !this.#isFull() && !this.#door.isCrowded();
  }

  #isFull(): boolean {
    return this.#unacknowledgedBytes >= BLOB_WINDOW_BYTES;
  }

  /** Keeps `text` with what is held, if a frame has room for all of it and memory for one more. */
  #keep(text: Uint8Array): boolean {
    if (this.#heldBytes + text.length > INLINE_TEXT_BYTES) return false;
    if (!this.#door.hold(text.length)) return false;
    this.#held.push(text);
    this.#heldBytes += text.length;
    return true;
  }

  /** The text is too large to be held: it goes ahead. */
  #open(): void {
    if (this.#mode === "blob") return;
    this.#mode = "blob";
    this.#door.blobOpened(this);
  }

  #sendHeld(): void {
    const held = this.#held;
    const heldBytes = this.#heldBytes;
    this.#release();
    if (heldBytes > 0) this.#sendAhead(held, heldBytes);
  }

  #sendPieces(text: Uint8Array): void {
    for (let at = 0; at < text.length; at += MAX_CHUNK_BYTES) {
      const piece = text.subarray(at, at + MAX_CHUNK_BYTES);
      this.#sendAhead([piece], piece.length);
    }
  }

  /** @param bytes of `text`, at most MAX_CHUNK_BYTES. */
  #sendAhead(text: readonly Uint8Array[], bytes: number): void {
    // Nobody says that these pieces were taken: they would fill the window for ever.
    if (this.#trouble !== undefined) return;
    this.#unacknowledgedBytes += bytes;
    this.#door.ahead(bytes);
    this.#door.send({ kind: "blob-write", msgid: this.msgid, text });
  }

  #release(): void {
    this.#door.hold(-this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
  }

  #end(mode: "committed" | "aborted"): void {
    this.#mode = mode;
    this.#close();
    this.goOn();
  }

  /**
   * Lets go of what has ended, once the queue has answered for all its pieces: were the id
   * used before, those answers would be taken for the next message's.
   */
  #close(): void {
    const isEnded = this.#mode === "committed" || this.#mode === "aborted";
    if (!isEnded || this.#unacknowledgedBytes > 0) return;
    this.#door.blobClosed();
    if (this.#mode === "aborted") this.#door.unused();
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}
