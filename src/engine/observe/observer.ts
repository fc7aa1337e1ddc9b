/**
 * What listens to the events of a process: writes the log and counts.
 *
 * Takes an event at once and never throws for what is in it; where lines go, and
 * what happens when that place is full, is the sink's business.
 */
import type { Event, Observe } from "#model/events.ts";
import type { Counter } from "#model/ipc/parent-link.ts";
import { Counters } from "./counters.ts";
import { formatEvent, isDebugEvent, type Level } from "./log-line.ts";

/** Takes one line, without a line end; must return at once and not throw. */
export type Sink = (line: string, level: Level) => void;

export class Observer {
  /** `smtpctl log verbose`: lines at level debug are written too. */
  verbose: boolean;
  readonly #sink: Sink;
  readonly #counters = new Counters();

  constructor(sink: Sink, verbose: boolean) {
    this.#sink = sink;
    this.verbose = verbose;
  }

  /** Bound: may be handed out as it is. */
  readonly observe: Observe = (event: Event): void => {
    this.#counters.observe(event);
    if (!this.verbose && isDebugEvent(event)) return;
    for (const { level, text } of formatEvent(event)) this.#sink(text, level);
  };

  /** For engines that count what is no event. */
  count(name: string, amount: number): void {
    this.#counters.add(name, amount);
  }

  counters(): readonly Counter[] {
    return this.#counters.list();
  }
}
