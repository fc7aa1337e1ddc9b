/**
 * How often each source may do something, as to connect: a rate, and a burst that may go
 * before it.
 *
 * The generic cell rate algorithm: of a source only the moment is kept at which all
 * that it has used up is earned again, so nothing is counted down and no timer runs.
 * What is refused uses nothing up, so who is too fast is served at the rate.
 *
 * Source: ITU-T I.371 annex A (GCRA, virtual scheduling).
 */

/** Sources remembered at once; with more, the one that was heard of least lately is forgotten. */
const MAX_SOURCES = 20_000;
/** How many of those that owe nothing any more are forgotten at each call. */
const FORGOTTEN_AT_ONCE = 2;

export class SourceRates {
  readonly #intervalMs: number;
  readonly #burstMs: number;
  /** By source, the one heard of least lately first: when it will owe nothing. */
  readonly #paidAtMs = new Map<string, number>();

  /** @param burst so many at once after a pause. */
  constructor(perSecond: number, burst: number) {
    this.#intervalMs = 1000 / perSecond;
    this.#burstMs = this.#intervalMs * (burst - 1);
  }

  get size(): number {
    return this.#paidAtMs.size;
  }

  /** Whether `source` may do it at `nowMs`, which never goes back. */
  take(source: string, nowMs: number): boolean {
    this.#forget(nowMs);
    const paidAtMs = Math.max(this.#paidAtMs.get(source) ?? nowMs, nowMs);
    if (paidAtMs - nowMs > this.#burstMs) return false;
    this.#paidAtMs.delete(source);
    this.#paidAtMs.set(source, paidAtMs + this.#intervalMs);
    return true;
  }

  #forget(nowMs: number): void {
    let left = FORGOTTEN_AT_ONCE;
    for (const [source, paidAtMs] of this.#paidAtMs) {
      if (left-- === 0) return;
      if (paidAtMs > nowMs && this.#paidAtMs.size < MAX_SOURCES) return;
      this.#paidAtMs.delete(source);
    }
  }
}
