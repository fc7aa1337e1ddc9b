/**
 * What every local delivery of a message has in common: the fields that go before it,
 * its lines, the search for a loop, and what a fault of a file means to the sender.
 *
 * Source: OpenSMTPD's mda.c and mda_session.c; RFC 5321 §4.4 (Return-Path).
 */
import { FilesError } from "#base/ports/files.ts";
import type { DeliveryResult, MessageText } from "#model/delivery.ts";
import type { Envelope, Message } from "#model/envelope.ts";
import type { FormatValues } from "#policy/expand/format.ts";
import { type HeaderSigns, headerSigns } from "./delivered-to.ts";
import { LocalLines } from "./local-lines.ts";

/** One envelope's delivery. */
export interface MailboxDelivery {
  readonly message: Message;
  readonly envelope: Envelope;
  readonly text: MessageText;
}

/** A result but for whose it is. */
export type DeliveryEnd = Pick<DeliveryResult, "outcome" | "status" | "diagnostic">;

export const DELIVERED: DeliveryEnd = {
  outcome: "delivered",
  status: "2.0.0",
  diagnostic: "Delivered",
};

/** Converts the lines of a text; made anew for each. */
export interface TextLines {
  push(text: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

const AS_IT_IS: TextLines = { push: (text) => text, end: () => new Uint8Array(0) };

/**
 * Delivers with `deliver`, unless the message has been here before. Never rejects for what
 * files or the message can cause.
 *
 * @param remote where to, for the result.
 */
export async function deliverLocally(
  { envelope, text }: MailboxDelivery,
  remote: string,
  deliver: (signs: HeaderSigns) => Promise<DeliveryEnd>,
): Promise<DeliveryResult> {
  const { evpid, destination } = envelope;
  try {
    const signs = await headerSigns(text);
    const isLoop = signs.deliveredTo.has(destination.toLowerCase());
    const end = isLoop ? LOOP : await deliver(signs);
    return { evpid, remote, ...end };
  } catch (error) {
    if (!(error instanceof FilesError)) throw error;
    return { evpid, remote, ...endOf(error) };
  }
}

export const LOOP: DeliveryEnd = {
  outcome: "loop",
  status: "5.4.6",
  diagnostic: "Delivered-To loop detected",
};

/** What the specifiers of a path, a command or a server stand for; `directory` is the home of who delivers. */
export function formatValues(
  { message, envelope }: Pick<MailboxDelivery, "message" | "envelope">,
  directory: string,
  subAddressDelimiter: string,
): FormatValues {
  const { transport, forwardPath, destination } = envelope;
  return {
    sender: message.reversePath,
    rcpt: forwardPath,
    dest: destination,
    username: transport.kind === "mda" ? transport.user : "",
    directory,
    subAddressDelimiter,
  };
}

/** LF, but in a binary text, whose octets are no lines (RFC 3030 §3). */
export function linesOf({ terms }: Message): TextLines {
  return terms?.isBinary === true ? AS_IT_IS : new LocalLines();
}

/** No line break can come from an address: nothing may add a field. */
export function prependedFields({ message, envelope }: MailboxDelivery): Uint8Array {
  const { reversePath } = message;
  const sender = reversePath === "" ? "" : `Return-Path: <${oneLine(reversePath)}>\n`;
  return Buffer.from(`${sender}Delivered-To: ${oneLine(envelope.destination)}\n`, "utf8");
}

function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}

/**
 * The text in its lines, behind `head`, in pieces. @throws {FilesError} if it cannot be
 * read, or is not as long as it should be.
 */
export async function* localText(
  text: MessageText,
  head: Uint8Array,
  lines: TextLines,
): AsyncGenerator<Uint8Array> {
  yield head;
  let readBytes = 0;
  for await (const chunk of text.chunks()) {
    readBytes += chunk.length;
    yield lines.push(chunk);
  }
  if (readBytes !== text.bytes) {
    throw new FilesError("EIO", `Text has ${readBytes} bytes, not ${text.bytes}`);
  }
  yield lines.end();
}

/** RFC 3463 §3.3, §3.4: mailbox full, system full, and everything else. */
function endOf(error: FilesError): DeliveryEnd {
  switch (error.code) {
    case "EDQUOT":
      return later("4.2.2", "Mailbox is over its quota");
    case "ENOSPC":
      return later("4.3.1", "No space left for mailbox");
    case "EACCES":
    case "EPERM":
    case "EROFS":
    case "ENOTDIR":
    case "ELOOP":
      return later("4.3.5", `Mailbox cannot be written: ${error.code}`);
    case "ENAMETOOLONG":
      // Only a part that came from an address can be that long, and it stays so.
      return {
        outcome: "failed",
        status: "5.1.1",
        diagnostic: "No mailbox can have so long a name",
      };
    default:
      return later("4.3.0", `Mailbox trouble: ${error.code}`);
  }
}

function later(status: string, diagnostic: string): DeliveryEnd {
  return { outcome: "deferred", status, diagnostic };
}
