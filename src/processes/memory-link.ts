/**
 * A way between two parts of one process: what one end sends is encoded, and
 * decoded at the other end in a later turn, as between processes. Messages arrive
 * in order; an end that nobody reads yet keeps them.
 */
import { decode, encode } from "#base/codec.ts";
import type { ChannelOwner, ChannelShape, Defer, Link } from "./channel.ts";
import type { Pairs } from "./child.ts";

/** Two joined ends; each is opened with its side's shape. */
export function memoryPair(defer: Defer): readonly [near: MemoryEnd, far: MemoryEnd] {
  const near = new MemoryEnd(defer);
  const far = new MemoryEnd(defer);
  near.join(far);
  far.join(near);
  return [near, far];
}

export class MemoryPairs implements Pairs<MemoryEnd> {
  readonly #defer: Defer;

  constructor(defer: Defer) {
    this.#defer = defer;
  }

  async pair(): Promise<readonly [MemoryEnd, MemoryEnd]> {
    return memoryPair(this.#defer);
  }

  async close(): Promise<void> {}
}

/** Who is told what arrives at an end. */
interface Reader {
  arrived(bytes: Uint8Array): void;
  closed(): void;
}

export class MemoryEnd {
  readonly #defer: Defer;
  #peer: MemoryEnd | undefined;
  #reader: Reader | undefined;
  #early: Uint8Array[] = [];
  #state: "open" | "closed" = "open";

  constructor(defer: Defer) {
    this.#defer = defer;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  join(peer: MemoryEnd): void {
    this.#peer = peer;
  }

  open<In, Out>(shape: ChannelShape<In, Out>): Link<In, Out> {
    return {
      congested: false,
      // A copy: the far side must not see later changes of memory that we still own.
      send: (message) => this.#send(encode(shape.outbound, message).slice()),
      start: (owner) => this.#start(readerOf(shape, owner)),
      end: () => this.destroy(),
      destroy: () => this.destroy(),
    };
  }

  /** Closes both ends, after what was sent has arrived. */
  destroy(): void {
    if (this.#state === "closed") return;
    this.#defer(() => this.#peer?.close());
    this.#defer(() => this.close());
  }

  /** The owner of this end has died: it hears nothing more, and the peer hears of that. */
  abandon(): void {
    this.#state = "closed";
    this.#reader = undefined;
    this.#defer(() => this.#peer?.close());
  }

  arrive(bytes: Uint8Array): void {
    if (this.#state === "closed") return;
    if (this.#reader === undefined) this.#early.push(bytes);
    else this.#reader.arrived(bytes);
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#reader?.closed();
  }

  #send(bytes: Uint8Array): void {
    if (this.#state === "open") this.#defer(() => this.#peer?.arrive(bytes));
  }

  #start(reader: Reader): void {
    this.#reader = reader;
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) reader.arrived(bytes);
    if (this.#state === "closed") this.#defer(() => this.#reader?.closed());
  }
}

function readerOf<In, Out>(shape: ChannelShape<In, Out>, owner: ChannelOwner<In>): Reader {
  return {
    arrived(bytes) {
      const decoded = decode(shape.inbound, bytes);
      if (decoded.kind === "decode-fault") throw new TypeError(decoded.reason);
      owner.message(decoded.value);
    },
    closed: () => owner.closed(undefined),
  };
}
