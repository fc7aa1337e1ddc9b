/**
 * The text of a message on its way to a server, by DATA or by BDAT.
 *
 * Promises: what ends the text is not written here but returned, for when the session counts the
 * text as sent; and only of a text that was read whole, neither shorter nor longer than it was
 * announced. At most BLOCK_BYTES wait in the connection beyond what the text's source keeps.
 * Who waits goes on when something has happened (`happened`), and looks again.
 */
import { FilesError } from "#base/ports/files.ts";
import { type ChunkedBody, ChunkEncoder } from "#protocols/smtp/chunk-encoder.ts";
import { DataEncoder } from "#protocols/smtp/data-encoder.ts";
import type { MessageText } from "#model/delivery.ts";
import { INLINE_TEXT_BYTES } from "#model/intake.ts";

/** The session that a text leaves by. */
export interface TextOutlet {
  /** It still wants the text: asked anew after each write, which may have closed it. */
  isOpen(): boolean;
  /** Another chunk may be announced. */
  mayChunk(): boolean;
  /** A chunk that is not the last leaves: said ahead of its bytes, as its answer can come while they are written. */
  chunkLeaves(): void;
  /** The time for the next block begins. */
  blockLeaves(): void;
  /** False: there is no more room. */
  write(bytes: Uint8Array): boolean;
  unsentBytes(): number;
  trace(command: string): void;
}

/** Text is written in blocks of this size, each of which has its own deadline. */
const BLOCK_BYTES: number = 64 * 1024;
/** The longest chunk behind BDAT: what a text's source gives at a time. */
const CHUNK_BYTES: number = INLINE_TEXT_BYTES;
const NO_BYTES: Uint8Array = new Uint8Array(0);

export class TextWriter {
  readonly #outlet: TextOutlet;
  #goOn: (() => void) | undefined;

  constructor(outlet: TextOutlet) {
    this.#outlet = outlet;
  }

  /** There is room, an answer came, or the text is not wanted any more. */
  happened(): void {
    this.#goOn?.();
  }

  /**
   * Writes the text and returns its last bytes, with the end-of-data mark.
   *
   * @throws {FilesError} if it cannot be read, or is not as long as it says.
   */
  async writeData(text: MessageText): Promise<Uint8Array> {
    const encoder = new DataEncoder();
    let readBytes = 0;
    let held = NO_BYTES;
    for await (const piece of text.chunks()) {
      if (!this.#outlet.isOpen()) return NO_BYTES;
      readBytes += piece.length;
      if (readBytes > text.bytes) break;
      if (held.length > 0) await this.#writeBlocks(held);
      held = encoder.push(piece);
    }
    mustBeWhole(text, readBytes);
    return Buffer.concat([await this.#writeMost(held), encoder.end()]);
  }

  /**
   * The same by BDAT: what the source gives at a time is a chunk, of CHUNK_BYTES at most. The
   * last is announced only once the text is known to be whole.
   *
   * @throws {FilesError} as `writeData`.
   */
  async writeChunks(text: MessageText, body: ChunkedBody): Promise<Uint8Array> {
    const encoder = new ChunkEncoder(body);
    let readBytes = 0;
    let held = NO_BYTES;
    for await (const piece of text.chunks()) {
      if (!this.#outlet.isOpen()) return NO_BYTES;
      readBytes += piece.length;
      if (readBytes > text.bytes) break;
      for (let at = 0; at < piece.length; at += CHUNK_BYTES) {
        await this.#writeChunk(held);
        held = encoder.push(piece.subarray(at, at + CHUNK_BYTES));
      }
    }
    mustBeWhole(text, readBytes);
    if (!(await this.#mayAnnounce())) return NO_BYTES;
    const line = this.#announcement(`BDAT ${held.length} LAST`);
    if (held.length <= BLOCK_BYTES) return Buffer.concat([line, held]);
    this.#outlet.write(line);
    return this.#writeMost(held);
  }

  /** One that is not the last. */
  async #writeChunk(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0 || !(await this.#mayAnnounce())) return;
    this.#outlet.chunkLeaves();
    this.#outlet.write(this.#announcement(`BDAT ${chunk.length}`));
    await this.#writeBlocks(chunk);
  }

  /** Waits until it may; false: the text is not wanted any more. */
  async #mayAnnounce(): Promise<boolean> {
    while (this.#outlet.isOpen() && !this.#outlet.mayChunk()) await this.#something();
    return this.#outlet.isOpen();
  }

  #announcement(command: string): Uint8Array {
    this.#outlet.trace(command);
    return Buffer.from(`${command}\r\n`, "latin1");
  }

  /** Writes all but the last block, which it returns. */
  async #writeMost(bytes: Uint8Array): Promise<Uint8Array> {
    const cut = Math.max(bytes.length - BLOCK_BYTES, 0);
    if (cut > 0) await this.#writeBlocks(bytes.subarray(0, cut));
    return bytes.subarray(cut);
  }

  async #writeBlocks(bytes: Uint8Array): Promise<void> {
    const outlet = this.#outlet;
    for (let at = 0; at < bytes.length && outlet.isOpen(); at += BLOCK_BYTES) {
      outlet.blockLeaves();
      if (outlet.write(bytes.subarray(at, at + BLOCK_BYTES))) continue;
      while (outlet.unsentBytes() > 0 && outlet.isOpen()) await this.#something();
    }
  }

  async #something(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#goOn = resolve;
    });
    this.#goOn = undefined;
  }
}

function mustBeWhole({ bytes }: MessageText, readBytes: number): void {
  if (readBytes === bytes) return;
  throw new FilesError("EIO", `Text has ${readBytes} bytes, not ${bytes}`);
}
