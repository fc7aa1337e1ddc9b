/** What the parent has a process of a user do with that user's files of the drop folder, and how it ends. */
import type { Account } from "./child.ts";

export type HandInRights =
  /** As the parent itself, who is not root. */
  | { readonly kind: "same" }
  | { readonly kind: "owner"; readonly account: Account }
  /**
   * Root's own file: root opens it and connects, so that the daemon knows whose it is, and goes on
   * as another, who reads it. That one may neither remove nor rename it.
   */
  | { readonly kind: "root"; readonly becomes: Account };

export interface HandInOrder {
  /** Whose files they are, for the log. */
  readonly name: string;
  /** Who is told of what is given up; undefined: the system has no name for him. */
  readonly login: string | undefined;
  readonly rights: HandInRights;
  /** In the drop folder. */
  readonly names: readonly string[];
}

/**
 * Of the environment of its process: the names, with a space between. All users see the words of a
 * command, and who knew the name of another's file could take the one that it gets when it is given up.
 */
export const NAMES_VARIABLE = "DROPPED";

/** Exit codes, of sysexits.h. Which files are gone is seen in the folder. */
export const HAND_IN_EXIT = {
  /** All that were named: none of them is to be tried again. */
  done: 0,
  /** Of one that could not be renamed: it is given up. */
  givenUp: 65,
  /** Some stay, and may be tried again. */
  later: 75,
} as const;

export interface RunningHandIn {
  /** With the exit code, or a word on how else. */
  readonly ended: Promise<number | string>;
  /** It is to end after the message that it is at. */
  stop(): void;
  /** With all that it has started. */
  kill(): void;
}

/** @param takenSinceMs since then the daemon takes mail; by the wall clock. */
export type StartHandIn = (order: HandInOrder, takenSinceMs: number) => RunningHandIn;
