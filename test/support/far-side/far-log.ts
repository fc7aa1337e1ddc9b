/**
 * What the servers of a world said, did wrong and took: what the sending side is judged by.
 * Times are of the wall clock.
 */
import type { Deed, Stage } from "./trouble.ts";

/** One reply. Its text has `#tag#`, by which it is found again in other people's words. */
export interface Said {
  readonly tag: number;
  readonly atMs: number;
  readonly host: string;
  /** Of the host. */
  readonly session: number;
  readonly sessionBeganMs: number;
  readonly stage: Stage;
  readonly code: number;
  readonly about: About;
}

/** Whom a reply or a deed concerns. */
export interface About {
  /** "": no transaction, so anybody. */
  readonly reversePath: string;
  /** Empty: all of the transaction. */
  readonly forwardPaths: readonly string[];
}

/** Something else than the usual answer. */
export interface Misdeed {
  readonly atMs: number;
  readonly host: string;
  readonly stage: Stage;
  readonly kind: Deed["kind"];
}

/** A message that a server took for good. */
export interface Copy {
  readonly atMs: number;
  readonly host: string;
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  /** Without dot-stuffing, latin1. */
  readonly text: string;
  /** "lost": the client cannot know that it was taken (RFC 1047). */
  reply: "under way" | "said" | "lost";
}

export const NOBODY: About = { reversePath: "", forwardPaths: [] };

const TAG = /#(\d+)#/;

export class FarLog {
  readonly copies: Copy[] = [];
  readonly misdeeds: Misdeed[] = [];
  readonly #said: Said[] = [];

  /** Writes a reply down; its tag. */
  say(said: Omit<Said, "tag">): number {
    const tag = this.#said.length;
    this.#said.push({ ...said, tag });
    return tag;
  }

  /** The reply whose words `text` quotes, if it does. */
  quoted(text: string): Said | undefined {
    const [, tag] = TAG.exec(text) ?? [];
    return tag === undefined ? undefined : this.#said[Number(tag)];
  }

  get said(): readonly Said[] {
    return this.#said;
  }

  /** Who took what is for `forwardPath`. */
  copiesFor(reversePath: string, forwardPath: string): readonly Copy[] {
    return this.copies.filter(
      (copy) => copy.reversePath === reversePath && copy.forwardPaths.includes(forwardPath),
    );
  }
}
