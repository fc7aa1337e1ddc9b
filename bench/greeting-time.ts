/** How long a client that comes now waits for its greeting. */
import { greets } from "#test/interop/greeting.ts";

/**
 * The longest wait, from the connection to the 220, of `clients` that come one after the other.
 *
 * @throws {Error} if one is not greeted.
 */
export async function slowestGreetingMs(port: number, clients: number): Promise<number> {
  let slowestMs = 0;
  for (let client = 0; client < clients; client++) {
    const cameMs = performance.now();
    if (!(await greets({ host: "127.0.0.1", port }))) {
      throw new Error("Cannot measure the greeting: a new client was not greeted");
    }
    slowestMs = Math.max(slowestMs, performance.now() - cameMs);
  }
  return slowestMs;
}
