/**
 * Runs the commands that mail is given to. Each is a line of the configuration for
 * /bin/sh, with the message as its input.
 */

export interface CommandOrder {
  /** For `/bin/sh -c`: from the configuration, and never from a message. */
  readonly command: string;
  /** All of its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where it runs; `/` if that cannot be entered. */
  readonly folder: string;
  /** What it may read. A rejection kills it, and is what `run` rejects with. */
  readonly input: AsyncIterable<Uint8Array>;
  /** It is killed, with all that it started, after this long. */
  readonly timeoutMs: number;
  /** It is killed, with all that it started, when it prints more. */
  readonly maxOutputBytes: number;
}

export type CommandEnd =
  | {
      readonly kind: "exited";
      readonly code: number;
      /** The last line that it printed on either output, at most LAST_LINE_BYTES of it, or "". */
      readonly lastLine: Uint8Array;
    }
  | { readonly kind: "killed"; readonly signal: string }
  | { readonly kind: "timed-out" }
  | { readonly kind: "too-much-output" }
  /** Those who run commands are ending. */
  | { readonly kind: "stopped" }
  | { readonly kind: "not-started"; readonly cause: Error };

/** Of what a command printed last. */
export const LAST_LINE_BYTES = 1024;

export interface Commands {
  run(order: CommandOrder): Promise<CommandEnd>;
  /** Kills all that run, with what they started. */
  stop(): void;
}
