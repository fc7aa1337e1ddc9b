/**
 * Commands as functions: what a line of the configuration does with a message. Time-outs
 * pass on the simulated clock.
 */
import type { CommandEnd, CommandOrder, Commands } from "#base/ports/commands.ts";
import type { Clock } from "#base/ports/clock.ts";

/** A promise that stays open is a command that hangs. */
export type SimCommand = (input: string, order: CommandOrder) => CommandEnd | Promise<CommandEnd>;

export class SimCommands implements Commands {
  readonly #clock: Clock;
  readonly #commands = new Map<string, SimCommand>();
  readonly #stops = new Set<() => void>();
  /** All that were run, in their order. */
  readonly orders: CommandOrder[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  set(command: string, does: SimCommand): void {
    this.#commands.set(command, does);
  }

  async run(order: CommandOrder): Promise<CommandEnd> {
    this.orders.push(order);
    const pieces: Uint8Array[] = [];
    for await (const piece of order.input) pieces.push(piece);
    const does = this.#commands.get(order.command);
    if (does === undefined) return ended(127, `sh: ${order.command}: not found`);
    const { promise, resolve, reject } = Promise.withResolvers<CommandEnd>();
    const cancel = this.#clock.after(order.timeoutMs, () => resolve({ kind: "timed-out" }));
    const stop = (): void => resolve({ kind: "stopped" });
    this.#stops.add(stop);
    Promise.resolve(does(Buffer.concat(pieces).toString("latin1"), order)).then(resolve, reject);
    try {
      return await promise;
    } finally {
      cancel();
      this.#stops.delete(stop);
    }
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }
}

/** The end of a command that ended by itself. */
export function ended(code: number, lastLine = ""): CommandEnd {
  return { kind: "exited", code, lastLine: Buffer.from(lastLine) };
}
