/**
 * Writes log lines of several processes to a reader that may be slow, stuck or gone:
 * nobody waits for it. Lines beyond the bound are dropped and counted; as
 * soon as there is room again, a line says how many are missing.
 */
import type { Readable, Writable } from "node:stream";

/** What may wait for the reader: about twenty thousand lines. */
export const MAX_UNWRITTEN_BYTES: number = 4 * 1024 * 1024;
/** Longest line that is kept in one piece; log lines are much shorter. */
const MAX_LINE_BYTES: number = 64 * 1024;

const LINE_FEED = 0x0a;

/** How lines begin that are warnings; no other line does, as it has an id in front. */
const WARNING = "warn: ";

/** Hands on what it is given, in order. */
export interface LineSink {
  /** Given, and with no reader yet. */
  readonly unwrittenBytes: number;
  /** @param written called when a reader has it, with all that was given before. */
  write(lines: string | Buffer, written?: () => void): void;
}

/** One reader, and no other when it is gone. */
export function streamSink(stream: Writable): LineSink {
  // EPIPE: what is written is lost.
  stream.on("error", () => undefined);
  return {
    get unwrittenBytes() {
      return stream.writableLength;
    },
    write: (lines, written) => void stream.write(lines, () => written?.()),
  };
}

export class LineWriter {
  readonly #sink: LineSink;
  readonly #warningMark: string;
  #missing = 0;

  /** @param warningMark stands in front of each warning. */
  constructor(sink: LineSink, warningMark = "") {
    this.#sink = sink;
    this.#warningMark = warningMark;
  }

  /** Lines that were dropped, and of which no line says so yet. */
  get missing(): number {
    return this.#missing;
  }

  /** Writes whole lines, or drops them. */
  write(lines: string | Buffer): void {
    if (this.#sink.unwrittenBytes >= MAX_UNWRITTEN_BYTES) {
      this.#missing += Buffer.from(lines).filter((byte) => byte === LINE_FEED).length;
      return;
    }
    if (this.#missing > 0)
      this.#sink.write(`${this.#warningMark}${WARNING}${this.#missing} log lines lost\n`);
    this.#missing = 0;
    this.#sink.write(this.#marked(lines));
  }

  /** Hands on what a process writes to `source`, line by line: no other's come between. */
  forward(source: Readable): void {
    let rest: Buffer = Buffer.alloc(0);
    source.on("data", (bytes: Buffer) => {
      const end = bytes.lastIndexOf(LINE_FEED) + 1;
      if (end === 0 && rest.length + bytes.length <= MAX_LINE_BYTES) {
        rest = Buffer.concat([rest, bytes]);
        return;
      }
      const cut = end === 0 ? bytes.length : end;
      this.write(Buffer.concat([rest, bytes.subarray(0, cut)]));
      rest = Buffer.from(bytes.subarray(cut));
    });
    source.once("end", () => {
      if (rest.length > 0) this.write(Buffer.concat([rest, Buffer.from("\n")]));
    });
  }

  /** Most have no warning in them, and are looked through as bytes. */
  #marked(lines: string | Buffer): string | Buffer {
    if (this.#warningMark === "" || !lines.includes(WARNING)) return lines;
    return Buffer.from(lines)
      .toString("utf8")
      .replaceAll(/^warn: /gmu, `${this.#warningMark}${WARNING}`);
  }

  /** Resolves when nothing waits any more, or after `withinMs`. */
  async flushed(withinMs: number): Promise<void> {
    if (this.#sink.unwrittenBytes === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    this.#sink.write("", () => resolve());
    await promise;
    clearTimeout(timer);
  }
}
