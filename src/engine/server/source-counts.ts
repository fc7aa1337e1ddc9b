/** How many sessions each source has. */
export class SourceCounts {
  readonly #counts = new Map<string, number>();

  /** Counts one more from `source`, unless it has `max` already. */
  enter(source: string, max: number): boolean {
    const count = this.#counts.get(source) ?? 0;
    if (count >= max) return false;
    this.#counts.set(source, count + 1);
    return true;
  }

  leave(source: string): void {
    const count = this.#counts.get(source) ?? 0;
    if (count <= 1) this.#counts.delete(source);
    else this.#counts.set(source, count - 1);
  }
}
