/**
 * What a client sends, to be read in the order of a conversation: as far as a mark, waiting
 * for it as long as the client may still send.
 */

/** More than any text of these tests: a client that sends without end is a fault. */
const MAX_BYTES = 4 * 1024 * 1024;

export class ClientInput {
  #buffer = "";
  #wake: (() => void) | undefined;
  #state: "open" | "ended" = "open";

  /** @throws {RangeError} if nobody reads, and it is too much to be kept. */
  push(bytes: Uint8Array): void {
    this.#buffer += Buffer.from(bytes).toString("latin1");
    if (this.#buffer.length > MAX_BYTES) throw new RangeError("Cannot keep what a client sends");
    this.#wake?.();
  }

  /** Nothing more comes. */
  end(): void {
    this.#state = "ended";
    this.#wake?.();
  }

  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** All before the next `mark`, without it; undefined: it does not come. */
  async upTo(mark: string): Promise<string | undefined> {
    for (;;) {
      const at = this.#buffer.indexOf(mark);
      if (at >= 0) {
        const unit = this.#buffer.slice(0, at);
        this.#buffer = this.#buffer.slice(at + mark.length);
        return unit;
      }
      if (this.#state === "ended") return undefined;
      await this.#more();
    }
  }

  /** The text before its end-of-data mark, without dot-stuffing. */
  async text(): Promise<string | undefined> {
    // The line end of DATA is that before the first line.
    this.#buffer = `\r\n${this.#buffer}`;
    const unit = await this.upTo("\r\n.\r\n");
    if (unit === undefined || unit === "") return unit;
    return `${unit.slice(2)}\r\n`.replaceAll(/^\./gm, "");
  }

  /** Resolves when nothing more comes; what still does is dropped. */
  async ended(): Promise<void> {
    while (this.#state === "open") {
      this.#buffer = "";
      await this.#more();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
