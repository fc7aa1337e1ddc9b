/**
 * Receives the messages of a session: opens the queue's place for a text, has the text
 * go there as it comes, by DATA or in chunks, and asks for the receipt at its end.
 *
 * What is left open by a session that ends is aborted (`drop`), but for what the queue
 * was asked to keep: that is told of even when the client has gone.
 *
 * Source: RFC 5321 §4.1.1.4 (DATA); RFC 3030 §2 (BDAT).
 */
import { ChunkReader } from "#protocols/smtp/chunk-reader.ts";
import type { Bdat, Hello } from "#protocols/smtp/command.ts";
import { DataDecoder } from "#protocols/smtp/data-decoder.ts";
import type { Event } from "#protocols/smtp/server-session-state.ts";
import type { Origin } from "#model/envelope.ts";
import type { Consultation } from "./consultation.ts";
import { IncomingMessage, type TextReader } from "./incoming-message.ts";
import type { ServedClient } from "./served-client.ts";
import type { Service } from "./service.ts";
import type { SessionFlow } from "./session-flow.ts";
import { receiptReply } from "./verdicts.ts";

/** The session whose messages are received. */
export interface ReceivingSession {
  readonly client: ServedClient;
  readonly flow: SessionFlow;
  readonly consultation: Consultation;
  readonly hello: Hello | undefined;
  readonly origin: Origin;
  /** Has the machine take `event`, and does what it asks for. */
  advance(event: Event): void;
}

/** A message that comes by BDAT. */
interface ChunkedMessage {
  readonly reader: ChunkReader;
  readonly message: IncomingMessage;
  /** The one that is coming, or came last. */
  chunk: Bdat | undefined;
}

const PROTOCOLS = { HELO: "SMTP", EHLO: "ESMTP", LHLO: "LMTP" } as const;

const CHUNK_DISCARDED: Event = Object.freeze({ type: "chunk-end", refusal: undefined });

export class MessageReception {
  readonly #service: Service;
  readonly #session: ReceivingSession;
  readonly #flow: SessionFlow;
  /** Takes the input while there is one. */
  #message: IncomingMessage | undefined;
  /** The message that comes in chunks, from the first to the last. */
  #chunked: ChunkedMessage | undefined;
  /** Octets of a refused chunk that are still to come. */
  #discardBytes = 0;

  constructor(service: Service, session: ReceivingSession) {
    this.#service = service;
    this.#session = session;
    this.#flow = session.flow;
  }

  /** A text is coming that is to be kept. */
  get isReceiving(): boolean {
    return this.#message !== undefined;
  }

  /** What comes now is text, not commands. */
  get takesInput(): boolean {
    return this.#message !== undefined || this.#discardBytes > 0;
  }

  /** Takes text of `input`; returns the offset after it. */
  take(input: Buffer, from: number): number {
    const message = this.#message;
    if (message === undefined) return this.#discard(input, from);
    const end = message.push(input, from);
    this.#flow.time.awaitText(message.progressBytes);
    if (message.isComplete) this.#finish(message);
    else if (message.isFull) void this.#awaitRoom(message);
    return end;
  }

  /** Opens the message that follows the reply 354. */
  start(): void {
    this.#flow.time.startText();
    const named = this.#nameToAwait();
    if (named === undefined) this.#open();
    else void this.#awaitName(named);
  }

  /** Takes the next chunk; returns the event that follows at once, if it is empty. */
  startChunk(chunk: Bdat, isFirst: boolean): Event | undefined {
    if (isFirst) this.#flow.time.startText();
    else this.#flow.time.continueText();
    const named = isFirst ? this.#nameToAwait() : undefined;
    if (named === undefined) return this.#openChunk(chunk);
    void this.#awaitNameForChunk(named, chunk);
    return undefined;
  }

  /** Lets a refused chunk pass; returns the event that follows at once, if it is empty. */
  startDiscarding({ octets }: Bdat): Event | undefined {
    if (octets === 0) return CHUNK_DISCARDED;
    this.#flow.time.startText();
    this.#discardBytes = octets;
    return undefined;
  }

  /** Gives up the message whose chunks have come. */
  abandon(): void {
    this.#flow.time.abandonText();
    this.drop();
  }

  /** Gives back what it has of the queue; may come again. */
  drop(): void {
    this.#session.consultation.drop();
    this.#message?.abort();
    this.#message = undefined;
    this.#chunked?.message.abort();
    this.#chunked = undefined;
  }

