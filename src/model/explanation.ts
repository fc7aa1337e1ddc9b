/**
 * The question that `smtpctl explain` puts, and its answer: what would become of a
 * message that does not exist, and why.
 *
 * An explanation is data, in the order in which the server would decide. Programs read
 * it as JSON with these names (smtpctl(8)), people as engine/explain prints it. Texts
 * may hold what a stranger wrote: whoever shows them makes them visible first.
 */
import type { Reason, ReasonPlace } from "./reason.ts";

/** Recipients of one question: each may take a while, and all fit in one request. */
export const MAX_EXPLAINED_RECIPIENTS = 10;
/** Envelopes of one recipient whose way out is looked up; of the others there is a count. */
export const MAX_EXPLAINED_ENVELOPES = 20;
/** Rules whose words are told. */
export const MAX_EXPLAINED_RULES = 50;
/** Steps that are told of one recipient. */
export const MAX_EXPLAINED_STEPS = 500;
/** Of one text in an explanation; what is longer is cut. */
export const MAX_EXPLAINED_TEXT_BYTES = 512;

/** The same for two places that are the same. */
export function placeKey({ file, line, column }: ReasonPlace): string {
  return `${file}:${line}:${column}`;
}

/** A message that does not exist. */
export interface ExplainQuestion {
  /** As in MAIL FROM, without the angles; "" is the null reverse-path. */
  readonly reversePath: string;
  /** As in RCPT TO, without the angles. */
  readonly forwardPaths: readonly string[];
  /** Address of a TCP client. */
  readonly source: string | undefined;
  readonly helo: string | undefined;
  /** The client's reverse name; asked of DNS if undefined. */
  readonly reverseName: string | undefined;
  /** The authenticated user, or "". */
  readonly username: string;
  /** The user of this machine who comes to a socket; "": nobody knows. */
  readonly localUser: string;
  /** Whether the client's connection is under TLS. */
  readonly tls: boolean;
  /** `ADDRESS:PORT`, a path, or a tag. */
  readonly listener: string | undefined;
  /** As in the SIZE of MAIL FROM; 0 if nothing is known. */
  readonly sizeBytes: number;
  /** Whether DNS may be asked. */
  readonly dns: boolean;
}

/** About a message of nobody in particular, for which the DNS is not asked. */
export function questionOf(
  forwardPaths: readonly string[],
  more: Partial<ExplainQuestion> = {},
): ExplainQuestion {
  return {
    reversePath: "",
    forwardPaths,
    source: undefined,
    helo: undefined,
    reverseName: undefined,
    username: "",
    localUser: "",
    tls: false,
    listener: undefined,
    sizeBytes: 0,
    dns: false,
    ...more,
  };
}

/** Why there is nothing to explain. */
export interface ExplainFault {
  readonly kind: "explain-fault";
  readonly why: string;
}

export interface Explanation {
  readonly kind: "explanation";
  readonly listener: ExplainedListener;
  readonly client: ExplainedClient;
  /** What is said before the recipients: HELO or EHLO, and MAIL. */
  readonly greeting: readonly Exchange[];
  /** Empty if the sender is refused. */
  readonly recipients: readonly ExplainedRecipient[];
  /** The words of the rules that matched. */
  readonly rules: readonly ExplainedRule[];
  /** What the message text is held to. */
  readonly maxMessageBytes: number;
  /** The reply to the text of the message, if one was given; smtpctl itself judges it. */
  readonly message?: ExplainedReply;
}

export interface ExplainedListener {
  readonly at: ReasonPlace;
  /** `127.0.0.1:25` or `unix:/PATH`. */
  readonly endpoint: string;
  readonly tag: string;
  /** Why this one: it was asked for, or is the first of its kind. */
  readonly chosen: "named" | "first-socket" | "first-tcp";
}

export interface ExplainedClient {
  /** An address, or `local`. */
  readonly address: string;
  /** The reverse name, or `<unknown>`. */
  readonly hostname: string;
  readonly helo: string;
  readonly username: string;
  readonly tls: boolean;
}

export interface ExplainedRule {
  readonly at: ReasonPlace;
  /** As smtpd.conf has it, with what it does not say written out. */
  readonly text: string;
}

/** A command, and the server's reply to it. */
export interface Exchange {
  readonly command: string;
  readonly reply: ExplainedReply;
}

export interface ExplainedReply {
  readonly code: number;
  /** `5.1.1`; "" if the reply has none. */
  readonly enhanced: string;
  /** Without the codes; the lines of a longer reply are joined by ` / `. */
  readonly text: string;
}

export interface ExplainedRecipient {
  readonly forwardPath: string;
  /** Empty if the server refuses before it asks who the recipient is. */
  readonly steps: readonly Reason[];
  /** Steps beyond MAX_EXPLAINED_STEPS. */
  readonly stepsLeftOut: number;
  readonly reply: ExplainedReply;
  readonly envelopes: readonly ExplainedEnvelope[];
  /** Envelopes beyond MAX_EXPLAINED_ENVELOPES. */
  readonly envelopesLeftOut: number;
}

/** An envelope that the queue would get, and where it would go from there. */
export interface ExplainedEnvelope {
  readonly destination: string;
  /** `FILE:LINE` of the rule that chose the action. */
  readonly rule: string;
  readonly action: string;
  readonly actionAt: ReasonPlace;
  /** `maildir`, `relay`, … */
  readonly method: string;
  /** How long the queue would keep trying. */
  readonly ttlMs: number;
  readonly way: Way;
}

/** The way out of the queue. */
export type Way =
  | {
      readonly kind: "local";
      /** Whose mail it is. */
      readonly user: string;
      /** The account that writes; undefined for lmtp, where the server does. */
      readonly as: ExplainedAccount | undefined;
      /** A path, a socket, a command; "" where the method says it all. */
      readonly into: string;
    }
  | {
      readonly kind: "relay";
      /** `MX of example.org`, `hosts`, … */
      readonly by: string;
      readonly hops: readonly ExplainedHop[];
      /** Why there is nowhere to go. */
      readonly problem: string;
      readonly helo: string;
      /** Addresses that the connection may come from; empty: what the system chooses. */
      readonly sources: readonly string[];
      readonly tls: string;
      /** As in smtpd.conf: `max-conn-per-host 10`. */
      readonly limits: readonly string[];
    };

export type ExplainedAccount =
  | { readonly kind: "found"; readonly name: string; readonly uid: number; readonly home: string }
  | { readonly kind: "none"; readonly name: string; readonly why: string };

export interface ExplainedHop {
  /** As a relay host is written: `mx1.example.org` at port 25, `smtp+tls://mx1.example.org:587`, `unix:/PATH`. */
  readonly host: string;
  /** Of an MX record. */
  readonly preference: number | undefined;
  readonly addresses: readonly string[];
  /** What it promises beyond what the action asks for; "": nothing. */
  readonly tls: string;
  /** Why it has no address, or would not be used. */
  readonly problem: string;
}
