/**
 * One message between the reply 354 and its end: wire bytes go in, decoded text
 * goes to the queue, and at the end it is known whether the text may be kept.
 *
 * A message that may not be kept is aborted in the queue at once and read to its
 * end, so that the reply comes where the client expects it. Which reply it gets
 * depends on the whole message only, never on how its bytes were split.
 */
import { HeaderEditor, type HeaderEdits } from "#protocols/mail/header-editor.ts";
import { HeaderScanner } from "#protocols/mail/header-scanner.ts";
import type { Reply } from "#protocols/smtp/reply.ts";
import {
  BAD_MESSAGE_BYTES,
  MALFORMED_MESSAGE,
  MESSAGE_TOO_BIG,
  ROUTING_LOOP,
} from "#protocols/smtp/status.ts";
import type { Submission } from "#model/intake.ts";
import { MAX_RECEIVED_HEADERS } from "./limits.ts";
import { TextGatherer } from "./text-gatherer.ts";

/** Undoes how a text is sent: by DATA, or in chunks. */
export interface TextReader {
  /** All of it was read, or all of the chunk. */
  readonly done: boolean;
  readonly sawBareNewline: boolean;
  readonly sawNul: boolean;
  /** Offset in the last input after what was read of it. */
  readonly end: number;
  push(input: Buffer, from: number): Uint8Array;
}

/** What is known of a message before its text. */
export interface ExpectedText {
  readonly maxBytes: number;
  /** The header that goes before it; the queue then owns it. */
  readonly trace: Uint8Array;
  /** SMTPUTF8 was asked for: it is looked whether the headers need it. */
  readonly mayBeUtf8: boolean;
}

export class IncomingMessage {
  readonly submission: Submission;
  readonly #maxTextBytes: number;
  readonly #decoder: TextReader;
  readonly #scanner: HeaderScanner;
  readonly #gatherer = new TextGatherer((text) => this.#write(text));
  /** Of a message of our own users, until its headers are over. */
  #editor: HeaderEditor | undefined;
  #writtenBytes = 0;
  #textBytes = 0;
  #isAborted = false;
  #isFull = false;

  /** @param reader undoes how the text is sent. */
  constructor(submission: Submission, reader: TextReader, expected: ExpectedText) {
    this.submission = submission;
    this.#decoder = reader;
    this.#maxTextBytes = expected.maxBytes;
    this.#scanner = new HeaderScanner(expected.mayBeUtf8);
    this.#write(expected.trace);
  }

  /** Has the headers completed as `edits` say; called before there is text. */
  edit(edits: HeaderEdits): void {
    this.#editor = new HeaderEditor(edits, (text) => this.#gatherer.push(text));
  }

  /** Whether a header of the text has octets beyond ASCII, if that may be. */
  get hasUtf8Header(): boolean {
    return this.#scanner.sawUtf8;
  }

  /** True once the end-of-data mark was read, or the end of a chunk. */
  get isComplete(): boolean {
    return this.#decoder.done;
  }

  /** True while the queue asks us to stop until `submission.drained()`. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Bytes given to the queue, the trace header included. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Text that counts as progress of the transfer: what is too much does not. */
  get progressBytes(): number {
    return Math.min(this.#textBytes, this.#maxTextBytes);
  }

  /** Takes wire bytes from `from`; returns where they end, or where commands go on. */
  push(input: Buffer, from: number): number {
    this.#take(this.#decoder.push(input, from));
    return this.#decoder.end;
  }

  /** Adds the end of a text that its reader did not see on the wire. */
  complete(tail: Uint8Array): void {
    if (tail.length > 0) this.#take(tail);
  }

  /** Why no later byte can save the message, if so. */
  get despair(): Reply | undefined {
    return this.#isHopeless() ? this.#judge() : undefined;
  }

  #take(text: Uint8Array): void {
    this.#textBytes += text.length;
    if (!this.#scanner.isFinished) this.#scanner.push(text);
    if (this.#isAborted) return;
    if (this.#isHopeless()) this.abort();
    else if (text.length > 0) this.#keep(text);
  }

  #keep(text: Uint8Array): void {
    if (this.#editor === undefined) {
      this.#gatherer.push(text);
      return;
    }
    this.#editor.push(text);
    if (this.#editor.isFinished) this.#editor = undefined;
  }

  /** The queue takes text again. */
  drained(): void {
    this.#isFull = false;
  }

  /** Why the complete message may not be kept, if so. It is then aborted already; else all of it is written. */
  refusal(): Reply | undefined {
    const refusal = this.#judge();
    if (refusal !== undefined) {
      this.abort();
      return refusal;
    }
    this.#editor?.end();
    this.#gatherer.end();
    return undefined;
  }

  /** Gives the message up; may be called at any time, and again. */
  abort(): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#isFull = false;
    this.#gatherer.drop();
    this.submission.abort();
  }

  #judge(): Reply | undefined {
    if (this.#textBytes > this.#maxTextBytes) return MESSAGE_TOO_BIG;
    if (this.#decoder.sawBareNewline || this.#decoder.sawNul) return BAD_MESSAGE_BYTES;
    if (this.#scanner.receivedCount >= MAX_RECEIVED_HEADERS) return ROUTING_LOOP;
    if (this.#scanner.isMalformed) return MALFORMED_MESSAGE;
    return undefined;
  }

  /** Whether no later byte can save the message. */
  #isHopeless(): boolean {
    return (
      this.#textBytes > this.#maxTextBytes ||
      this.#decoder.sawBareNewline ||
      this.#decoder.sawNul ||
      this.#scanner.receivedCount >= MAX_RECEIVED_HEADERS
    );
  }

  #write(text: Uint8Array): void {
    this.#writtenBytes += text.length;
    this.#isFull = !this.submission.write(text);
  }
}
