/**
 * The path of a UNIX-domain socket before it is bound: a live socket is left
 * alone, a stale one (nobody listens) is removed, and a file that is no socket
 * is never touched.
 *
 * Limits: between the probe and the bind another process may take the path; the
 * bind then fails with EADDRINUSE.
 */
import { lstat, unlink } from "node:fs/promises";
import net from "node:net";
import { dirname } from "node:path";
import type { NetworkFault } from "#base/ports/network.ts";
import { networkFault } from "./connection.ts";

/** A listener of this machine that does not answer in this time is taken for alive. */
const PROBE_TIMEOUT_MS = 2_000;

/** Makes way for a socket at `path`; why not, or undefined. */
export async function clearSocketPath(path: string): Promise<NetworkFault | undefined> {
  try {
    // Bound in a folder that is missing, libuv would say "permission denied".
    await lstat(dirname(path));
    const stat = await lstat(path);
    if (!stat.isSocket()) return inUse(path, "the file there is no socket");
    if (await isLive(path)) return inUse(path, "another process listens there");
    await unlink(path);
    return undefined;
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    const isFree = failure.code === "ENOENT" && failure.path === path;
    return isFree ? undefined : networkFault(failure);
  }
}

function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect({ path, timeout: PROBE_TIMEOUT_MS });
    const answer = (live: boolean): void => {
      probe.destroy();
      resolve(live);
    };
    probe.once("connect", () => answer(true));
    probe.once("timeout", () => answer(true));
    // Only ECONNREFUSED says that nobody listens; without permission nothing is known.
    probe.on("error", (error: NodeJS.ErrnoException) => answer(error.code !== "ECONNREFUSED"));
  });
}

function inUse(path: string, why: string): NetworkFault {
  return { kind: "network-fault", code: "EADDRINUSE", message: `cannot listen on ${path}: ${why}` };
}
