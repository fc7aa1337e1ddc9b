/**
 * Names in and of a Maildir.
 *
 * Source: maildir(5): a file's name is TIME.UNIQUE.HOST, with `/` and `:` of the host
 * as `\057` and `\072`.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Random } from "#base/ports/random.ts";
import { randomMsgid, randomSessionId } from "#model/ids.ts";

/** Far beyond any mailbox, and within what systems take. */
const MAX_PATH_LENGTH = 4000;

export function maildirFileName(clock: Clock, random: Random, hostname: string): string {
  const seconds = Math.floor(clock.wallMs() / 1000);
  const unique = randomSessionId(random) + randomMsgid(random);
  const host = hostname.replaceAll("/", "\\057").replaceAll(":", "\\072");
  return `${seconds}.${unique}.${host}`;
}

/** Absolute, without NUL, and without a `..` that could lead out of where it seems to be. */
export function isSafePath(path: string): boolean {
  return (
    path.startsWith("/") &&
    path.length <= MAX_PATH_LENGTH &&
    !path.includes("\0") &&
    !path.split("/").includes("..")
  );
}
