/**
 * Gives a message to a command: that of an `mda` action, or one that a list names.
 *
 * The command is the parent's own text and nothing of a message is in it but what
 * policy/expand has made plain. How it ends is what becomes of the message: sysexits.h has
 * the codes, its last line of output the words. What looks like trouble of the machine is
 * tried again; what the command says of the mail is final.
 *
 * | end | is |
 * |---|---|
 * | 0 | delivered, however much of the message it read |
 * | 71 (EX_OSERR), 75 (EX_TEMPFAIL) | deferred |
 * | 126 and above | deferred: the shell's, of a command that is not there or was killed |
 * | other codes | failed |
 * | a signal, a limit, no start | deferred |
 *
 * Source: OpenSMTPD's mda.c and smtpd.c (forkmda); sysexits.h. There 126 and above fail, and
 * 0 defers where the pipe still held something, which was a matter of luck.
 */
import type { CommandEnd, Commands } from "#base/ports/commands.ts";
import { unreachable } from "#base/unreachable.ts";
import type { DeliveryResult } from "#model/delivery.ts";
import {
  DELIVERED,
  type DeliveryEnd,
  deliverLocally,
  linesOf,
  localText,
  type MailboxDelivery,
  prependedFields,
} from "./local-message.ts";
import { gathered } from "./text-writing.ts";

export interface MailCommand {
  /** For /bin/sh. */
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The home of whom it runs as. */
  readonly folder: string;
}

/** OpenSMTPD's. */
const COMMAND_TIMEOUT_MS: number = 5 * 60_000;
/** More is a command that has gone mad; of what it prints a line is kept. */
const MAX_OUTPUT_BYTES: number = 4 * 1024 * 1024;

/** What failing with a code of sysexits.h means, as Postfix has it. */
const STATUS_OF: ReadonlyMap<number, string> = new Map([
  [65, "5.6.0"],
  [67, "5.1.1"],
  [68, "5.1.2"],
  [69, "5.2.1"],
  [73, "5.2.0"],
  [76, "5.5.0"],
  [77, "5.7.0"],
  [78, "5.3.5"],
]);
const OS_ERROR = 71;
const TEMPORARY_FAILURE = 75;
/** From here on codes are the shell's own: no such command, not executable, killed by a signal. */
const FIRST_OF_SHELL = 126;

/** Delivers once. Never rejects for what the command or the message can cause. */
export async function deliverCommand(
  commands: Commands,
  { command, environment, folder }: MailCommand,
  delivery: MailboxDelivery,
): Promise<DeliveryResult> {
  const { text, message } = delivery;
  return deliverLocally(delivery, "", async () => {
    const input = gathered(localText(text, prependedFields(delivery), linesOf(message)));
    return meaningOf(
      await commands.run({
        command,
        environment,
        folder,
        input,
        timeoutMs: COMMAND_TIMEOUT_MS,
        maxOutputBytes: MAX_OUTPUT_BYTES,
      }),
    );
  });
}

/** Exported for its test. */
export function meaningOf(end: CommandEnd): DeliveryEnd {
  switch (end.kind) {
    case "exited":
      return meaningOfExit(end.code, printable(end.lastLine));
    case "killed":
      return deferred(`Command terminated by ${end.signal}`);
    case "timed-out":
      return deferred("Command terminated: it took too long");
    case "too-much-output":
      return deferred("Command terminated: it printed too much");
    case "stopped":
      return deferred("Command terminated: the daemon is stopping");
    case "not-started":
      return deferred(`Command cannot be started: ${end.cause.message}`);
    default:
      return unreachable(end);
  }
}

function meaningOfExit(code: number, said: string): DeliveryEnd {
  if (code === 0) return DELIVERED;
  const diagnostic = said === "" ? `Command exited with ${code}` : said;
  const isLater = code === OS_ERROR || code === TEMPORARY_FAILURE || code >= FIRST_OF_SHELL;
  if (isLater) return deferred(diagnostic);
  return { outcome: "failed", status: STATUS_OF.get(code) ?? "5.3.0", diagnostic };
}

function deferred(diagnostic: string): DeliveryEnd {
  return { outcome: "deferred", status: "4.3.0", diagnostic };
}

/** It may be anything, a message's text too: nothing of it moves a terminal or ends a line. */
function printable(line: Uint8Array): string {
  const text = Buffer.from(line).toString("utf8");
  return text.replaceAll(/[^\P{C}]|\p{Zl}|\p{Zp}/gu, "?").trim();
}
