/** Where a load ends up: Maildirs below one folder, and a relay's sink in this process. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import type { Endpoint } from "#base/endpoint.ts";
import type { Listening } from "#base/ports/network.ts";
import { type Arrival, arrivalOf } from "#test/support/ledger.ts";
import { Sink } from "#test/support/sink.ts";
import { nodeNetwork } from "#world/node/network.ts";
import { freePort, until } from "./greeting.ts";

/** Every file in `new/` of the Maildirs in `folder`. */
export function deliveredFiles(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "lost+found")
    .flatMap(({ name }) => {
      const arrived = `${folder}/${name}/new`;
      return listing(arrived).map((file) => `${arrived}/${file}`);
    });
}

export function arrivalIn(path: string): Arrival {
  return arrivalOf(readFileSync(path, "latin1"));
}

/** The message that a report is about; "" if it names none. */
export function reportedIn(path: string): string {
  return /^X-Ledger: (\S+)\r?$/m.exec(readFileSync(path, "latin1"))?.[1] ?? "";
}

export function removeAll(paths: readonly string[]): void {
  for (const path of paths) rmSync(path);
}

/** An agent that is killed can leave a Maildir without its `new/`. */
function listing(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Whoever is asked for this recipient knows nobody of the name: the sender gets a report. */
export const GONE = "gone@out.example";

/** A server that takes what is relayed to it but for GONE, or defers it all while it is `busy`. */
export class RelaySink implements AsyncDisposable {
  readonly port: number;
  isBusy = false;
  readonly #sink = new Sink({
    extensions: ["PIPELINING", "8BITMIME"],
    reply: (line) => {
      if (this.isBusy && line.startsWith("MAIL")) return "451 4.3.0 Busy, come back later";
      return line.startsWith(`RCPT TO:<${GONE}>`)
        ? "550 5.1.1 Nobody here by that name"
        : undefined;
    },
  });
  #listening: Listening | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async start(): Promise<RelaySink> {
    const sink = new RelaySink(await freePort());
    const endpoint: Endpoint = { kind: "tcp", host: "127.0.0.1", port: sink.port };
    sink.#listening = await sink.#sink.listen(nodeNetwork(), endpoint);
    return sink;
  }

  /** What arrived so far. */
  get texts(): readonly string[] {
    return this.#sink.messages.map(({ text }) => text);
  }

  get count(): number {
    return this.#sink.messages.length;
  }

  /** Lines that clients have sent, outside of texts. */
  get asked(): number {
    return this.#sink.lines.length;
  }

  arrivals(): readonly Arrival[] {
    return this.#sink.messages.map(({ text }) => arrivalOf(text));
  }

  forget(): void {
    this.#sink.messages.length = 0;
  }

  /**
   * Resolves when no client is connected: what processes that were killed had sent, and the
   * kernel still held, has arrived then.
   */
  quiet(): Promise<void> {
    return until(() => this.#sink.openConnections === 0, "end of connections to the relay");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sink.dropAll();
    this.#listening?.close();
  }
}
