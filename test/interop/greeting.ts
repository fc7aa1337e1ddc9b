/** Waiting for servers that run as processes of their own, and the ports they get. */
import { connect, createServer, type NetConnectOpts } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const POLL_MS = 20;
const WITHIN_MS = 20_000;

/**
 * Below those that Linux gives to clients (ip_local_port_range): a connection of anybody could
 * have one of these between now and the start of its server.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

const givenPorts = new Set<number>();

/** A port of 127.0.0.1 that nobody listens on now, another one each time. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (givenPorts.has(port) || !(await isFree(port))) continue;
    givenPorts.add(port);
    return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listens = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  if (!listens) return false;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return true;
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
