/**
 * The lines of a client: commands, or responses while an exchange of AUTH is under way.
 *
 * What is no line of SMTP ends the session, but a bare CR or LF, which is answered.
 *
 * Source: RFC 5321 §2.3.8 (CRLF alone ends a line), §4.5.3.1.4 (length); RFC 4954 §4.
 */
import { type Command, parseCommand } from "#protocols/smtp/command.ts";
import { CommandReader, type LongLines } from "#protocols/smtp/command-reader.ts";
import { type Reply, replyLine } from "#protocols/smtp/reply.ts";
import type { Event } from "#protocols/smtp/server-session-state.ts";
import { BAD_CHARACTER, BARE_NEWLINE, LINE_TOO_LONG } from "#protocols/smtp/status.ts";
import type { LimitName } from "#model/limit-name.ts";
import type { ServedClient } from "./served-client.ts";
import type { Service } from "./service.ts";
import type { SessionAuth } from "./session-auth.ts";
import type { SessionFlow } from "./session-flow.ts";

/** The session whose lines they are. */
export interface ReadSession {
  readonly client: ServedClient;
  readonly flow: SessionFlow;
  readonly auth: SessionAuth;
}

/** In the place of what may be a password or a token. */
const UNSHOWN = "(...)";
/** What an exchange takes a line with a bare CR or LF for: no base64. */
const BARE_RESPONSE = "\r";

export class ClientLines {
  readonly #service: Service;
  readonly #session: ReadSession;
  readonly #reader = new CommandReader();
  #hasMore = false;
  #shown = "";

  constructor(service: Service, session: ReadSession) {
    this.#service = service;
    this.#session = session;
  }

  /** Offset in the last input after what was read of it. */
  get end(): number {
    return this.#reader.end;
  }

  /** Octets of a line whose end has not come. */
  get heldBytes(): number {
    return this.#reader.keptBytes;
  }

  /** Whether more input is there already behind the line that was read last. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** What the client said last, as the log may show it. */
  get shown(): string {
    return this.#shown;
  }

  /** Reads the next line; returns the event that it makes. Undefined: it has made none, or is not there whole. */
  read(input: Buffer, from: number): Event | undefined {
    const { flow, auth } = this.#session;
    const line = this.#reader.read(input, from, this.#longLines);
    if (line === undefined) return undefined;
    this.#hasMore = this.#reader.end < input.length || flow.heldInputBytes > 0;
    flow.time.awaitCommand();
    if (typeof line === "string")
      return auth.mechanism === undefined ? this.#command(line) : this.#respond(line);
    if (line.why !== "bare-newline") {
      if (line.why === "too-long") this.refuse(LINE_TOO_LONG, "line-length");
      else this.refuse(BAD_CHARACTER);
      return undefined;
    }
    if (auth.mechanism !== undefined) return this.#respond(BARE_RESPONSE);
    this.#shown = "(bare CR or LF)";
    return { type: "fault", reply: BARE_NEWLINE };
  }

  /** A text has come in the place of a line. */
  passText(): void {
    this.#shown = ".";
  }

  /** Ends a session whose input is no SMTP. */
  refuse(reply: Reply, limit?: LimitName): void {
    const { client, flow } = this.#session;
    const { identity } = client;
    identity.announce();
    const session = identity.id;
    this.#service.observe({ kind: "smtp-bad-input", session, reply: replyLine(reply) });
    flow.say(reply);
    flow.close("bad input", limit);
  }

  /** Tokens are long; where nobody takes any, no line need be. */
  get #longLines(): LongLines {
    const { auth, client } = this.#session;
    if (auth.mechanism !== undefined) return "response";
    const { mechanisms, user } = client.rules.auth;
    return mechanisms.length > 0 && user === "" ? "auth" : "none";
  }

  #command(line: string): Event {
    const command = parseCommand(line, this.#session.client.rules);
    if ("code" in command) {
      // A response to a challenge that never came, as AUTH was refused.
      const isSecret = this.#shown.startsWith("AUTH ") || this.#shown === UNSHOWN;
      this.#shown = isSecret ? UNSHOWN : line;
      return { type: "fault", reply: command };
    }
    this.#shown = shownCommand(command, line);
    return { type: "command", command };
  }

  #respond(line: string): Event | undefined {
    const { auth } = this.#session;
    this.#shown = `AUTH ${auth.mechanism} (...)`;
    return auth.respond(line);
  }
}

/** The response behind AUTH can be a password. */
function shownCommand(command: Command, line: string): string {
  if (command.verb !== "AUTH" || command.initial === undefined) return line;
  return `AUTH ${command.mechanism} (...)`;
}
