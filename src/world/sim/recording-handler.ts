/** A connection handler for tests that keeps what it was told. */
import type { ConnectionHandler, NetworkFault } from "#base/ports/network.ts";

export class RecordingHandler implements ConnectionHandler {
  /** Everything but data, in order: "end", "drain", "closed". */
  readonly events: ("end" | "drain" | "closed")[] = [];
  /** The sizes in which data came. */
  readonly chunkBytes: number[] = [];
  fault: NetworkFault | undefined;
  readonly #chunks: Uint8Array[] = [];
  readonly #waiting = new Set<() => void>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** All data, as Latin-1. */
  get text(): string {
    return Buffer.concat(this.#chunks).toString("latin1");
  }

  /** Resolves when the connection is closed. */
  get closing(): Promise<void> {
    return this.until(() => this.events.includes("closed"));
  }

  /** Resolves when `holds` is true after something was told, or at once. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  data(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.chunkBytes.push(bytes.length);
    this.#bytes += bytes.length;
    this.#look();
  }

  end(): void {
    this.events.push("end");
    this.#look();
  }

  drain(): void {
    this.events.push("drain");
    this.#look();
  }

  closed(fault: NetworkFault | undefined): void {
    this.fault = fault;
    this.events.push("closed");
    this.#look();
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }
}
