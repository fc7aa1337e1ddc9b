/**
 * Asks ruleset and queue about a client's commands, and keeps what they agreed to:
 * the open mail transaction, and at DATA the queue's place for the message.
 *
 * The answer is a promise only where the ruleset's is one.
 */
import { andThen } from "#base/and-then.ts";
import type { Command, Mail, Rcpt } from "#protocols/smtp/command.ts";
import type { Reply } from "#protocols/smtp/reply.ts";
import {
  NO_ROOM,
  SENDER_REJECTED,
  TEMPORARY_FAILURE,
  TOO_MANY_OF_USER,
} from "#protocols/smtp/status.ts";
import type { Origin } from "#model/envelope.ts";
import type { Submission } from "#model/intake.ts";
import type { RecipientQuery, Resolution } from "#model/resolution.ts";
import { MailTransaction } from "./mail-transaction.ts";
import type { Service } from "./service.ts";
import { recipientRefusal, whyRefused } from "./verdicts.ts";

/** Why a command is refused; undefined if it is not. */
export type Refusal = Reply | undefined;

/** Who asks. */
interface AskingClient {
  readonly via: RecipientQuery["via"];
  readonly localUser: string | undefined;
}

export class Consultation {
  readonly #service: Service;
  readonly #client: AskingClient;
  /** Since MAIL was agreed to. */
  #transaction: MailTransaction | undefined;
  /** Since DATA was agreed to, until the message takes it. */
  #submission: Submission | undefined;
  /** Why the last recipient was refused, beyond the reply. */
  #why = "";

  constructor(service: Service, client: AskingClient) {
    this.#service = service;
    this.#client = client;
  }

  /** What the open transaction holds. */
  get heldBytes(): number {
    return this.#transaction?.heldBytes ?? 0;
  }

  /** The transaction that the machine says is open. */
  get transaction(): MailTransaction {
    if (this.#transaction === undefined)
      throw new TypeError("Cannot go on: no transaction is open");
    return this.#transaction;
  }

  /** Why `command` of the client `origin` is refused, if it is. Never rejects. */
  ask(command: Command, origin: Origin): Refusal | Promise<Refusal> {
    if (command.verb === "MAIL")
      return andThen(this.#askSender(command.reversePath, origin), (refusal) =>
        refusal === undefined ? this.#askMail(command) : refusal,
      );
    if (command.verb === "RCPT") return this.#askRecipient(command, origin);
    if (command.verb === "DATA" || command.verb === "BDAT") return this.#askData();
    return undefined; // nobody has a say in the other commands yet
  }

  /** What the log is told of the last refusal besides the reply, or ""; asked for once. */
  takeWhy(): string {
    const why = this.#why;
    this.#why = "";
    return why;
  }

  /** The place for the message, which the caller then owns. */
  takeSubmission(): Submission {
    const submission = this.#submission;
    if (submission === undefined) throw new TypeError("Cannot receive a message: none was opened");
    this.#submission = undefined;
    return submission;
  }

  /** Gives back the place that no message has taken. */
  drop(): void {
    this.#submission?.abort();
    this.#submission = undefined;
  }

  /** Whether the user may send as that; who has not authenticated is not asked. */
  #askSender(reversePath: string, { username }: Origin): Refusal | Promise<Refusal> {
    const { listener, senders } = this.#service;
    if (listener.senders === undefined || username === "") return undefined;
    if (senders === undefined)
      throw new TypeError("Cannot check a sender: nobody was named who could");
    const allowed = senders.mayUse(listener.senders.table.name, username, reversePath);
    return andThen(allowed, (answer) => {
      if (answer.kind === "found") return answer.value ? undefined : SENDER_REJECTED;
      this.#why = answer.kind === "unavailable" ? answer.cause.message : "";
      return TEMPORARY_FAILURE;
    });
  }

  #askMail(mail: Mail): Refusal {
    if (!this.#service.intake.hasRoom(mail.options.sizeBytes)) return NO_ROOM;
    if (this.#sendsTooMuch()) return TOO_MANY_OF_USER;
    this.#transaction = new MailTransaction(mail, this.#service);
    return undefined;
  }

  /** Whether the user of this machine that the client is has sent more than its share of late. */
  #sendsTooMuch(): boolean {
    const { localUser } = this.#client;
    const { userMessages, clock } = this.#service;
    return localUser !== undefined && !userMessages.take(localUser, clock.monotonicMs());
  }

  #askRecipient(command: Rcpt, origin: Origin): Refusal | Promise<Refusal> {
    const { transaction } = this;
    const resolution = this.#service.routing.resolve({
      origin,
      via: this.#client.via,
      tls: origin.tls !== undefined,
      reversePath: transaction.reversePath,
      forwardPath: command.forwardPath,
    });
    if (resolution instanceof Promise)
      return resolution.then((late) => this.#addRecipient(transaction, command, late));
    return this.#addRecipient(transaction, command, resolution);
  }

  #addRecipient(transaction: MailTransaction, command: Rcpt, resolution: Resolution): Refusal {
    if (resolution.kind !== "accepted") {
      this.#why = whyRefused(resolution);
      return recipientRefusal(command.forwardPath, resolution);
    }
    const before = transaction.heldBytes;
    if (!transaction.add(command, resolution.envelopes)) return NO_ROOM;
    this.#service.pressure.grew(transaction.heldBytes - before);
    return undefined;
  }

  #askData(): Refusal {
    this.#submission = this.#service.intake.open();
    return this.#submission === undefined ? TEMPORARY_FAILURE : undefined;
  }
}
