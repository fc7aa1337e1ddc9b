/**
 * The meaning of smtpd.conf(5), with nothing left to interpret: durations are
 * milliseconds, sizes bytes, names references, defaults filled in, every value
 * frozen and with the place that it came from.
 *
 * Text becomes this in four steps, each a pure function in a file of its own:
 * lexer.ts, parser.ts (syntax tree), build.ts (this), and complaints from all.
 */
import type { Endpoint } from "#base/endpoint.ts";

/** A place in a configuration file. Line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** `FILE:LINE`, as envelopes and logs name a rule. */
export function formatPlace(place: Place): string {
  return `${place.file}:${place.line}`;
}

/** `listen on …`. */
export interface Listener {
  readonly at: Place;
  readonly endpoint: Endpoint;
  /** Mode bits of a UNIX-domain socket; 0666 by default. */
  readonly socketMode: number;
  /** `tag WORD`, or "". */
  readonly tag: string;
  /** Name in the greeting; the server name by default. */
  readonly hostname: string;
  readonly maskSource: boolean;
}

/** A list or mapping of the configuration, as loaded at start. Keys are lower-case. */
export interface Table {
  readonly at: Place;
  /** `<dynamic:N>` for an anonymous one. */
  readonly name: string;
  readonly source:
    | { readonly kind: "inline" }
    | { readonly kind: "file"; readonly path: string }
    /** `<localhost>` and its like, which the server makes. */
    | { readonly kind: "builtin" };
  readonly shape: "list" | "mapping";
  /** Keys in the order given; the value is "" in a list. */
  readonly entries: ReadonlyMap<string, string>;
}

/** A text with `%{…}` specifiers, parsed by format.ts; policy/expand/format.ts expands it. */
export interface Format {
  /** As written. */
  readonly source: string;
  readonly parts: readonly FormatPart[];
}

export type FormatToken =
  | "sender"
  | "sender.user"
  | "sender.domain"
  | "rcpt"
  | "rcpt.user"
  | "rcpt.domain"
  | "dest"
  | "dest.user"
  | "dest.domain"
  | "user.username"
  | "user.directory"
  | "mbox.from";

export type FormatPart =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "home" }
  | { readonly kind: "token"; readonly token: FormatToken };

interface ActionBase {
  readonly at: Place;
  readonly name: string;
  readonly ttlMs: number;
}

export interface MaildirAction extends ActionBase {
  readonly kind: "maildir";
  /** `~/Maildir` by default. */
  readonly path: Format;
  /** `user NAME`: everything is delivered as this user; the recipient's own account if undefined. */
  readonly user: string | undefined;
}

export interface LmtpAction extends ActionBase {
  readonly kind: "lmtp";
  readonly destination: Endpoint;
  /** `rcpt-to`: the whole address is given as the recipient, else the user name. */
  readonly rcptTo: boolean;
  readonly user: string | undefined;
}

/** One host of `relay host`. */
export interface RelayHost {
  readonly protocol: "smtp" | "lmtp";
  readonly endpoint: Endpoint;
}

export interface RelayAction extends ActionBase {
  readonly kind: "relay";
  /** Tried in turn (round robin); empty: by the MX of the destination's domain. */
  readonly hosts: readonly RelayHost[];
  /** `helo NAME`; the server name by default. */
  readonly helo: string;
}

export type Action = MaildirAction | LmtpAction | RelayAction;

/** A criterion that may be negated with `!`. */
export interface Criterion<Value> {
  readonly negated: boolean;
  readonly value: Value;
}

export type FromCriterion =
  | { readonly kind: "any" }
  | { readonly kind: "local" }
  | { readonly kind: "socket" }
  | { readonly kind: "src"; readonly table: Table };

export type ForCriterion =
  | { readonly kind: "any" }
  | { readonly kind: "local" }
  | { readonly kind: "domain"; readonly table: Table };

/** `match … action NAME` or `match … reject`. */
export interface Rule {
  readonly at: Place;
  readonly from: Criterion<FromCriterion>;
  readonly for: Criterion<ForCriterion>;
  readonly action: Action | "reject";
}

export interface Config {
  /** The server's own name: `/etc/mail/mailname`, else the host name. */
  readonly serverName: string;
  readonly listeners: readonly Listener[];
  readonly tables: ReadonlyMap<string, Table>;
  readonly actions: ReadonlyMap<string, Action>;
  /** In the order written: the first match decides. */
  readonly rules: readonly Rule[];
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  readonly maxMailsPerSession: number;
  readonly subAddressDelimiter: string;
  readonly queueTtlMs: number;
}
