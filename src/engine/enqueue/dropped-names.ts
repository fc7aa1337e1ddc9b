/**
 * The drop folder: mail of local programs that waits for a daemon. Anybody may put a file
 * there, nobody may see which there are, and a file is its owner's alone.
 *
 * What state a file is in is said by its mode and its name, which whoever lists the folder
 * sees without opening anything:
 *
 * | name        | mode | it is                                                      | then                      |
 * | 32 hex      | 0600 | being written, or its writer was cut short                 | removed after a day       |
 * | 32 hex      | 0700 | complete: its writer was told so                           | handed in, removed        |
 * | .failed     | any  | given up: refused, unreadable, or too old                  | a person's to look at     |
 * | other       | any  | not mail                                                   | left alone, warned about  |
 */
import type { FileStat } from "#base/ports/files.ts";
import { SETTINGS } from "#model/config/defaults.ts";

export const UNFINISHED_MODE = 0o600;
/** Postfix's mark as well (its maildrop): no program is ever made of it, as the folder tells nobody its name. */
export const COMPLETE_MODE = 0o700;
export const FAILED_SUFFIX = ".failed";

const NAME = /^[0-9a-f]{32}$/u;
const FAILED_NAME = /^[0-9a-f]{32}\.failed$/u;
/** Random bytes of a name. */
export const NAME_BYTES = 16;

/** Nobody writes a message for so long; it is told by the last write. */
export const UNFINISHED_KEPT_MS: number = 24 * 3600 * 1000;
/** So long it is tried to hand in what is complete: as long as the queue would, where nothing else is said. */
export const COMPLETE_KEPT_MS: number = SETTINGS.queueTtlMs.default;
/** So long what the daemon refuses is tried again: who has started it with a wrong rule can mend that. */
export const REFUSED_TRIED_MS: number = 3600 * 1000;

export type NameKind = "mail" | "failed" | "other";

export function kindOfName(name: string): NameKind {
  if (NAME.test(name)) return "mail";
  return FAILED_NAME.test(name) ? "failed" : "other";
}

export type Condition =
  | { readonly kind: "complete" }
  | { readonly kind: "unfinished" }
  /** Its writer is gone, and was never told that it was taken. */
  | { readonly kind: "abandoned" }
  /** No mail, whatever its name is. */
  | { readonly kind: "odd"; readonly what: string };

/** What a file with a name of kind "mail" is. */
export function conditionOf(stat: FileStat, nowMs: number): Condition {
  if (stat.kind !== "file") return odd(KINDS[stat.kind]);
  // Somebody may have given another name here to a file that is not meant to be sent.
  if (stat.links !== 1) return odd(`a file with ${stat.links} names`);
  if (stat.mode === COMPLETE_MODE) return { kind: "complete" };
  // A umask may have taken from it.
  if ((stat.mode & ~UNFINISHED_MODE) !== 0) return odd(`a file of mode ${stat.mode.toString(8)}`);
  const isOld = nowMs - stat.modifiedAtMs > UNFINISHED_KEPT_MS;
  return { kind: isOld ? "abandoned" : "unfinished" };
}

const KINDS: Readonly<Record<Exclude<FileStat["kind"], "file">, string>> = {
  folder: "a folder",
  symlink: "a symbolic link",
  socket: "a socket",
  other: "a FIFO or a device",
};

function odd(what: string): Condition {
  return { kind: "odd", what };
}
