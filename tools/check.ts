/**
 * The gate: one command that says yes or no, `npm run check`; with `--all` (`npm run
 * check:all`) the interop tests too, with `--tested` not the tests, which have just run.
 *
 * Steps run two at a time, as the project counts on two cores, the longest first.
 * Each prints one line; the output of a step is shown when it fails.
 */
import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";

interface Step {
  readonly name: string;
  /** Arguments of Node: the program and its own. */
  readonly command: readonly string[];
}

interface Outcome {
  readonly step: Step;
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
}

const AT_ONCE = 2;

const STEPS: readonly Step[] = [
  { name: "tests", command: ["tools/run-tests.ts"] },
  {
    name: "lint",
    command: [
      "node_modules/oxlint/bin/oxlint",
      "--type-aware",
      "--deny-warnings",
      "src",
      "test",
      "tools",
      "bench",
      "fuzz",
    ],
  },
  { name: "fuzz", command: ["fuzz/run.ts", "--in-all", "5"] },
  { name: "types", command: ["node_modules/typescript/bin/tsc"] },
  { name: "format", command: ["node_modules/@biomejs/biome/bin/biome", "format"] },
  { name: "floors", command: ["tools/check-floors.ts"] },
  { name: "lockfile", command: ["tools/complete-lockfile.ts", "--check"] },
  { name: "decisions", command: ["tools/check-decisions.ts"] },
  { name: "manual", command: ["tools/check-manual.ts"] },
];

/** One at a time, after the others: they start daemons and peers. */
const LAST_STEPS: readonly Step[] = [
  { name: "interop", command: ["tools/run-tests.ts", "--interop"] },
];

async function runStep(step: Step): Promise<Outcome> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, step.command, { stdio: ["ignore", "pipe", "pipe"] });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number>((resolve) => {
    child.once("close", (status) => resolve(status ?? 1));
  });
  return {
    step,
    ok: code === 0,
    seconds: (performance.now() - startedMs) / 1000,
    output: Buffer.concat(output).toString(),
  };
}

function printOutcome(outcome: Outcome): void {
  const { step, ok, seconds, output } = outcome;
  const tests = /^ℹ (pass \d+)$/m.exec(output)?.[1];
  const skipped = /^ℹ (skipped [1-9]\d*)$/m.exec(output)?.[1];
  const counts = [tests, skipped].filter((count) => count !== undefined).join(", ");
  const line = `${ok ? "ok  " : "FAIL"} ${step.name.padEnd(10)} ${seconds.toFixed(1).padStart(5)} s`;
  console.log(counts === "" ? line : `${line}  ${counts}`);
  if (!ok) console.log(failurePart(output));
}

/** The runner lists what failed once more at its end; the rest of its output is noise. */
function failurePart(output: string): string {
  const at = output.lastIndexOf("✖ failing tests:");
  return output.slice(Math.max(at, 0)).trimEnd();
}

async function runSteps(steps: readonly Step[], atOnce: number): Promise<readonly Outcome[]> {
  const waiting = [...steps];
  const outcomes: Outcome[] = [];
  const work = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const outcome = await runStep(step);
      printOutcome(outcome);
      outcomes.push(outcome);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return outcomes;
}

const startedMs = performance.now();
const steps = process.argv.includes("--tested")
  ? STEPS.filter(({ name }) => name !== "tests")
  : STEPS;
const outcomes = [...(await runSteps(steps, AT_ONCE))];
if (process.argv.includes("--all")) outcomes.push(...(await runSteps(LAST_STEPS, 1)));
const failed = outcomes.filter((outcome) => !outcome.ok).map((outcome) => outcome.step.name);
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
console.log(failed.length === 0 ? `ok in ${seconds} s` : `FAILED: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
