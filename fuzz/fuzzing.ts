/**
 * The loop: mutates what has been tried, and keeps what reached blocks of the sources
 * that nothing had reached before.
 */
import { performance } from "node:perf_hooks";
import { Coverage } from "./coverage.ts";
import { Chance, mutated } from "./mutation.ts";
import type { FuzzTarget } from "./target.ts";

export interface FuzzSettings {
  readonly seed: number;
  readonly forMs: number;
  /** Is told of each input before it is run: a watcher may see it hang. */
  readonly begins: (input: Buffer) => void;
}

export interface FuzzOutcome {
  readonly runs: number;
  readonly blocks: number;
  /** Inputs that reached something new, without those that were given. */
  readonly found: readonly Buffer[];
  readonly failure: { readonly input: Buffer; readonly error: unknown } | undefined;
}

const BATCH = 100;
/** Beyond it an input takes the place of an older one. */
const MAX_KEPT = 5000;

export async function fuzz(
  target: FuzzTarget,
  given: readonly Buffer[],
  settings: FuzzSettings,
): Promise<FuzzOutcome> {
  using loop = new Loop(target, given, settings);
  return await loop.run();
}

class Loop implements Disposable {
  readonly #target: FuzzTarget;
  readonly #settings: FuzzSettings;
  readonly #coverage = new Coverage();
  readonly #reached = new Set<string>();
  readonly #chance: Chance;
  readonly #words: readonly Buffer[];
  readonly #corpus: Buffer[];
  readonly #found: Buffer[] = [];
  #runs = 0;
  #failure: FuzzOutcome["failure"];

  constructor(target: FuzzTarget, given: readonly Buffer[], settings: FuzzSettings) {
    this.#target = target;
    this.#settings = settings;
    this.#chance = new Chance(settings.seed);
    this.#words = [...target.words, "\r\n"].map((word) => Buffer.from(word, "latin1"));
    this.#corpus = [Buffer.alloc(0), ...given];
  }

  [Symbol.dispose](): void {
    this.#coverage[Symbol.dispose]();
  }

  async run(): Promise<FuzzOutcome> {
    const endsMs = performance.now() + this.#settings.forMs;
    await this.#runAll(this.#corpus);
    this.#take();
    while (this.#failure === undefined && performance.now() < endsMs) {
      const batch = Array.from({ length: BATCH }, () =>
        mutated(this.#corpus, this.#words, this.#chance),
      );
      await this.#runAll(batch, endsMs);
      if (this.#hasNew(this.#coverage.take())) await this.#search(batch);
    }
    const { size: blocks } = this.#reached;
    return { runs: this.#runs, blocks, found: this.#found, failure: this.#failure };
  }

  /** Runs `batch` again, by halves, until it is known which of them reached something new. */
  async #search(batch: readonly Buffer[]): Promise<void> {
    if (this.#failure !== undefined) return;
    await this.#runAll(batch);
    const reached = this.#coverage.take();
    if (!this.#hasNew(reached)) return;
    const [first] = batch;
    if (batch.length === 1 && first !== undefined) {
      for (const block of reached) this.#reached.add(block);
      this.#found.push(first);
      if (this.#corpus.length < MAX_KEPT) this.#corpus.push(first);
      else this.#corpus[this.#chance.below(MAX_KEPT)] = first;
      return;
    }
    const half = batch.length >> 1;
    await this.#search(batch.slice(0, half));
    await this.#search(batch.slice(half));
  }

  #take(): void {
    for (const block of this.#coverage.take()) this.#reached.add(block);
  }

  #hasNew(blocks: ReadonlySet<string>): boolean {
    for (const block of blocks) if (!this.#reached.has(block)) return true;
    return false;
  }

  async #runAll(inputs: readonly Buffer[], endsMs = Infinity): Promise<void> {
    for (const input of inputs) {
      if (this.#failure !== undefined || performance.now() > endsMs) return;
      this.#settings.begins(input);
      this.#runs++;
      try {
        await this.#target.run(input);
      } catch (error) {
        this.#failure = { input, error };
      }
    }
  }
}
