/**
 * Tells systemd(1) that the daemon accepts mail, so that what is ordered after it starts
 * then, and a start that fails is seen as one (`Type=notify`).
 *
 * Source: sd_notify(3). The message is a datagram on a UNIX-domain socket, which Node
 * cannot send: systemd-notify(1) does. Root's speaks for the process that started it, so
 * `NotifyAccess=main` is enough.
 */
import { nodeChildren } from "#world/node/children.ts";
import type { Children } from "#base/ports/children.ts";

/** The daemon runs whether it is heard or not. */
const TIMEOUT_MS = 5000;
const MAX_OUTPUT_BYTES = 4096;

/** Nobody is told where NOTIFY_SOCKET names no one. */
export async function tellServiceManager(
  environment: NodeJS.ProcessEnv,
  state: "ready",
  children: Children = nodeChildren(),
): Promise<void> {
  const socket = environment["NOTIFY_SOCKET"];
  if (socket === undefined || socket === "") return;
  await children.run({
    // env(1), as our own environment is given to no program.
    command: ["env", `NOTIFY_SOCKET=${socket}`, "systemd-notify", `--${state}`],
    timeoutMs: TIMEOUT_MS,
    maxOutputBytes: MAX_OUTPUT_BYTES,
  });
}
