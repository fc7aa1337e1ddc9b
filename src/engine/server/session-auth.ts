/**
 * Authentication in a session: takes the client's lines while an exchange is under way,
 * and tells of what it came to.
 *
 * Source: RFC 4954 §4.
 */
import type { Auth } from "#protocols/smtp/command.ts";
import type { Event } from "#protocols/smtp/server-session-state.ts";
import type { Mechanism } from "#protocols/sasl/exchange.ts";
import { AuthExchange, type AuthMove } from "./auth-exchange.ts";
import type { ServedClient } from "./served-client.ts";
import type { Service } from "./service.ts";
import type { SessionFlow } from "./session-flow.ts";

export class SessionAuth {
  readonly #service: Service;
  readonly #client: ServedClient;
  readonly #flow: SessionFlow;
  /** Takes the lines of the client while there is one. */
  #exchange: AuthExchange | undefined;

  constructor(service: Service, client: ServedClient, flow: SessionFlow) {
    this.#service = service;
    this.#client = client;
    this.#flow = flow;
  }

  /** The mechanism of the exchange under way; undefined: there is none, and lines are commands. */
  get mechanism(): Mechanism | undefined {
    return this.#exchange?.mechanism;
  }

  /** Begins an exchange; returns the event that ends it, if it has ended at once. */
  start({ mechanism, initial }: Auth): Event | undefined {
    const { listener, authenticator, clock, random } = this.#service;
    if (authenticator === undefined || listener.auth.mode === "none")
      throw new TypeError("Cannot authenticate: nobody was named who could");
    // The machine has compared it with those that are offered.
    this.#exchange = new AuthExchange(mechanism as Mechanism, {
      clock,
      random,
      authenticator,
      passwords: listener.auth.passwords,
      oauth: listener.auth.oauth,
      address: this.#client.identity.origin("").address,
      protection: this.#client.protection,
    });
    return this.#follow(this.#exchange, this.#exchange.begin(initial));
  }

  /** Takes a line of the client's; returns the event that ends the exchange, if it does at once. */
  respond(line: string): Event | undefined {
    if (this.#exchange === undefined)
      throw new TypeError("Cannot take a response: no exchange is under way");
    return this.#follow(this.#exchange, this.#exchange.respond(line));
  }

  #follow(exchange: AuthExchange, move: AuthMove | Promise<AuthMove>): Event | undefined {
    if (!(move instanceof Promise)) return this.#do(exchange, move);
    void this.#await(exchange, move);
    return undefined;
  }

  async #await(exchange: AuthExchange, move: Promise<AuthMove>): Promise<void> {
    this.#flow.startWaiting();
    const settled = await move;
    if (!this.#flow.hasEnded) this.#flow.goOn(this.#do(exchange, settled));
  }

  #do({ mechanism }: AuthExchange, move: AuthMove): Event | undefined {
    if (move.kind === "challenge") {
      this.#flow.say(move.reply);
      return undefined;
    }
    this.#exchange = undefined;
    const { reply, result, user } = move;
    const { identity } = this.#client;
    identity.announce();
    const session = identity.id;
    this.#service.observe({ kind: "smtp-authentication", session, mechanism, user, result });
    if (result === "ok") this.#client.authenticated(user);
    return { type: "auth-end", reply };
  }
}