  /** The client's reverse name, which is written into the trace, is awaited if it is not known. */
  #nameToAwait(): Promise<void> | undefined {
    return this.#service.listener.maskSource ? undefined : this.#session.client.identity.named;
  }

  async #awaitName(named: Promise<void>): Promise<void> {
    this.#flow.startWaiting();
    await named;
    if (this.#flow.hasEnded) return;
    this.#open();
    if (this.#message?.isFull !== true) this.#flow.goOn(undefined);
  }

  async #awaitNameForChunk(named: Promise<void>, chunk: Bdat): Promise<void> {
    this.#flow.startWaiting();
    await named;
    if (this.#flow.hasEnded) return;
    this.#flow.stopWaiting();
    const event = this.#openChunk(chunk);
    // An empty last chunk has ended the message, for which the queue is asked.
    if (this.#flow.isOpen) this.#flow.goOn(event);
  }

  #open(): void {
    this.#message = this.#incoming(new DataDecoder());
    if (this.#message.isFull) void this.#awaitRoom(this.#message);
  }

  #openChunk(chunk: Bdat): Event | undefined {
    this.#chunked ??= this.#incomingChunks();
    const { message, reader } = this.#chunked;
    this.#chunked.chunk = chunk;
    reader.begin(chunk.octets);
    if (chunk.octets === 0) return this.#finishChunk(this.#chunked);
    this.#message = message;
    return undefined;
  }

  #incomingChunks(): ChunkedMessage {
    const reader = new ChunkReader(this.#session.consultation.transaction.isBinary);
    return { reader, message: this.#incoming(reader), chunk: undefined };
  }

  #incoming(reader: TextReader): IncomingMessage {
    const { consultation, client, hello, origin } = this.#session;
    const submission = consultation.takeSubmission();
    const { transaction } = consultation;
    const { maxMessageBytes, serverName } = client.rules;
    const { localUser } = client.identity;
    const message = new IncomingMessage(submission, reader, {
      maxBytes: maxMessageBytes,
      trace: transaction.traceHeader(submission.msgid, {
        hello,
        origin,
        localUser,
        serverName,
      }),
      mayBeUtf8: transaction.mayBeUtf8,
    });
    if (client.identity.isOurs) message.edit(transaction.headerEdits(serverName));
    return message;
  }

  #discard(input: Buffer, from: number): number {
    const end = Math.min(input.length, from + this.#discardBytes);
    this.#discardBytes -= end - from;
    this.#flow.time.awaitText(0);
    if (this.#discardBytes === 0) {
      this.#flow.time.abandonText();
      this.#session.advance(CHUNK_DISCARDED);
    }
    return end;
  }

  /** @param event what the queue's having room again makes, if anything. */
  async #awaitRoom(message: IncomingMessage, event?: Event): Promise<void> {
    this.#flow.startWaiting();
    await message.submission.drained();
    message.drained();
    this.#flow.goOn(event);
  }

  /** All of the text is there, or of a chunk. */
  #finish(message: IncomingMessage): void {
    this.#message = undefined;
    const event =
      this.#chunked === undefined ? this.#finishMessage(message) : this.#finishChunk(this.#chunked);
    if (event !== undefined) this.#session.advance(event);
  }

  /** Returns the event that the end of a chunk makes, if that is known at once. */
  #finishChunk({ message, reader, chunk }: ChunkedMessage): Event | undefined {
    if (chunk?.isLast === true) {
      this.#chunked = undefined;
      message.complete(reader.tail());
      return this.#finishMessage(message);
    }
    const refusal = message.despair;
    if (refusal !== undefined) this.#chunked = undefined;
    if (refusal !== undefined || !message.isFull) return { type: "chunk-end", refusal };
    void this.#awaitRoom(message, { type: "chunk-end", refusal });
    return undefined;
  }

  /** Returns the event that the end of the message makes; none yet if the queue is asked to keep it. */
  #finishMessage(message: IncomingMessage): Event | undefined {
    this.#flow.time.endText();
    const refusal = message.refusal();
    if (refusal !== undefined) return { type: "message-end", reply: refusal };
    void this.#commit(message);
    return undefined;
  }

  async #commit(incoming: IncomingMessage): Promise<void> {
    const { consultation, client, hello, origin } = this.#session;
    const { transaction } = consultation;
    const message = transaction.message(incoming, origin);
    const envelopes = transaction.envelopes(message.msgid);
    this.#flow.startWaiting();
    const receipt = await incoming.submission.commit(message, envelopes);
    if (receipt.kind === "accepted") {
      const session = client.identity.id;
      this.#service.observe({
        kind: "smtp-message",
        session,
        protocol: PROTOCOLS[hello?.verb ?? "EHLO"],
        message,
        envelopes,
      });
    }
    this.#flow.goOn({ type: "message-end", reply: receiptReply(receipt, message.msgid) });
  }
}
