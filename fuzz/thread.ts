/** Fuzzes one target in a thread of its own, whose memory is bounded; run.ts starts and watches it. */
import { inspect } from "node:util";
import { parentPort, workerData } from "node:worker_threads";
import { readCorpus } from "./corpus.ts";
import { fuzz } from "./fuzzing.ts";
import { TARGETS } from "./targets.ts";
import { Watched } from "./watched.ts";

export interface ThreadTask {
  readonly name: string;
  readonly seed: number;
  readonly forMs: number;
  readonly memory: SharedArrayBuffer;
}

export interface ThreadReport {
  readonly runs: number;
  readonly blocks: number;
  readonly found: readonly Uint8Array[];
  readonly failure: { readonly input: Uint8Array; readonly text: string } | undefined;
}

const { name, seed, forMs, memory } = workerData as ThreadTask;
const target = TARGETS.find((one) => one.name === name);
if (target === undefined) throw new Error(`Cannot fuzz '${name}': there is no such target`);
const watched = new Watched(memory);
const seeds = target.seeds().map((text) => Buffer.from(text, "latin1"));
const given = [...readCorpus(name).map(({ input }) => input), ...seeds];
const outcome = await fuzz(target, given, {
  seed,
  forMs,
  begins: (input) => watched.begins(input),
});
const { runs, blocks, found, failure } = outcome;
const report: ThreadReport = {
  runs,
  blocks,
  found,
  failure: failure && { input: failure.input, text: inspect(failure.error) },
};
parentPort?.postMessage(report, []);
