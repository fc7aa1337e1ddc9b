/**
 * Signals to a daemon that starts: what comes before it can be obeyed is kept until then.
 *
 * - SIGHUP, from the first moment of the program: once the daemon runs, its configuration is read
 *   again.
 * - SIGTERM and SIGINT, from when it begins to read the configuration: the start ends at its next
 *   step, with nothing left behind. Until then the system ends the process at once: nothing is
 *   begun, and `smtpd -n` of what somebody types can be interrupted.
 */

/** Whom signals are for. */
export interface SignalTaker {
  stop(): void;
  /** Reads the configuration again. */
  reload(): void;
}

/** `process`, or one of a test. */
export interface SignalSource {
  on(signal: "SIGTERM" | "SIGINT" | "SIGHUP", heard: () => void): unknown;
}

export class StartSignals {
  readonly #source: SignalSource;
  readonly #ending = Promise.withResolvers<void>();
  #taker: SignalTaker | undefined;
  #isEnding = false;
  #isReloadWanted = false;

  /** Keeps each SIGHUP from now on. */
  constructor(source: SignalSource) {
    this.#source = source;
    source.on("SIGHUP", () => this.#reload());
  }

  /** Keeps SIGTERM and SIGINT from now on, too. Must be called once. */
  keepEnds(): void {
    for (const signal of ["SIGTERM", "SIGINT"] as const) this.#source.on(signal, () => this.#end());
  }

  /** One has come that ends the start. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Resolves when one comes that ends it. */
  get ending(): Promise<void> {
    return this.#ending.promise;
  }

  /** From now on they are for `taker`; also those that have come. */
  areFor(taker: SignalTaker): void {
    this.#taker = taker;
    if (this.#isEnding) taker.stop();
    else if (this.#isReloadWanted) taker.reload();
    this.#isReloadWanted = false;
  }

  #end(): void {
    this.#isEnding = true;
    this.#ending.resolve();
    this.#taker?.stop();
  }

  #reload(): void {
    if (this.#taker === undefined) this.#isReloadWanted = true;
    else this.#taker.reload();
  }
}
