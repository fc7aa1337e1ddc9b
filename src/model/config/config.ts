/**
 * The meaning of smtpd.conf(5), with nothing left to interpret: durations are
 * milliseconds, sizes bytes, names references, defaults filled in, every value
 * frozen and with the place that it came from.
 *
 * Text becomes this in four steps, each a pure function in a file of its own:
 * lexer.ts, parser.ts (syntax tree), build.ts (this), and complaints from all.
 * What is in here is not necessarily built: not-built.ts knows which parts of a
 * configuration the daemon cannot carry out yet.
 */
import type { Endpoint } from "#base/endpoint.ts";
import type { MtaLimits, MdaLimits, SchedulerLimits } from "./limits.ts";

/** A place in a configuration file. Line and column count from 1; line 0 is all of it. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** `FILE:LINE`, as envelopes and logs name a rule; line 0 is the file as a whole. */
export function formatPlace(place: Place): string {
  return place.line === 0 ? place.file : `${place.file}:${place.line}`;
}

/** Where each field of `Owner` was set; a field that is not in here has its default. */
export type Places<Owner> = Readonly<Partial<Record<Exclude<keyof Owner, "at" | "places">, Place>>>;

// TLS.

export const TLS_LEVELS = ["secure", "compat", "legacy", "insecure"] as const;
/** The named levels of `ciphers`, from strict to anything. */
export type TlsLevel = (typeof TLS_LEVELS)[number];

export const TLS_VERSIONS = ["tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3"] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

export type TlsCiphers =
  | { readonly kind: "level"; readonly level: TlsLevel }
  /** OpenSSL cipher names and selectors, as written, in order. */
  | { readonly kind: "list"; readonly names: readonly string[] };

/** What one TLS end offers. An undefined field falls back: listener, `smtp tls`, the level "secure". */
export interface TlsSettings {
  readonly ciphers: TlsCiphers | undefined;
  /** Names of groups in the order preferred (`X25519`, `P-256`). */
  readonly curves: readonly string[] | undefined;
  /** Ascending. */
  readonly protocols: readonly TlsVersion[] | undefined;
}

