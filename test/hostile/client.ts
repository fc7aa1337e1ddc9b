/**
 * A client that plays a hostile case over any network, and remembers all that was
 * said. It never throws for what the server does: that is for the judge.
 *
 * It waits with the clock that it is given, so that a case runs over the simulated
 * network on virtual time, and over TCP on real time.
 */
import type { Clock } from "#base/ports/clock.ts";
import type { Connection } from "#base/ports/network.ts";
import type { Before, HostileCase, Step } from "./case.ts";

/** How long a reply is waited for. */
const REPLY_WITHIN_MS = 5000;
/** How long the server may take to end a session that it must end. */
const CLOSE_WITHIN_MS = 2000;
/** What is sent at once. */
const BLOCK_BYTES: number = 64 * 1024;

export interface Played {
  /** Replies to the steps, each with all its lines. */
  readonly replies: readonly string[];
  /** What an `expect` wanted and did not get. */
  readonly unmet: readonly string[];
  /** The last reply that an `expect` or the commands before the text took. */
  readonly lastReply: string | undefined;
  /** Of the reply to the last thing sent. */
  readonly slowestMs: number;
  readonly isClosed: boolean;
}

export class HostileClient {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #replies: string[] = [];
  #partial = "";
  #taken = 0;
  #isClosed = false;
  readonly #waiting = new Set<() => void>();

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    connection.start({
      data: (bytes) => this.#received(Buffer.from(bytes).toString("latin1")),
      end: () => {
        connection.end();
        this.#closed();
      },
      drain: () => this.#notify(),
      closed: () => this.#closed(),
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Goes away without a word. */
  leave(): void {
    this.#connection.destroy();
  }

  async play(played: HostileCase): Promise<Played> {
    await this.before(played.before);
    const first = this.#replies.length;
    const unmet: string[] = [];
    let lastReply: string | undefined;
    let slowestMs = 0;
    for (const step of played.steps) {
      if (!("expect" in step)) {
        await this.#act(step);
        continue;
      }
      const startedMs = this.#clock.monotonicMs();
      const reply = await this.reply();
      slowestMs = Math.max(slowestMs, this.#clock.monotonicMs() - startedMs);
      if (step.expect !== "" && !new RegExp(step.expect).test(reply ?? ""))
        unmet.push(`${step.expect} but got ${JSON.stringify(reply)}`);
      lastReply = reply ?? lastReply;
    }
    if (played.assert.closed === true) await this.#until(() => this.#isClosed, CLOSE_WITHIN_MS);
    const replies = this.#replies.slice(first);
    return { replies, unmet, lastReply, slowestMs, isClosed: this.#isClosed };
  }

  /** Greets, and opens a transaction as far as `before` says. @throws {Error} if the server does not go along. */
  async before(before: Before): Promise<void> {
    await this.#must("", "220");
    if (before === "banner") return;
    await this.#must("EHLO client.test\r\n", "250");
    if (before === "helo") return;
    await this.#must("MAIL FROM:<a@example.test>\r\n", "250");
    await this.#must("RCPT TO:<rcpt@example.test>\r\n", "250");
    await this.#must("DATA\r\n", "354");
  }

  /** Sends one whole message after `before("helo")`; the reply to its end. */
  async sendMessage(text: string): Promise<string> {
    await this.before("data");
    await this.write(`${text}.\r\n`);
    return (await this.reply()) ?? "";
  }

  /** Writes in blocks, waiting while the server does not read; gives up when it has closed. */
  async write(wire: string): Promise<void> {
    for (let at = 0; at < wire.length && !this.#isClosed; at += BLOCK_BYTES) {
      const block = Buffer.from(wire.slice(at, at + BLOCK_BYTES), "latin1");
      if (this.#connection.write(block)) continue;
      await this.#until(
        () => this.#connection.unsentBytes === 0 || this.#isClosed,
        REPLY_WITHIN_MS,
      );
    }
  }

  /** The next reply that was not taken; undefined if none comes in time. */
  async reply(withinMs: number = REPLY_WITHIN_MS): Promise<string | undefined> {
    await this.#until(() => this.#replies.length > this.#taken || this.#isClosed, withinMs);
    const reply = this.#replies[this.#taken];
    if (reply !== undefined) this.#taken++;
    return reply;
  }

  pass(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clock.after(ms, resolve);
    return promise;
  }

  async #act(step: Exclude<Step, { expect: string }>): Promise<void> {
    if ("send" in step) await this.write(step.send);
    else if ("pause_ms" in step) await this.pass(step.pause_ms);
    else if ("repeat" in step) await this.#run(step.repeat);
    else await this.#run(step.fill);
  }

  /** Never holds more than a block of a run that may be a hundred megabytes. */
  async #run({ n, send }: { readonly n: number | string; readonly send: string }): Promise<void> {
    const each = Math.max(1, Math.floor(BLOCK_BYTES / send.length));
    for (let left = Number(n); left > 0 && !this.#isClosed; left -= each)
      await this.write(send.repeat(Math.min(each, left)));
  }

  async #must(wire: string, code: string): Promise<void> {
    await this.write(wire);
    const reply = await this.reply();
    if (reply?.startsWith(code) === true) return;
    throw new Error(`Cannot go on: ${JSON.stringify(wire)} got ${JSON.stringify(reply)}`);
  }

  #received(text: string): void {
    const lines = `${this.#partial}${text}`.split("\r\n");
    let reply = "";
    for (const [index, line] of lines.entries()) {
      if (index === lines.length - 1) break;
      reply += `${line}\n`;
      if (line[3] === "-") continue;
      this.#replies.push(reply.trimEnd());
      reply = "";
    }
    this.#partial = reply.replaceAll("\n", "\r\n") + (lines.at(-1) ?? "");
    this.#notify();
  }

  #closed(): void {
    this.#isClosed = true;
    this.#notify();
  }

  #notify(): void {
    for (const look of this.#waiting) look();
  }

  /** Resolves when `holds`, or when `withinMs` have passed. */
  #until(holds: () => boolean, withinMs: number): Promise<void> {
    if (holds()) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const finish = (): void => {
      cancel();
      this.#waiting.delete(look);
      resolve();
    };
    const look = (): void => {
      if (holds()) finish();
    };
    const cancel = this.#clock.after(withinMs, finish);
    this.#waiting.add(look);
    return promise;
  }
}
