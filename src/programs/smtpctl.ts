/** smtpctl(8): asks the running daemon, and tells it what to do. */
import { once } from "node:events";
import type { SmtpctlSetting } from "./smtpctl-run.ts";
import { useCompileCache } from "./compile-cache.ts";

useCompileCache();
const { runSmtpctl } = await import("./smtpctl-run.ts");
const { findOwnOptions, runOwnOptions } = await import("./smtpctl-own-options.ts");
const { nodeNetwork } = await import("#world/node/network.ts");

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // `smtpctl show queue | head`: nobody reads any more.
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

const args = process.argv.slice(2);
const setting: SmtpctlSetting = {
  network: nodeNetwork(),
  stateFolder: process.env["POSTRIDER_STATE"],
  uid: process.getuid?.() ?? 0,
  output: {
    print: (text) => void process.stdout.write(text),
    drained,
    complain: (text) => void process.stderr.write(text),
    isTerminal: process.stdout.isTTY,
  },
};
const own = findOwnOptions(args);
process.exitCode = await (own === undefined
  ? runSmtpctl(args, setting)
  : runOwnOptions(own, setting));

/** Standard output to a pipe is written in the background. */
function drained(): Promise<void> | undefined {
  return process.stdout.writableNeedDrain ? nextDrain() : undefined;
}

async function nextDrain(): Promise<void> {
  await once(process.stdout, "drain");
}
