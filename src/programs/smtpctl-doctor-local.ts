/** What `smtpctl doctor` needs of this machine. */
import { userInfo } from "node:os";
import type { Network } from "#base/ports/network.ts";
import { BoundedResolver } from "#engine/explain/bounded-resolver.ts";
import { ok, unknown, type Verdict, warn } from "#engine/doctor/verdict.ts";
import { nodeChildren } from "#world/node/children.ts";
import { nodeClock } from "#world/node/clock.ts";
import { nodeResolver } from "#world/node/dns/resolver.ts";
import { nodeFiles } from "#world/node/files.ts";
import { nodeHttp } from "#world/node/http.ts";
import { kernelClock } from "#world/node/kernel-clock.ts";
import { nodeListedFolder } from "#world/node/listed-folder.ts";
import { nodeUsers } from "#world/node/users.ts";
import { doctorChecks } from "./doctor-checks.ts";
import { converse } from "./smtpctl-conversation.ts";
import { runDoctor } from "./smtpctl-doctor.ts";
import { chosenReader, localRehearsal } from "./smtpctl-local.ts";
import type { Output } from "./smtpctl-printer.ts";
import type { StatePaths } from "./state-paths.ts";
import { thisMachine } from "./surroundings.ts";
import { readTextFile } from "./text-files.ts";

export function runLocalDoctor(
  args: readonly string[],
  network: Network,
  pathsOf: (stateFolder: string | undefined) => StatePaths,
  output: Output,
): Promise<number> {
  const clock = nodeClock();
  const checksFor: Parameters<typeof runDoctor>[1]["checksFor"] = (parsed) =>
    doctorChecks(parsed, {
      clock,
      network,
      // Without DNS there are addresses and the hosts file yet, for the host of --connect.
      resolver: new BoundedResolver(nodeResolver(parsed.dns ? {} : { servers: [] }), clock),
      http: nodeHttp(),
      files: nodeFiles(),
      listed: nodeListedFolder,
      world: thisMachine(nodeUsers(nodeChildren(), clock), readTextFile),
      userName: userInfo().username,
      read: chosenReader(pathsOf),
      pathsOf,
      rehearsalOf: localRehearsal,
      kernelClock,
      daemon: (stateFolder) => askDaemon(network, pathsOf(stateFolder).controlSocket),
    });
  return runDoctor(args, { clock, checksFor }, output);
}

/** Whether one answers, and what of it is paused. */
async function askDaemon(network: Network, socketPath: string): Promise<Verdict> {
  const states: string[] = [];
  const end = await converse(
    network,
    { socketPath, request: { kind: "show-status" } },
    {
      take: (part) => void (part.kind === "row" && states.push(part.line)),
      drained: () => undefined,
    },
  );
  if (end.kind === "not-running") return warn("no daemon answers", "start smtpd");
  if (end.kind === "no-answer") return unknown(end.why, "ask as root");
  const paused = states.filter((line) => line.endsWith(" paused"));
  if (paused.length > 0) return warn(`smtpd answers; ${paused.join(", ")}`, "smtpctl resume");
  return ok("smtpd answers");
}