/** `pki NAME …`, all its lines together. */
export interface Pki {
  readonly at: Place;
  readonly places: Places<Pki>;
  /** `*` or a host name, in lower case. */
  readonly name: string;
  /** Paths of PEM files; undefined if no line gives one. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly dhe: "none" | "auto" | "legacy";
  readonly ocsp: PkiOcsp;
}

/** Where the response of OCSP is from that the certificate is shown with. */
export type PkiOcsp =
  /** "auto": from the responder that the certificate names, if it does. */
  | { readonly kind: "auto" | "off" }
  /** A response in DER. */
  | { readonly kind: "file"; readonly path: string };

/** `ca NAME cert PATH`. */
export interface Ca {
  readonly at: Place;
  readonly name: string;
  readonly cert: string;
}

/** `oauth NAME introspect URL …`: whoever says whether a token is good (RFC 7662). */
export interface OAuth {
  readonly at: Place;
  readonly places: Readonly<Partial<Record<"secret", Place>>>;
  readonly name: string;
  /** https:, or http: on this machine. */
  readonly url: string;
  /** Who we are to it; what is in the file is in `Config.oauthSecrets`. */
  readonly client: { readonly id: string; readonly path: string } | undefined;
  /** What a token must be good for; "" if anything will do. */
  readonly scope: string;
  /** What in the answer is the user; undefined: `username`, else `sub`. */
  readonly claim: string | undefined;
  /** Who vouches for it; undefined: whom the system trusts. */
  readonly ca: Ca | undefined;
}

// Listeners.

export type ListenerTls =
  | { readonly mode: "none" }
  | {
      /** `tls`, `tls-require`, `smtps`. */
      readonly mode: "starttls" | "starttls-required" | "smtps";
      /** `verify`: a client must show a certificate that `ca` (or the system) vouches for. */
      readonly verify: boolean;
      /** `verify fingerprint T`: it counts that the certificate, or its key, is in there. */
      readonly fingerprints: Table | undefined;
      readonly pkis: readonly Pki[];
      readonly ca: Ca | undefined;
      readonly settings: TlsSettings;
    };

/** Whose passwords clients may show, or prove that they know. */
export type PasswordSource =
  /** The system's users. */
  | { readonly kind: "system" }
  | {
      readonly kind: "table";
      readonly table: Table;
      /** It has a SCRAM verifier for each of its users, so SCRAM can be offered. */
      readonly scram: boolean;
    }
  /** Nobody's: there are tokens alone. */
  | { readonly kind: "none" };

export type ListenerAuth =
  | { readonly mode: "none" }
  | {
      readonly mode: "optional" | "required";
      readonly passwords: PasswordSource;
      /** Who judges tokens; undefined: none are taken. */
      readonly oauth: OAuth | undefined;
    };

/** The table that has the credentials of a listener's clients, if one has. */
export function credentialsOf(auth: ListenerAuth): Table | undefined {
  if (auth.mode === "none" || auth.passwords.kind !== "table") return undefined;
  return auth.passwords.table;
}

/** `proxy from T`, `proxy-v2 from T`: who must say, before all else, for whom it connects. */
export interface ListenerProxy {
  readonly version: "v1" | "v2";
  /** Undefined, under `compat opensmtpd`: anybody. */
  readonly from: Table | undefined;
}

/** `listen on …`: one for each endpoint that the line opens. */
export interface Listener {
  readonly at: Place;
  readonly places: Places<Listener>;
  readonly endpoint: Endpoint;
  /** Mode bits of a UNIX-domain socket; 0666 by default. */
  readonly socketMode: number;
  /** Owner of a UNIX-domain socket; undefined: who starts the daemon. */
  readonly socketUser: string | undefined;
  readonly socketGroup: string | undefined;
  readonly tls: ListenerTls;
  readonly auth: ListenerAuth;
  /** `tag WORD`, or "". */
  readonly tag: string;
  /** Name in the greeting; the server name by default. */
  readonly hostname: string;
  /** `hostnames T`: names by local address. */
  readonly hostnames: Table | undefined;
  readonly senders: { readonly table: Table; readonly masquerade: boolean } | undefined;
  readonly filters: readonly Filter[];
  readonly maskSource: boolean;
  readonly receivedAuth: boolean;
  readonly noDsn: boolean;
  readonly proxy: ListenerProxy | undefined;
  /** `xclient from T`: peers that may say for whom they speak. */
  readonly xclient: Table | undefined;
  readonly protocol: "smtp" | "lmtp";
}

// Tables.

export type TableSource =
  | { readonly kind: "inline" }
  /** `file:PATH` or a bare path: read at start and by `update table`. */
  | { readonly kind: "file"; readonly path: string }
  /** `db:PATH`: a SQLite file that makemap made, asked at each look-up. */
  | { readonly kind: "db"; readonly path: string }
  /** `passwd:PATH`: users and credentials in the form of passwd(5), read as a file is. */
  | { readonly kind: "passwd"; readonly path: string }
  /** `<localhost>` and its like, which the server makes. */
  | { readonly kind: "builtin" }
  /** Any other backend: the program `table-NAME`. */
  | { readonly kind: "program"; readonly backend: string; readonly parameter: string | undefined };

/** A list or mapping of the configuration. */
export interface Table {
  readonly at: Place;
  /** `<dynamic:N>` for an anonymous one. */
  readonly name: string;
  readonly source: TableSource;
  /** "remote": entries are not here, each look-up asks the backend; it may be used as either. */
  readonly shape: "list" | "mapping" | "remote";
  /**
   * Keys in the order given, as written: who compares folds them, where its service
   * does. The value is "" in a list.
   */
  readonly entries: ReadonlyMap<string, string>;
}

// Filters.

export const FILTER_PHASES = [
  "connect",
  "helo",
  "ehlo",
  "auth",
  "mail-from",
  "rcpt-to",
  "data",
  "commit",
] as const;
export type FilterPhase = (typeof FILTER_PHASES)[number];

/** `proc NAME COMMAND …`, or the program of `filter NAME proc-exec COMMAND …`. */
export interface Proc {
  readonly at: Place;
  readonly name: string;
  readonly command: string;
  readonly user: string | undefined;
  readonly group: string | undefined;
  readonly chroot: string | undefined;
}

/** A table and how keys are compared with it: by its service, or as patterns. */
export interface TableMatch {
  readonly table: Table;
  readonly regex: boolean;
}

export type FilterCondition =
  | { readonly kind: "fcrdns" }
  | { readonly kind: "rdns"; readonly match: TableMatch | undefined }
  | { readonly kind: "src" | "helo" | "mail-from" | "rcpt-to"; readonly match: TableMatch }
  | { readonly kind: "auth"; readonly match: TableMatch | undefined };

export type FilterAction =
  | { readonly kind: "reject" | "disconnect"; readonly code: number; readonly text: string }
  | { readonly kind: "rewrite" | "report"; readonly text: string }
  | { readonly kind: "junk" | "bypass" };

export type Filter =
  | { readonly kind: "proc"; readonly at: Place; readonly name: string; readonly proc: Proc }
  | {
      readonly kind: "chain";
      readonly at: Place;
      readonly name: string;
      readonly filters: readonly Exclude<Filter, { readonly kind: "chain" }>[];
    }
  | {
      readonly kind: "phase";
      readonly at: Place;
      readonly name: string;
      readonly phase: FilterPhase;
      readonly negated: boolean;
      readonly condition: FilterCondition;
      readonly action: FilterAction;
    };

// Formats.

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
  | "mbox.from"
  /** The wrapped command; in wrappers only. */
  | "mda";

export type FormatModifier = "lowercase" | "uppercase" | "strip" | "raw";

/** Characters `first` to `last` of a value, both included; negative ones count from its end, -1 being the last. */
export interface FormatRange {
  readonly first: number;
  readonly last: number;
}

export type FormatPart =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "home" }
  | {
      readonly kind: "token";
      readonly token: FormatToken;
      /** In the order written; they come before the range. */
      readonly modifiers: readonly FormatModifier[];
      readonly range: FormatRange | undefined;
    };

