/** Time, as the rest of the program is allowed to see it. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z, for stamps that people or disks see. May jump. */
  wallMs(): number;

  /**
   * Milliseconds from a fixed, arbitrary start, for durations and deadlines. Never goes back.
   * Counts the time that the machine sleeps, within a second; timers do not.
   */
  monotonicMs(): number;

  /** Calls `run` once, `delayMs` or more from now, unless the returned function is called first. */
  after(delayMs: number, run: () => void): () => void;
}
