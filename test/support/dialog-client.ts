/**
 * A client that plays its part of a dialog over any network: it sends its lines, as
 * many at once as stand together, and waits for each line of the server's.
 */
import type { Connection, NetworkFault } from "#base/ports/network.ts";
import type { Dialog, Turn } from "./dialog.ts";

export class DialogClient {
  readonly #connection: Connection;
  #received = "";
  #isClosed = false;
  #wake: (() => void) | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.start({
      data: (bytes) => {
        this.#received += Buffer.from(bytes).toString("latin1");
        this.#notify();
      },
      end: () => {
        this.#isClosed = true;
        connection.end();
        this.#notify();
      },
      drain: () => {},
      closed: (_fault: NetworkFault | undefined) => {
        this.#isClosed = true;
        this.#notify();
      },
    });
  }

  /** All that the server said, one character for each octet. */
  get received(): string {
    return this.#received;
  }

  /** Whether the server has ended the session. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Plays all turns; gives up waiting for lines when the server has ended the session. */
  async play(dialog: Dialog, pass: (ms: number) => Promise<void>): Promise<void> {
    let expectedLines = 0;
    for (const [index, turn] of dialog.turns.entries()) {
      if (turn.kind === "server") {
        expectedLines++;
        await this.#linesReceived(expectedLines);
      } else if (turn.kind === "time") {
        await pass(turn.ms);
      } else if (dialog.turns[index - 1]?.kind !== "client") {
        this.#connection.write(Buffer.from(wireFrom(dialog.turns, index), "latin1"));
      }
    }
    if (dialog.closes) while (!this.#isClosed) await this.#something();
  }

  /** Goes away without a word. */
  leave(): void {
    this.#connection.destroy();
  }

  async #linesReceived(count: number): Promise<void> {
    while (this.#received.split("\n").length - 1 < count && !this.#isClosed)
      await this.#something();
  }

  #something(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

/** What the client sends from the turn at `index` until the server speaks or time passes. */
function wireFrom(turns: readonly Turn[], index: number): string {
  let wire = "";
  for (const turn of turns.slice(index)) {
    if (turn.kind !== "client") break;
    wire += turn.wire;
  }
  return wire;
}
