/**
 * Which blocks of our sources have run: V8's own block coverage, asked for in process.
 *
 * A look costs milliseconds, so the loop looks once for many inputs and searches for the
 * one that was new only when something was.
 */
import { Session } from "node:inspector";

/** Only what is under test: src/ without the ports, but for messages of the DNS and who reads them. */
const OURS =
  /\/src\/(?:base|protocols|model|policy|engine|world\/node\/dns)\/|\/node_modules\/dns-packet\//;

export class Coverage implements Disposable {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** The blocks that ran since the last look, each with a key that stays the same in this process. */
  take(): ReadonlySet<string> {
    const blocks = new Set<string>();
    this.#session.post("Profiler.takePreciseCoverage", (fault, taken) => {
      if (fault !== null) throw new Error("Cannot take coverage", { cause: fault });
      for (const { scriptId, url, functions } of taken.result) {
        if (!OURS.test(url)) continue;
        for (const { ranges } of functions)
          for (const { startOffset, endOffset, count } of ranges)
            if (count > 0) blocks.add(`${scriptId}:${startOffset}:${endOffset}`);
      }
    });
    return blocks;
  }

  [Symbol.dispose](): void {
    this.#session.disconnect();
  }
}
