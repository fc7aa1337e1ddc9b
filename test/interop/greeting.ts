/** Waiting for servers that run as processes of their own, and the ports they get. */
import { connect, createServer, type NetConnectOpts } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const POLL_MS = 20;
const WITHIN_MS = 20_000;

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === "string") throw new Error("Cannot find a free port");
  return address.port;
}

/** Resolves when a server greets with 220. */
export async function greeted(server: NetConnectOpts): Promise<void> {
  await until(() => greets(server), `a greeting at ${JSON.stringify(server)}`);
}

/**
 * Resolves when `holds` does. Other processes give no event to wait for, so it is asked
 * again and again.
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  withinMs: number = WITHIN_MS,
  pollMs: number = POLL_MS,
): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`Cannot go on: no ${what} in time`);
    await pause(pollMs);
  }
}

/** Whether a server greets with 220 now. */
export async function greets(server: NetConnectOpts): Promise<boolean> {
  const socket = connect(server);
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once("data", (chunk) => resolve(chunk.toString("latin1").startsWith("220")));
      socket.once("error", () => resolve(false));
      socket.once("close", () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}
