/**
 * The queue's end of the channel to one dispatcher: takes its messages in and
 * gives it attempts.
 *
 * What the dispatcher was promised (message ids, blobs under way) goes back when
 * it is lost; its clients got no 250 for any of it.
 */
import type { Queue } from "#engine/queue/queue.ts";
import type { Carrier } from "#model/delivery.ts";
import type { Receipt } from "#model/intake.ts";
import type { CarriedText } from "#model/ipc/carried-text.ts";
import type { ForwardAnswer } from "#model/ipc/forward-link.ts";
import {
  type DispatcherToQueue,
  type IntakeRequest,
  MSGID_GRANT,
  type QueueToDispatcher,
} from "#model/ipc/queue-link.ts";
import type { ViewAnswer } from "#model/ipc/view-link.ts";
import { type AttemptAt, AttemptSender } from "./attempt-sender.ts";
import type { Channel } from "./channel.ts";

/** What a dispatcher gets that uses an id it was not granted. */
const REFUSED: Receipt = { kind: "refused", why: "failed" };

/** To the dispatcher. */
export type DoorChannel = Pick<Channel<QueueToDispatcher>, "send" | "congested">;

export class QueueDoor {
  readonly #queue: Queue;
  readonly #channel: DoorChannel;
  readonly #sender: AttemptSender;
  /** Granted to this dispatcher and not used up. */
  readonly #msgids = new Set<string>();
  #lost = false;

  constructor(queue: Queue, channel: DoorChannel) {
    this.#queue = queue;
    this.#channel = channel;
    this.#sender = new AttemptSender(channel);
    this.#grant();
  }

  get carrier(): Carrier {
    return this.#sender;
  }

  /** Attempts under way that are about one of `evpids`. */
  attemptsAt(evpids: ReadonlySet<string>): readonly AttemptAt[] {
    return this.#sender.attemptsAt(evpids);
  }

  /** Says how much a message may have for there to be room for it. */
  room(freeBytes: number): void {
    if (!this.#lost) this.#channel.send({ kind: "room", freeBytes });
  }

  take(message: Exclude<DispatcherToQueue, ForwardAnswer | ViewAnswer>): void {
    if (message.kind === "results" || message.kind === "text-read") this.#sender.reply(message);
    else this.#intake(message);
  }

  /** What was sent to the dispatcher has left. */
  drained(): void {
    this.#sender.drained();
  }

  lost(): void {
    this.#lost = true;
    this.#sender.lost("The dispatcher went away");
    this.#queue.releaseMsgids([...this.#msgids]);
  }

  #intake(request: IntakeRequest): void {
    switch (request.kind) {
      case "accept":
        void this.#accept(request);
        return;
      case "blob-write":
        void this.#blobWrite(request.msgid, request.text);
        return;
      case "blob-drop":
        if (this.#msgids.has(request.msgid)) void this.#queue.blobDrop(request.msgid);
        return;
      case "msgids-wanted":
        this.#grant();
        return;
    }
  }

  async #accept(request: IntakeRequest & { readonly kind: "accept" }): Promise<void> {
    const { message, envelopes, text } = request;
    const { msgid } = message;
    // A dispatcher can only use what it was granted; else it could replace another's message.
    const isGranted = this.#msgids.delete(msgid);
    const receipt = isGranted
      ? await this.#queue.accept(message, envelopes, storable(text))
      : REFUSED;
    this.#reply({ kind: "receipt", msgid, outcome: outcomeOf(receipt) });
  }

  async #blobWrite(msgid: string, text: readonly Uint8Array[]): Promise<void> {
    const written = this.#msgids.has(msgid) ? await this.#queue.blobWrite(msgid, text) : "failed";
    this.#reply({
      kind: "blob-took",
      msgid,
      bytes: text.reduce((sum, piece) => sum + piece.length, 0),
      outcome: written === "durable" ? "written" : written,
    });
  }

  #grant(): void {
    const msgids = this.#queue.reserveMsgids(MSGID_GRANT);
    for (const msgid of msgids) this.#msgids.add(msgid);
    this.#reply({ kind: "msgids", msgids });
  }

  #reply(message: QueueToDispatcher): void {
    if (!this.#lost) this.#channel.send(message);
  }
}

function storable(text: CarriedText): readonly Uint8Array[] | "blob" {
  // A copy: a view would keep the whole chunk of the pipe alive in the text cache.
  return text.kind === "inline" ? [new Uint8Array(text.bytes)] : "blob";
}

function outcomeOf(receipt: Receipt): "accepted" | "full" | "failed" {
  return receipt.kind === "accepted" ? receipt.kind : receipt.why;
}
