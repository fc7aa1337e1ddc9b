/** Runs a program to its end. Programs are named by an argument list, never by a shell line. */

export interface RunRequest {
  /** An absolute path, or the name of one of the system's programs, whatever the PATH is; then its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly input?: Uint8Array;
  /** The program is killed after this long. */
  readonly timeoutMs: number;
  /** The program is killed when it prints more than this. */
  readonly maxOutputBytes: number;
}

export type RunResult =
  | {
      readonly kind: "exited";
      readonly code: number;
      readonly stdout: Uint8Array;
      readonly stderr: Uint8Array;
    }
  | { readonly kind: "killed"; readonly signal: string }
  | { readonly kind: "timed-out" }
  | { readonly kind: "too-much-output" }
  | { readonly kind: "not-started"; readonly cause: Error };

export interface Children {
  run(request: RunRequest): Promise<RunResult>;
}
