/** smtpctl(8): asks the running daemon, and tells it what to do. */
import { once } from "node:events";
import type { SmtpctlSetting } from "./smtpctl-run.ts";
import { useCompileCache } from "./compile-cache.ts";

useCompileCache();
const { runSmtpctl } = await import("./smtpctl-run.ts");
const { findOwnOptions, runOwnOptions } = await import("./smtpctl-own-options.ts");
const { BatchedOutput } = await import("./batched-output.ts");
const { nodeNetwork } = await import("#world/node/network.ts");
const { nodeClock } = await import("#world/node/clock.ts");

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // `smtpctl show queue | head`: nobody reads any more.
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

const args = process.argv.slice(2);
const batched = new BatchedOutput((piece) => void process.stdout.write(piece));
const setting: SmtpctlSetting = {
  network: nodeNetwork(),
  clock: nodeClock(),
  stateFolder: process.env["POSTRIDER_STATE"],
  uid: process.getuid?.() ?? 0,
  output: {
    print: (text) => batched.print(text),
    drained,
    complain(text) {
      batched.flush();
      process.stderr.write(text);
    },
    isTerminal: process.stdout.isTTY,
  },
  confirm: process.stdin.isTTY ? confirm : undefined,
  interruption,
  offline: {
    async answer(request, place, to) {
      const { nodeOfflineQueue } = await import("./smtpctl-offline-local.ts");
      return nodeOfflineQueue(setting).answer(request, place, to);
    },
  },
};
const own = findOwnOptions(args);
process.exitCode = await (own === undefined
  ? runSmtpctl(args, setting)
  : runOwnOptions(own, setting));
batched.flush();
// Questions that wait for the system's resolver would keep this program, when doctor's time is over.
process.stdout.write("", () => process.exit());

/** Standard output to a pipe is written in the background. */
function drained(): Promise<void> | undefined {
  batched.flush();
  return process.stdout.writableNeedDrain ? nextDrain() : undefined;
}

async function nextDrain(): Promise<void> {
  await once(process.stdout, "drain");
}

/** From now on a signal does not end the program, but what goes on until then. */
function interruption(): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => interrupted.abort());
  return interrupted.signal;
}

/** Nothing but yes is yes. */
async function confirm(question: string): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    return /^y(?:es)?$/iu.test(answer.trim());
  } finally {
    terminal.close();
  }
}
