/**
 * Messages for a ledger, from a seed: each has its id in a header field and in every
 * line of its body, so that no body is a part or a mixture of others.
 */
import { simRandom, type SimRandom } from "#world/sim/random.ts";
import { bodyHashOf } from "./ledger.ts";

/** One message, as it is sent. */
export interface LedgerMessage {
  readonly id: string;
  readonly recipient: string;
  /** Dot-stuffed, with its end. */
  readonly wire: Buffer;
  readonly bodyHash: string;
}

export interface TrafficPlan {
  readonly seed: number;
  /** Begins every id. */
  readonly name: string;
  /** One of these gets each message. */
  readonly recipients: readonly [string, ...string[]];
  /** Of the text: one of these, and up to a quarter more. */
  readonly sizesBytes: readonly [number, ...number[]];
  /** No limit if left out. */
  readonly count?: number;
}

const NOISE = "The quick brown fox. jumps over the lazy dog; .. 0123456789 (and back again) ";

export class LedgerTraffic {
  readonly #plan: TrafficPlan;
  readonly #random: SimRandom;
  #made = 0;

  constructor(plan: TrafficPlan) {
    this.#plan = plan;
    this.#random = simRandom(plan.seed);
  }

  /** The next message; undefined when there were enough. */
  next(): LedgerMessage | undefined {
    const { name, recipients, sizesBytes, count = Infinity } = this.#plan;
    if (this.#made === count) return undefined;
    const id = `${name}-${++this.#made}`;
    const size = this.#random.pick(sizesBytes);
    const body = this.#body(id, size + this.#random.below(size / 4));
    const header = `X-Ledger: ${id}\nFrom: <load@client.example>\nSubject: ${id}\n\n`;
    const wire = `${(header + body).replaceAll(/^\./gm, "..")}.\n`.replaceAll("\n", "\r\n");
    return {
      id,
      recipient: this.#random.pick(recipients),
      wire: Buffer.from(wire, "latin1"),
      bodyHash: bodyHashOf(body),
    };
  }

  #body(id: string, bytes: number): string {
    const lines: string[] = [];
    for (let length = 0; length < bytes; ) {
      const dots = this.#random.chance(2) ? "." : "";
      const line = `${dots}${id} ${lines.length} ${NOISE.slice(this.#random.below(NOISE.length))}\n`;
      lines.push(line);
      length += line.length;
    }
    return lines.join("");
  }
}