/** `mda wrapper NAME COMMAND`. */
export interface MdaWrapper {
  readonly at: Place;
  readonly name: string;
  readonly command: Format;
}

// Actions.

/** `alias T` or `virtual T`. */
export interface ActionAliases {
  readonly kind: "alias" | "virtual";
  readonly table: Table;
  /** `allow-exec`: command and file nodes of this table may be used. */
  readonly allowExec: boolean;
}

/** What all actions share. */
export interface ActionBase {
  readonly at: Place;
  /** Where each option stands, by its word in camel case (`heloSrc`). */
  readonly places: Readonly<Partial<Record<string, Place>>>;
  readonly name: string;
  readonly ttlMs: number;
}

/** What all local methods share. */
export interface LocalActionBase extends ActionBase {
  /** `user NAME`: everything is delivered as this user; the recipient's own account if undefined. */
  readonly user: string | undefined;
  readonly aliases: ActionAliases | undefined;
  /** `forward-file [allow-exec]`: `~/.forward` is looked at. */
  readonly forwardFile: { readonly allowExec: boolean } | undefined;
  /** `userbase T`; undefined: the system's users. */
  readonly userbase: Table | undefined;
  readonly wrapper: MdaWrapper | undefined;
}

export interface MboxAction extends LocalActionBase {
  readonly kind: "mbox";
}

export interface MaildirAction extends LocalActionBase {
  readonly kind: "maildir";
  /** `~/Maildir` by default. */
  readonly path: Format;
  /** `junk`: what a header calls spam goes to `.Junk`. */
  readonly junk: boolean;
}

