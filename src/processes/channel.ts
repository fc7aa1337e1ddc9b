/**
 * A channel: typed messages to another process, over a pipe or a socket.
 *
 * Messages sent in one turn of the event loop leave in one write. What arrives is
 * decoded and bounded before anyone sees it; a fault or a broken pipe closes the
 * channel, once. Messages sent to a closed channel are dropped: its owner learns
 * of the loss by `closed`, and decides there what becomes of what was under way.
 */
import { ByteWriter } from "#base/byte-writer.ts";
import type { Codec } from "#base/codec.ts";
import type { Connection } from "#base/ports/network.ts";
import { FrameReader, writeFrame } from "#model/ipc/frame.ts";

/** Above this many bytes on their way the sender should wait for `drained`. */
export const CHANNEL_HIGH_WATER_BYTES: number = 4 * 1024 * 1024;

/** A batch that grew to this leaves before the turn ends. */
const BATCH_BYTES = 1024 * 1024;
/** Memory that a batch begins with: about what the last one needed, within these bounds. */
const MIN_BATCH_ROOM = 512;
const MAX_BATCH_ROOM: number = 64 * 1024;

/** Texts of this size are sent from where they lie: copying them would cost more than another piece of a write. */
const BORROWED_FROM_BYTES: number = 16 * 1024;

export interface ChannelOwner<In> {
  message(message: In): void;
  /** The other side is gone, or sent something that is not a message: then `fault` says what. */
  closed(fault: string | undefined): void;
  /** What was sent has left. */
  drained?(): void;
}

export interface Channel<Out> {
  /** Large texts in `message` must stay as they are. */
  send(message: Out): void;
  /** True when so much is on its way that the sender should stop until `drained`. */
  readonly congested: boolean;
  /** Sends what is waiting, then closes. */
  end(): void;
  destroy(): void;
}

/** A channel that has not been given to its owner yet. */
export interface Link<In, Out> extends Channel<Out> {
  /** Starts reading; must be called once. */
  start(owner: ChannelOwner<In>): void;
}

/** One end of one kind of channel. */
export interface ChannelShape<In, Out> {
  readonly inbound: Codec<In>;
  readonly outbound: Codec<Out>;
  /** Of a frame that comes in. */
  readonly maxFrameBytes: number;
}

/** The same kind of channel as its other end sees it. */
export function turned<In, Out>(
  shape: ChannelShape<In, Out>,
  maxFrameBytes: number = shape.maxFrameBytes,
): ChannelShape<Out, In> {
  return { inbound: shape.outbound, outbound: shape.inbound, maxFrameBytes };
}

/** Calls `run` when the present turn of the event loop is over. */
export type Defer = (run: () => void) => void;

export class StreamChannel<In, Out> implements Link<In, Out> {
  readonly #connection: Connection;
  readonly #shape: ChannelShape<In, Out>;
  readonly #defer: Defer;
  #batch: ByteWriter | undefined;
  #batchRoom = MIN_BATCH_ROOM;
  #state: "open" | "ending" | "closed" = "open";

  constructor(connection: Connection, shape: ChannelShape<In, Out>, defer: Defer) {
    this.#connection = connection;
    this.#shape = shape;
    this.#defer = defer;
  }

  start(owner: ChannelOwner<In>): void {
    const reader = new FrameReader(this.#shape.inbound, this.#shape.maxFrameBytes);
    let fault: string | undefined;
    this.#connection.start({
      data: (bytes) => {
        const bad = reader.push(bytes, (message) => owner.message(message));
        if (bad === undefined) return;
        fault = bad.reason;
        this.destroy();
      },
      end: () => this.end(),
      drain: () => owner.drained?.(),
      closed: (broken) => {
        this.#state = "closed";
        owner.closed(fault ?? broken?.message);
      },
    });
  }

  get congested(): boolean {
    const batch = this.#batch;
    const waiting = batch === undefined ? 0 : batch.length + batch.borrowedBytes;
    return this.#connection.unsentBytes + waiting > CHANNEL_HIGH_WATER_BYTES;
  }

  send(message: Out): void {
    if (this.#state !== "open") return;
    if (this.#batch === undefined) {
      this.#batch = new ByteWriter(this.#batchRoom, BORROWED_FROM_BYTES);
      this.#defer(() => this.#flush());
    }
    const batch = this.#batch;
    writeFrame(batch, this.#shape.outbound, message);
    if (batch.length + batch.borrowedBytes >= BATCH_BYTES) this.#flush();
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#flush();
    this.#state = "ending";
    this.#connection.end();
  }

  destroy(): void {
    this.#state = "closed";
    this.#connection.destroy();
  }

  #flush(): void {
    const batch = this.#batch;
    if (batch === undefined || batch.length === 0) return;
    this.#batch = undefined;
    this.#batchRoom = Math.min(Math.max(batch.length, MIN_BATCH_ROOM), MAX_BATCH_ROOM);
    if (this.#state !== "open") return;
    if (batch.borrowedBytes === 0) this.#connection.write(batch.written());
    else this.#connection.writeAll(batch.pieces());
  }
}
