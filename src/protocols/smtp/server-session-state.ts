/**
 * The states of a server session, what can happen to it, and what it asks its driver to
 * do. One member for each phase, with just the data that the phase has.
 *
 * Source: RFC 5321 §3.3 (mail transactions), §4.1.4 (order of commands).
 */
import type { Auth, Bdat, Command, Hello, Mail } from "./command.ts";
import type { Reply } from "./reply.ts";
import type { NamedClient } from "./xclient.ts";

/** The mail transaction under way: MAIL opens it; EHLO, RSET or end-of-data ends it. */
export interface Transaction {
  readonly mail: Mail;
  readonly acceptedRecipients: number;
  readonly refusedRecipients: number;
}

/** What a session has done so far, for the limits. */
export interface Tally {
  /** Transactions that MAIL opened. */
  readonly mails: number;
  /** Since the last accepted message: commands refused with 5xx, but for recipients. */
  readonly bad: number;
  /** Since then: recipients refused with 5xx. */
  readonly unknown: number;
  /** Since then: commands that moved nothing on: NOOP, RSET, HELP, VRFY, EHLO. */
  readonly idle: number;
  /** Attempts to authenticate that failed. */
  readonly failedLogins: number;
}

/**
 * A session in a transaction. "chunks": some of the message came by BDAT, and more is to
 * come. "spoilt": only RSET or EHLO gets out of it.
 */
export interface InMail {
  readonly phase: "mail" | "chunks" | "spoilt";
  readonly tally: Tally;
  readonly hello: Hello;
  readonly tx: Transaction;
}

/** A session that knows its client's name for itself, and has no transaction. */
export interface Ready {
  readonly phase: "ready";
  readonly tally: Tally;
  readonly hello: Hello;
}

/** A session that takes the next command, with just the data that its phase has. */
export type Listening = { readonly phase: "connected"; readonly tally: Tally } | Ready | InMail;

/** `proposal` happens if policy agrees; otherwise the session is `from` again. */
export type Session =
  | Listening
  | {
      readonly phase: "consulting";
      readonly from: Listening;
      readonly proposal: Transition;
      /** What follows the command, and is read even if policy refuses it. */
      readonly chunk: Bdat | undefined;
    }
  /** The handshake is under way; no line is a command. */
  | { readonly phase: "securing"; readonly tally: Tally }
  | { readonly phase: "authenticating"; readonly from: Ready }
  | {
      readonly phase: "message";
      readonly tally: Tally;
      readonly hello: Hello;
      readonly tx: Transaction;
    }
  /** The octets of a chunk are text. */
  | {
      readonly phase: "chunk";
      readonly tally: Tally;
      readonly hello: Hello;
      readonly tx: Transaction;
      readonly chunk: Bdat;
    }
  /** The octets of a chunk that was refused go nowhere; then `next` happens (RFC 3030 §2). */
  | { readonly phase: "discarding"; readonly next: Transition }
  | { readonly phase: "closed" };

export type Event =
  | { readonly type: "command"; readonly command: Command }
  /** A line that is no command, and what to say to it. */
  | { readonly type: "fault"; readonly reply: Reply }
  | { readonly type: "verdict"; readonly refusal: Reply | undefined }
  | { readonly type: "auth-end"; readonly reply: Reply }
  /** The handshake has succeeded; one that has not ends the connection. */
  | { readonly type: "secured" }
  /** All of a chunk was read; `refusal`: the message cannot be kept any more. */
  | { readonly type: "chunk-end"; readonly refusal: Reply | undefined }
  | { readonly type: "message-end"; readonly reply: Reply };

export type Action =
  | { readonly type: "reply"; readonly reply: Reply }
  /** Answered by a "verdict". */
  | { readonly type: "consult"; readonly on: Command }
  /** Answered by an "auth-end", whose rules then have the user if it succeeded. */
  | { readonly type: "authenticate"; readonly command: Auth }
  /**
   * READY_FOR_TLS and the handshake, unless the client has sent more behind its STARTTLS:
   * that is the end. Answered by "secured", whose rules are those for what is said in secret.
   */
  | { readonly type: "start-tls" }
  /** Follows the reply 354; answered by a "message-end". */
  | { readonly type: "receive-message" }
  /** The octets of a chunk are text; answered by a "chunk-end", or a "message-end" after the last. */
  | { readonly type: "receive-chunk"; readonly chunk: Bdat; readonly isFirst: boolean }
  /** They are not; answered by a "chunk-end". */
  | { readonly type: "discard-chunk"; readonly chunk: Bdat }
  /** The peer speaks for this client from now on, by other rules. */
  | { readonly type: "assume-client"; readonly client: NamedClient }
  /** For the log: whom the peer passes on. */
  | { readonly type: "note-client"; readonly text: string }
  /** By the rules that hold then. */
  | { readonly type: "greet" }
  /** The chunks that came are no message. */
  | { readonly type: "abandon-message" }
  /** `why` is for the log. */
  | { readonly type: "close"; readonly why: "quit" | "bad input" | SessionLimit };

/** What a session may not do without end; the log has these names. */
export type SessionLimit =
  | "bad-commands"
  | "unknown-recipients"
  | "idle-commands"
  | "failed-logins";

export type Transition = readonly [next: Session, ...actions: Action[]];

export const CLOSED: Session = Object.freeze({ phase: "closed" });
export const CLOSE_QUIT: Action = Object.freeze({ type: "close", why: "quit" });
export const CLOSE_BAD_INPUT: Action = Object.freeze({ type: "close", why: "bad input" });
export const START_TLS: Action = Object.freeze({ type: "start-tls" });
export const GREET: Action = Object.freeze({ type: "greet" });
export const ABANDON_MESSAGE: Action = Object.freeze({ type: "abandon-message" });
export const RECEIVE_MESSAGE: Action = Object.freeze({ type: "receive-message" });
export const NO_TALLY: Tally = Object.freeze({
  mails: 0,
  bad: 0,
  unknown: 0,
  idle: 0,
  failedLogins: 0,
});

/** A session whose client was greeted. */
export const CONNECTED: Session = Object.freeze({ phase: "connected", tally: NO_TALLY });