export interface LmtpAction extends LocalActionBase {
  readonly kind: "lmtp";
  readonly destination: LmtpDestination;
  /** `rcpt-to`: the whole address is given as the recipient, else the user name. */
  readonly rcptTo: boolean;
}

/** A format that has no specifier is resolved when the file is read. */
export type LmtpDestination =
  | { readonly kind: "endpoint"; readonly endpoint: Endpoint }
  | { readonly kind: "format"; readonly format: Format };

export interface MdaAction extends LocalActionBase {
  readonly kind: "mda";
  /** Run by `/bin/sh -c`. */
  readonly command: Format;
}

/** Recipients must expand to other addresses. */
export interface ForwardAction extends LocalActionBase {
  /** "forward-only" waits for a forward file, "expand-only" refuses without one. */
  readonly kind: "forward-only" | "expand-only";
}

export type LocalAction = MboxAction | MaildirAction | LmtpAction | MdaAction | ForwardAction;

/** How a relay uses TLS towards one host. */
export type RelayHostTls = "opportunistic" | "starttls" | "never" | "smtps";

/** One host of `relay host` or `relay domain`. */
export interface RelayHost {
  readonly protocol: "smtp" | "lmtp";
  readonly tls: RelayHostTls;
  readonly endpoint: Endpoint;
  /** `LABEL@`: key of the credentials in the `auth` table. */
  readonly label: string | undefined;
}

/** Where a relay action sends: by MX, to one of a list of hosts, to the host of the recipient's domain. */
export type RelayTo =
  | { readonly kind: "mx" }
  /** `backup`: only exchangers preferred to this one (`mx NAME`, the server name by default). */
  | { readonly kind: "backup"; readonly name: string }
  /** Tried in turn (round robin). */
  | { readonly kind: "hosts"; readonly table: Table; readonly hosts: readonly RelayHost[] }
  /** Relay URLs by the recipient's domain. */
  | { readonly kind: "domain"; readonly table: Table };

export interface RelayAction extends ActionBase {
  readonly kind: "relay";
  readonly to: RelayTo;
  /** `auth T`: `user:password` by label. */
  readonly auth: Table | undefined;
  /** `mail-from ADDR`: replaces the reverse-path; `@DOMAIN` and `USER` a part of it. "" is the null one. */
  readonly mailFrom: string | undefined;
  /** `src T`: source addresses, in turn. */
  readonly src: Table | undefined;
  /** `helo NAME`; the server name by default. */
  readonly helo: string;
  /** `helo-src T`: names by source address. */
  readonly heloSrc: Table | undefined;
  /** `tls`: required, and verified unless `no-verify`. */
  readonly tls: "opportunistic" | "verified" | "unverified";
  readonly tlsSettings: TlsSettings;
  readonly pki: Pki | undefined;
  readonly ca: Ca | undefined;
  readonly filters: readonly Filter[];
  readonly srs: boolean;
}

export type Action = LocalAction | RelayAction;

// Rules.

/**
 * What a criterion asks. A message has one of each at most; they are tried in the order
 * of CRITERION_ORDER.
 */
export type CriterionTest =
  | { readonly kind: "tag"; readonly match: TableMatch }
  | { readonly kind: "from"; readonly from: FromTest }
  | { readonly kind: "for"; readonly to: ForTest }
  | { readonly kind: "helo"; readonly match: TableMatch }
  /** Undefined: any authenticated user. */
  | { readonly kind: "auth"; readonly match: TableMatch | undefined }
  /** Undefined: any TLS; else the client's certificate or its key is in the table. */
  | { readonly kind: "tls"; readonly match: TableMatch | undefined }
  | { readonly kind: "mail-from"; readonly match: TableMatch }
  | { readonly kind: "rcpt-to"; readonly match: TableMatch };

export const CRITERION_ORDER: readonly CriterionTest["kind"][] = [
  "tag",
  "from",
  "for",
  "helo",
  "auth",
  "tls",
  "mail-from",
  "rcpt-to",
];

