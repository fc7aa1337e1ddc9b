/**
 * From what a program writes to what the daemon gets: sender, recipients and the whole text.
 *
 * Everything that can be wrong with a message is found here, before anyone is told of it.
 *
 * Source: sendmail(8); OpenSMTPD enqueue.c.
 */
import { QuotedPrintableEncoder } from "#protocols/mail/quoted-printable.ts";
import type { MessageText } from "#model/delivery.ts";
import { type AddressTrouble, readAddresses, readArgument, readSender } from "./addressees.ts";
import type { BodyStore } from "./body-store.ts";
import { type CraftedHead, craftHead } from "./crafted-head.ts";
import { type HeaderField, readHeaderBlock, valueOf } from "./header-block.ts";
import { InputReader } from "./input-reader.ts";
import { MAX_RECIPIENTS, type OutgoingMail } from "./outgoing-mail.ts";
import { formatFrom, fullNameOf, type SenderIdentity } from "./sender-identity.ts";

/** What the arguments ask for. */
export interface MailOrder {
  /** `-f`; undefined: the first address in From, or who runs it. */
  readonly sender: string | undefined;
  /** `-F`; undefined: as the system knows who runs it. */
  readonly fullName: string | undefined;
  /** Each may be a list. */
  readonly addressees: readonly string[];
  /** `-t`: those in To, Cc and Bcc are recipients, too. */
  readonly readsHeaders: boolean;
  /** A line that is a dot alone ends the message (no `-i`). */
  readonly dotEnds: boolean;
  readonly notify: OutgoingMail["notify"];
  readonly returns: OutgoingMail["returns"];
  readonly envelopeId: string;
}

export interface PreparedMail {
  readonly kind: "prepared";
  readonly mail: OutgoingMail;
  readonly text: MessageText;
}

export type Unprepared =
  | AddressTrouble
  | { readonly kind: "no-recipients" }
  | { readonly kind: "too-many-recipients" }
  | { readonly kind: "too-many-headers" };

export interface Preparation {
  readonly input: AsyncIterable<Uint8Array>;
  readonly store: BodyStore;
  readonly identity: SenderIdentity;
  /** The value of the Date that is added. */
  readonly date: string;
}

/** Reads `input` to the end of the message. @throws {FilesError} as the store does. */
export async function prepareMail(
  order: MailOrder,
  { input, store, identity, date }: Preparation,
): Promise<PreparedMail | Unprepared> {
  const reader = new InputReader(order);
  let begun: readonly HeaderField[] | undefined;
  for await (const piece of piecesOfBody(reader, input)) {
    begun ??= beginBody(reader, store);
    store.add(piece);
  }
  if (reader.isOverlong) return { kind: "too-many-headers" };
  const fields = begun ?? beginBody(reader, store);
  const { mailName } = identity;
  const forwardPaths = recipientsOf(order, fields, mailName);
  if ("kind" in forwardPaths) return forwardPaths;
  const reversePath = senderOf(order, fields, identity);
  if (typeof reversePath !== "string") return reversePath;
  const { body } = reader;
  const head = craftHead(fields, { from: fromOf(order, reversePath, identity), date }, body);
  const text = await wholeText(head, store);
  const isBody8bit = body.is8bit && head.encoding === "as-is";
  return {
    kind: "prepared",
    mail: {
      reversePath,
      forwardPaths,
      notify: order.notify,
      returns: order.returns,
      envelopeId: order.envelopeId,
      is8bit: isBody8bit || /[^\0-\x7f]/.test(head.text),
    },
    text,
  };
}

async function* piecesOfBody(
  reader: InputReader,
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of input) {
    const piece = reader.push(chunk);
    if (piece.length > 0) yield piece;
    if (reader.isEnded || reader.isOverlong) break;
  }
  const last = reader.end();
  if (last.length > 0) yield last;
}

/** The headers. Where there are none, what came before the body is its own beginning. */
function beginBody(reader: InputReader, store: BodyStore): readonly HeaderField[] {
  const fields = readHeaderBlock(reader.head);
  if (fields !== undefined) return fields;
  const raw = reader.takeHeadAsBody();
  if (raw.length > 0) store.add(raw);
  return [];
}

function recipientsOf(
  { addressees, readsHeaders }: MailOrder,
  fields: readonly HeaderField[],
  mailName: string,
): readonly string[] | Unprepared {
  const found = new Set<string>();
  const lists = addressees.map((text) => readArgument(text, mailName));
  if (readsHeaders) {
    for (const field of fieldsWithRecipients(fields))
      lists.push(readAddresses(valueOf(field), mailName));
  }
  for (const list of lists) {
    if ("kind" in list) return list;
    for (const address of list) found.add(address);
  }
  if (found.size === 0) return { kind: "no-recipients" };
  return found.size > MAX_RECIPIENTS ? { kind: "too-many-recipients" } : [...found];
}

/** RFC 5322 §3.6.6: a message that is sent again goes to whom it is sent to now. */
function fieldsWithRecipients(fields: readonly HeaderField[]): readonly HeaderField[] {
  const resent = fields.filter(({ name }) => /^resent-(?:to|cc|bcc)$/.test(name));
  return resent.length > 0 ? resent : fields.filter(({ name }) => /^(?:to|cc|bcc)$/.test(name));
}

function senderOf(
  order: MailOrder,
  fields: readonly HeaderField[],
  identity: SenderIdentity,
): string | AddressTrouble {
  const { mailName } = identity;
  if (order.sender !== undefined) return readSender(order.sender, mailName);
  const from = fields.find(({ name }) => name === "from");
  const addresses = from === undefined ? [] : readAddresses(valueOf(from), mailName);
  // A name alone says nothing of where reports are to go.
  if ("kind" in addresses) return ownAddress(identity);
  return addresses[0] ?? ownAddress(identity);
}

/** The address of who runs it; a login name that no address can have is nobody's. */
function ownAddress({ loginName, mailName }: SenderIdentity): string {
  const own = readSender(loginName, mailName);
  return typeof own === "string" && own !== "" ? own : `anonymous@${mailName}`;
}

/** For a message without From. A report has no sender, but an author. */
function fromOf(order: MailOrder, reversePath: string, identity: SenderIdentity): string {
  const address = reversePath === "" ? ownAddress(identity) : reversePath;
  const isOwn = order.sender === undefined;
  return formatFrom(order.fullName ?? (isOwn ? fullNameOf(identity) : ""), address);
}

async function wholeText({ text, encoding }: CraftedHead, store: BodyStore): Promise<MessageText> {
  const head = Buffer.from(`${text}\r\n`, "latin1");
  const body = (): AsyncIterable<Uint8Array> =>
    encoding === "as-is" ? store.chunks() : encoded(store.chunks());
  let bodyBytes = store.bytes;
  if (encoding !== "as-is") {
    bodyBytes = 0;
    for await (const piece of body()) bodyBytes += piece.length;
  }
  return {
    bytes: head.length + bodyBytes,
    async *chunks() {
      yield head;
      yield* body();
    },
  };
}

async function* encoded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const encoder = new QuotedPrintableEncoder();
  for await (const chunk of chunks) {
    const piece = encoder.push(chunk);
    if (piece.length > 0) yield piece;
  }
  const last = encoder.end();
  if (last.length > 0) yield last;
}
