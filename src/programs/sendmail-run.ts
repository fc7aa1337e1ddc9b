/**
 * sendmail(8): hands a message of a local program to the daemon, apart from where its input
 * comes from and what the machine is called.
 *
 * Promises: exit status 0 if and only if the daemon has the message for every recipient; 75 if
 * it is kept where the daemon will find it. With any other the message is the caller's, and
 * nothing keeps a copy: there is no dead.letter.
 *
 * Source: sendmail(8) of OpenSMTPD; sysexits(3).
 */
import type { Endpoint } from "#base/endpoint.ts";
import { FilesError } from "#base/ports/files.ts";
import { unreachable } from "#base/unreachable.ts";
import { formatDate } from "#protocols/mail/date.ts";
import { isHostName } from "#protocols/mail/domain.ts";
import type { ClientPorts } from "#engine/client/client-settings.ts";
import type { BodyStore } from "#engine/enqueue/body-store.ts";
import type { DropBox } from "#engine/enqueue/drop-box.ts";
import { handIn, type NotTaken } from "#engine/enqueue/hand-in.ts";
import { MAX_RECIPIENTS } from "#engine/enqueue/outgoing-mail.ts";
import {
  type MailOrder,
  type PreparedMail,
  prepareMail,
  type Unprepared,
} from "#engine/enqueue/prepare-mail.ts";
import type { SenderIdentity } from "#engine/enqueue/sender-identity.ts";
import { printable } from "#engine/observe/visible-text.ts";
import { parseSendmailArguments, SENDMAIL_USAGE } from "./sendmail-arguments.ts";
import { EXIT, exitOfRefusal } from "./sendmail-exit.ts";

export interface SendmailWorld extends ClientPorts {
  readonly identity: SenderIdentity;
  /** The daemon's socket for local programs. */
  readonly endpoint: Endpoint;
  readonly input: AsyncIterable<Uint8Array>;
  readonly store: BodyStore;
  readonly dropBox: DropBox;
  /** Runs another of our programs in this one's place; returns its exit status. */
  become(program: "newaliases" | "smtpctl", words: readonly string[]): Promise<number>;
  /** Passes bytes between the caller and the daemon, both ways; returns the exit status. */
  pump(): Promise<number>;
  readonly print: (line: string) => void;
  readonly complain: (line: string) => void;
}

/** Of recipients that were refused, as many are named. */
const MAX_COMPLAINTS = 20;

/** `words`: the arguments after the program's name. Returns the exit status. */
export async function runSendmail(world: SendmailWorld, words: readonly string[]): Promise<number> {
  const asked = parseSendmailArguments(words);
  switch (asked.kind) {
    case "wrong":
      fail(world, asked.message);
      world.complain(SENDMAIL_USAGE);
      return EXIT.usage;
    case "newaliases":
      return world.become("newaliases", asked.words);
    case "mailq":
      return world.become("smtpctl", ["show", "queue"]);
    case "flush":
      return world.become("smtpctl", ["schedule", "-y", "all"]);
    case "smtp":
      return world.pump();
    case "message":
      return sendMessage(world, asked.order, asked.isVerbose);
    default:
      return unreachable(asked);
  }
}

async function sendMessage(
  world: SendmailWorld,
  order: MailOrder,
  isVerbose: boolean,
): Promise<number> {
  const { identity, input, store, clock } = world;
  if (!isHostName(identity.mailName)) {
    fail(world, "this machine has no name for mail: write one into /etc/mail/mailname");
    return EXIT.noHost;
  }
  const date = formatDate(clock.wallMs());
  let prepared: PreparedMail | Unprepared;
  try {
    prepared = await prepareMail(order, { input, store, identity, date });
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    fail(world, `cannot read the message: ${error.message}`);
    return EXIT.osError;
  }
  if (prepared.kind !== "prepared") {
    fail(world, wordsOf(prepared));
    // OpenSMTPD's, whoever forgot them.
    return prepared.kind === "no-recipients" ? EXIT.software : EXIT.data;
  }
  return handOver(world, prepared, isVerbose);
}

function wordsOf(trouble: Unprepared): string {
  switch (trouble.kind) {
    case "address-trouble":
      return `syntax error in address: ${trouble.text}`;
    case "no-recipients":
      return "no recipients";
    case "too-many-recipients":
      return `more than ${MAX_RECIPIENTS} recipients`;
    case "too-many-headers":
      return "headers are too long";
    default:
      return unreachable(trouble);
  }
}

async function handOver(
  world: SendmailWorld,
  { mail, text }: PreparedMail,
  isVerbose: boolean,
): Promise<number> {
  const trace = isVerbose ? (line: string): void => world.print(printable(line)) : undefined;
  const outcome = await handIn(world, { endpoint: world.endpoint, trace }, mail, text);
  if (outcome.kind === "taken") return EXIT.ok;
  if (outcome.kind === "refused") {
    complainOf(world, outcome);
    return exitOfRefusal(outcome.status);
  }
  const forwardPaths = mail.forwardPaths.slice(outcome.takenFor);
  const dropped = await world.dropBox.drop({ ...mail, forwardPaths }, text);
  if (dropped.kind === "dropped") {
    if (isVerbose) world.print("queued offline");
    return EXIT.queued;
  }
  complainOf(world, outcome);
  fail(world, `cannot keep the message for later: ${dropped.why}`);
  return EXIT.unavailable;
}

function complainOf(world: SendmailWorld, { complaints, takenFor }: NotTaken): void {
  if (takenFor > 0) fail(world, `sent to the first ${takenFor} recipients alone`);
  for (const { address, text } of complaints.slice(0, MAX_COMPLAINTS)) {
    fail(world, address === undefined ? text : `${address}: ${text}`);
  }
  const more = complaints.length - MAX_COMPLAINTS;
  if (more > 0) fail(world, `and ${more} more`);
}

function fail(world: SendmailWorld, message: string): void {
  world.complain(`sendmail: ${printable(message)}`);
}