/** The table that the criterion asks; undefined if it asks none. */
export function tableMatchOf(test: CriterionTest): TableMatch | undefined {
  const part = test.kind === "from" ? test.from : test.kind === "for" ? test.to : test;
  return "match" in part ? part.match : undefined;
}

export type FromTest =
  | { readonly kind: "any" | "local" | "socket" }
  | { readonly kind: "src"; readonly match: TableMatch }
  /** Undefined: any client with a reverse name. */
  | { readonly kind: "rdns"; readonly match: TableMatch | undefined };

export type ForTest =
  | { readonly kind: "any" | "local" }
  | { readonly kind: "domain"; readonly match: TableMatch };

/** A criterion of a rule, which `!` may negate. */
export interface Criterion {
  /** Undefined for the `from local` or `for local` of a rule that does not say. */
  readonly at: Place | undefined;
  readonly negated: boolean;
  readonly test: CriterionTest;
}

/** `match … action NAME` or `match … reject`. */
export interface Rule {
  readonly at: Place;
  /** In the order of CRITERION_ORDER; `from` and `for` are always among them. */
  readonly criteria: readonly Criterion[];
  readonly action: Action | "reject";
}

// The whole.

/** Values of the whole server. */
export interface Settings {
  /** `compat opensmtpd`: what nooSMTPD's safer rules change is as it was. */
  readonly compat: "none" | "opensmtpd";
  /** Identifies the administrative domain to filters; the server name by default. */
  readonly admd: string;
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  readonly maxMailsPerSession: number;
  readonly subAddressDelimiter: string;
  /** `smtp tls …`: for listeners and relays that do not say. */
  readonly tls: TlsSettings;
  readonly queueTtlMs: number;
  readonly queueCompression: "off" | "zstd" | "gzip";
  readonly queueEncryption:
    | { readonly kind: "off" }
    | { readonly kind: "key"; readonly key: string }
    /** Read at start (queue-key-text.ts). */
    | { readonly kind: "file"; readonly path: string }
    /** Asked for at start: on the terminal, or as the first line of the standard input. */
    | { readonly kind: "terminal" | "stdin" };
  /** Ages at which a sender is told of a delay; ascending. */
  readonly bounceWarnIntervalsMs: readonly number[];
  readonly srs:
    | {
        readonly key: string;
        readonly backupKey: string | undefined;
        readonly ttlMs: number;
      }
    | undefined;
  readonly mtaMaxDeferred: number;
  readonly mtaLimits: MtaLimits;
  /** `mta limit for domain D …`: whole sets, by domain in lower case. */
  readonly mtaDomainLimits: ReadonlyMap<string, MtaLimits>;
  readonly mdaLimits: MdaLimits;
  readonly schedulerLimits: SchedulerLimits;
}

export interface Config extends Settings {
  /** The server's own name: `/etc/mail/mailname`, else the host name. */
  readonly serverName: string;
  /**
   * Where the settings come from, by their words (`queue ttl`, `mta limit
   * session-keepalive`, `mta limit for domain example.org inet4`); one that is not in
   * here has its default.
   */
  readonly places: ReadonlyMap<string, Place>;
  readonly listeners: readonly Listener[];
  readonly tables: ReadonlyMap<string, Table>;
  readonly pkis: ReadonlyMap<string, Pki>;
  readonly cas: ReadonlyMap<string, Ca>;
  readonly oauths: ReadonlyMap<string, OAuth>;
  /** What is in the files of `client … secret`, by path. */
  readonly oauthSecrets: ReadonlyMap<string, string>;
  readonly procs: ReadonlyMap<string, Proc>;
  readonly filters: ReadonlyMap<string, Filter>;
  readonly mdaWrappers: ReadonlyMap<string, MdaWrapper>;
  readonly actions: ReadonlyMap<string, Action>;
  /** In the order written: the first match decides. */
  readonly rules: readonly Rule[];
  /** Texts of the files that aliases include, by path; one that could not be read is missing. */
  readonly includes: ReadonlyMap<string, string>;
}
