/**
 * Two ends of a channel within one process: what one end sends is encoded,
 * decoded and given to the other in a later turn, as between processes.
 */
import { decode, encode } from "#base/codec.ts";
import type { ChannelOwner, ChannelShape, Defer, Link } from "./channel.ts";

export function memoryLinks<A, B>(
  shape: ChannelShape<A, B>,
  defer: Defer,
): readonly [near: Link<A, B>, far: Link<B, A>] {
  const near = new MemoryLink<A, B>(shape, defer);
  const far = new MemoryLink<B, A>(turned(shape), defer);
  near.join(far);
  far.join(near);
  return [near, far];
}

/** The same channel as its other end sees it. */
export function turned<A, B>(shape: ChannelShape<A, B>): ChannelShape<B, A> {
  return {
    inbound: shape.outbound,
    outbound: shape.inbound,
    maxFrameBytes: shape.maxFrameBytes,
  };
}

class MemoryLink<In, Out> implements Link<In, Out> {
  readonly congested = false;
  readonly #shape: ChannelShape<In, Out>;
  readonly #defer: Defer;
  #peer: MemoryLink<Out, In> | undefined;
  #owner: ChannelOwner<In> | undefined;
  #early: Uint8Array[] = [];
  #closed = false;

  constructor(shape: ChannelShape<In, Out>, defer: Defer) {
    this.#shape = shape;
    this.#defer = defer;
  }

  join(peer: MemoryLink<Out, In>): void {
    this.#peer = peer;
  }

  start(owner: ChannelOwner<In>): void {
    this.#owner = owner;
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) this.#take(bytes);
  }

  send(message: Out): void {
    if (this.#closed) return;
    // A copy: the far side must not see later changes of memory that we still own.
    const bytes = encode(this.#shape.outbound, message).slice();
    this.#defer(() => this.#peer?.arrive(bytes));
  }

  arrive(bytes: Uint8Array): void {
    if (this.#closed) return;
    if (this.#owner === undefined) this.#early.push(bytes);
    else this.#take(bytes);
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#defer(() => this.#peer?.close());
    this.#defer(() => this.close());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner?.closed(undefined);
  }

  #take(bytes: Uint8Array): void {
    const decoded = decode(this.#shape.inbound, bytes);
    if (decoded.kind === "decode-fault") throw new TypeError(decoded.reason);
    this.#owner?.message(decoded.value);
  }
}
