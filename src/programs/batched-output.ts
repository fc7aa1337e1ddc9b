/**
 * Standard output of a program that prints many short lines: what is printed in one turn of
 * the event loop leaves in one write, or in pieces of BATCH_CHARACTERS.
 */

const BATCH_CHARACTERS = 65_536;

export class BatchedOutput {
  readonly #write: (piece: string | Uint8Array) => void;
  #batch = "";
  #isDue = false;

  constructor(write: (piece: string | Uint8Array) => void) {
    this.#write = write;
  }

  print(text: string | Uint8Array): void {
    if (typeof text !== "string") {
      this.flush();
      this.#write(text);
      return;
    }
    this.#batch += text;
    if (this.#batch.length >= BATCH_CHARACTERS) this.flush();
    else if (!this.#isDue) {
      this.#isDue = true;
      queueMicrotask(() => {
        this.#isDue = false;
        this.flush();
      });
    }
  }

  /** What is told on standard error comes behind what was printed before it. */
  flush(): void {
    if (this.#batch === "") return;
    const batch = this.#batch;
    this.#batch = "";
    this.#write(batch);
  }
}
