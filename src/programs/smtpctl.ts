/** smtpctl(8): asks the running daemon, and tells it what to do. */
import { once } from "node:events";
import { useCompileCache } from "./compile-cache.ts";

useCompileCache();
const { runSmtpctl } = await import("./smtpctl-run.ts");
const { nodeNetwork } = await import("#world/node/network.ts");

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // `smtpctl show queue | head`: nobody reads any more.
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

process.exitCode = await runSmtpctl(process.argv.slice(2), {
  network: nodeNetwork(),
  stateFolder: process.env["POSTRIDER_STATE"],
  uid: process.getuid?.() ?? 0,
  output: {
    print: (text) => void process.stdout.write(text),
    drained,
    complain: (text) => void process.stderr.write(text),
    isTerminal: process.stdout.isTTY,
  },
});

/** Standard output to a pipe is written in the background. */
function drained(): Promise<void> | undefined {
  return process.stdout.writableNeedDrain ? nextDrain() : undefined;
}

async function nextDrain(): Promise<void> {
  await once(process.stdout, "drain");
}
