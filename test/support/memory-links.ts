/** A channel between two parts of one test. */
import { type ChannelShape, type Defer, type Link, turned } from "#processes/channel.ts";
import { memoryPair } from "#processes/memory-link.ts";

/** Both ends opened: `near` with `shape`, `far` with the same turned round. */
export function memoryLinks<A, B>(
  shape: ChannelShape<A, B>,
  defer: Defer,
): readonly [near: Link<A, B>, far: Link<B, A>] {
  const [near, far] = memoryPair(defer);
  return [near.open(shape), far.open(turned(shape))];
}
