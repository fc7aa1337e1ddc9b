/**
 * The fuzzer: `npm run fuzz -- [--seconds N | --in-all N] [--seed N] [--keep] [TARGET …]`.
 *
 * Runs each target's corpus and seeds, then mutates them for N seconds: 30 each unless
 * said otherwise, `--in-all` for all targets together. An input that fails, hangs or takes
 * too much memory becomes a file of the corpus and is printed with the seed; exit 1.
 * `--keep` also writes what reached something new: to be pruned by a person, then committed.
 */
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { keep } from "./corpus.ts";
import { TARGETS } from "./targets.ts";
import type { ThreadReport, ThreadTask } from "./thread.ts";
import { sharedMemory, Watched } from "./watched.ts";

/** An input that has not ended by then never will. */
const HANG_MS = 20_000;
const MAX_HEAP_MB = 512;
const AT_ONCE = 2;

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: "string", default: "30" },
    "in-all": { type: "string" },
    seed: { type: "string" },
    keep: { type: "boolean", default: false },
  },
  allowPositionals: true,
});

const names = positionals.length > 0 ? positionals : TARGETS.map(({ name }) => name);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const seconds =
  values["in-all"] === undefined
    ? Number(values.seconds)
    : (Number(values["in-all"]) * AT_ONCE) / names.length;

/** Whether the target stood it. */
async function fuzzOne(name: string): Promise<boolean> {
  const memory = sharedMemory();
  const watched = new Watched(memory);
  const task: ThreadTask = { name, seed, forMs: seconds * 1000, memory };
  const report = await new Promise<ThreadReport | string>((resolve) => {
    const thread = new Worker(new URL("thread.ts", import.meta.url), {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    let seen = -1;
    let lookedAtMs = performance.now();
    const timer = setInterval(() => {
      const sinceMs = performance.now() - lookedAtMs;
      lookedAtMs += sinceMs;
      // A look that comes late itself says that the machine stood still, not the target.
      if (watched.runs === seen && sinceMs < 2 * HANG_MS) {
        resolve(`hangs for ${HANG_MS / 1000} s`);
        void thread.terminate();
      }
      seen = watched.runs;
    }, HANG_MS);
    thread.once("message", resolve);
    thread.once("error", (error) => resolve(String(error)));
    thread.once("exit", () => {
      clearInterval(timer);
      resolve("ends without a word");
    });
  });
  if (typeof report === "string") return failed(name, watched.input, report);
  const each = `${report.runs} runs, ${report.blocks} blocks, ${report.found.length} new inputs`;
  console.log(`${report.failure === undefined ? "ok  " : "FAIL"} ${name.padEnd(13)} ${each}`);
  if (values.keep) for (const input of report.found) keep(name, "found", Buffer.from(input));
  if (report.failure === undefined) return true;
  return failed(name, Buffer.from(report.failure.input), report.failure.text);
}

function failed(name: string, input: Buffer, why: string): false {
  const path = keep(name, "crash", input);
  console.log(`FAIL ${name}: ${why}\n  input: ${JSON.stringify(input.toString("latin1"))}`);
  console.log(`  kept as ${path}; seed ${seed}`);
  return false;
}

const waiting = [...names];
let ok = true;
async function work(): Promise<void> {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
    if (!(await fuzzOne(name))) ok = false;
}
await Promise.all(Array.from({ length: AT_ONCE }, work));
console.log(ok ? `ok, seed ${seed}` : `FAILED, seed ${seed}`);
process.exitCode = ok ? 0 : 1;
