/**
 * The syntax tree of smtpd.conf(5): what was written, with places, and nothing
 * looked up. parser.ts makes it, build.ts gives it meaning.
 */
import type { NumberSettingName } from "./defaults.ts";
import type { FilterAction, FilterPhase } from "./filter.ts";
import type { PkiOcsp } from "./pki.ts";
import type { Place } from "./place.ts";

/** A text of the file: a name, a path, a value. */
export interface Word {
  readonly text: string;
  readonly at: Place;
}

export interface Amount {
  readonly value: number;
  readonly at: Place;
}

export type TableItems =
  | { readonly shape: "list"; readonly items: readonly Word[] }
  | {
      readonly shape: "mapping";
      readonly pairs: readonly { readonly key: Word; readonly value: Word }[];
    };

/** A table where one is used: `<NAME>`, a single value, or `{ … }`. */
export type TableOperand = { readonly at: Place } & (
  | { readonly kind: "reference"; readonly name: string }
  | { readonly kind: "inline"; readonly items: TableItems }
);

/** A table and how it is asked: `T` or `regex T`. */
export interface TableMatchSyntax {
  readonly table: TableOperand;
  readonly regex: boolean;
}

export interface TableStatement {
  readonly kind: "table";
  readonly at: Place;
  readonly name: Word;
  readonly source:
    | { readonly kind: "inline"; readonly items: TableItems }
    | { readonly kind: "file" | "passwd"; readonly path: string; readonly at: Place }
    | { readonly kind: "db"; readonly path: string; readonly at: Place }
    | {
        readonly kind: "program";
        readonly backend: string;
        readonly parameter: string | undefined;
        readonly at: Place;
      };
}

/** `ciphers S`, `curves S`, `protocols S`, wherever they may stand. */
export interface TlsSyntax {
  readonly ciphers?: Word;
  readonly curves?: Word;
  readonly protocols?: Word;
}

/** The same as options of a listener or relay, each with its place. */
export interface TlsOptions {
  readonly ciphers?: Option<Word>;
  readonly curves?: Option<Word>;
  readonly protocols?: Option<Word>;
}

/** `filter NAME`, or `filter { NAME, NAME }`: a chain without a name. */
export interface FilterOperand {
  readonly at: Place;
  readonly names: readonly Word[];
}

/** What may follow the target of `listen on`; each at most once, but for `pki`. */
export interface ListenOptions extends TlsOptions {
  readonly family?: Option<"inet4" | "inet6">;
  readonly port?: Option<number>;
  readonly tls?: Option<{
    readonly mode: "starttls" | "starttls-required" | "smtps";
    readonly verify: boolean;
    /** `fingerprint T`, behind `verify`. */
    readonly fingerprints: TableOperand | undefined;
  }>;
  readonly pkis?: readonly Word[];
  readonly ca?: Option<Word>;
  readonly auth?: Option<{
    readonly mode: "optional" | "required";
    /** Undefined: the system's users, unless there is an `oauth`. */
    readonly table: TableOperand | undefined;
    readonly oauth: Word | undefined;
  }>;
  readonly tag?: Option<string>;
  readonly hostname?: Option<string>;
  readonly hostnames?: Option<TableOperand>;
  readonly senders?: Option<{ readonly table: TableOperand; readonly masquerade: boolean }>;
  readonly filter?: Option<FilterOperand>;
  readonly maskSource?: Option<true>;
  readonly receivedAuth?: Option<true>;
  readonly noDsn?: Option<true>;
  readonly proxy?: Option<{
    readonly version: "v1" | "v2";
    readonly from: TableOperand | undefined;
  }>;
  readonly xclient?: Option<TableOperand>;
  readonly lmtp?: Option<true>;
  readonly mode?: Option<number>;
  readonly user?: Option<string>;
  readonly group?: Option<string>;
}

export interface ListenStatement {
  readonly kind: "listen";
  readonly at: Place;
  readonly target: ListenSocket | ListenAddress;
  readonly options: ListenOptions;
}

export interface ListenSocket {
  readonly kind: "socket";
  /** Undefined: the default path. */
  readonly path: Word | undefined;
}

export interface ListenAddress {
  readonly kind: "address";
  /** A literal, an interface, a group of them, or a host name. */
  readonly name: Word;
}

export type LocalMethod =
  | { readonly kind: "mbox" | "forward-only" | "expand-only" }
  | { readonly kind: "maildir"; readonly path: Word | undefined; readonly junk: boolean }
  | { readonly kind: "lmtp"; readonly destination: Word; readonly rcptTo: boolean }
  | { readonly kind: "mda"; readonly command: Word };

/** What an option gives, and where its own word stands. */
export interface Option<Value> {
  readonly at: Place;
  readonly value: Value;
}

export interface LocalOptions {
  readonly user?: Option<Word>;
  readonly alias?: Option<AliasSyntax>;
  readonly virtual?: Option<AliasSyntax>;
  readonly userbase?: Option<TableOperand>;
  readonly wrapper?: Option<Word>;
  readonly forwardFile?: Option<{ readonly allowExec: boolean }>;
}

export interface AliasSyntax {
  readonly table: TableOperand;
  readonly allowExec: boolean;
}

export interface RelayOptions extends TlsOptions {
  readonly backup?: Option<{ readonly mx: Word | undefined }>;
  readonly host?: Option<TableOperand>;
  readonly domain?: Option<TableOperand>;
  readonly auth?: Option<TableOperand>;
  readonly mailFrom?: Option<Word>;
  readonly src?: Option<TableOperand>;
  readonly helo?: Option<string>;
  readonly heloSrc?: Option<TableOperand>;
  /** With the operand of `fingerprint`. */
  readonly tls?: Option<{ readonly fingerprints: TableOperand | undefined }>;
  readonly noVerify?: Option<true>;
  readonly pki?: Option<Word>;
  readonly ca?: Option<Word>;
  readonly filter?: Option<FilterOperand>;
  readonly srs?: Option<true>;
}

export interface ActionStatement {
  readonly kind: "action";
  readonly at: Place;
  readonly name: Word;
  readonly method:
    | { readonly kind: "local"; readonly local: LocalMethod; readonly options: LocalOptions }
    | { readonly kind: "relay"; readonly options: RelayOptions };
  readonly ttl: Option<number> | undefined;
}

export type FromSyntax =
  | { readonly kind: "any" | "local" | "socket" }
  | { readonly kind: "src"; readonly match: TableMatchSyntax }
  | { readonly kind: "rdns"; readonly match: TableMatchSyntax | undefined };

export type ForSyntax =
  | { readonly kind: "any" | "local" }
  | { readonly kind: "domain"; readonly match: TableMatchSyntax };

/** `from auth T` is two of these: `from any` and `auth T`; `for rcpt-to T` likewise. */
export type CriterionTestSyntax =
  | { readonly kind: "from"; readonly from: FromSyntax }
  | { readonly kind: "for"; readonly to: ForSyntax }
  | {
      readonly kind: "tag" | "helo" | "mail-from" | "rcpt-to";
      readonly match: TableMatchSyntax;
    }
  | { readonly kind: "auth"; readonly match: TableMatchSyntax | undefined }
  | { readonly kind: "tls"; readonly match: TableMatchSyntax | undefined };

export interface CriterionSyntax {
  readonly at: Place;
  readonly negated: boolean;
  readonly test: CriterionTestSyntax;
}

export interface MatchStatement {
  readonly kind: "match";
  readonly at: Place;
  /** In the order written; each kind once. */
  readonly criteria: readonly CriterionSyntax[];
  /** The name of an action. */
  readonly outcome: { readonly kind: "action"; readonly name: Word } | { readonly kind: "reject" };
}

/** Values of the whole server. */
export interface SettingStatement {
  readonly kind: "setting";
  readonly at: Place;
  readonly values: readonly SettingSyntax[];
}

export type SettingSyntax =
  | { readonly name: NumberSettingName; readonly value: Amount }
  | { readonly name: "subAddressDelimiter" | "admd"; readonly value: Word }
  | { readonly name: "srsKey" | "srsBackupKey"; readonly value: Word }
  | { readonly name: "srsTtlMs"; readonly value: Amount }
  | { readonly name: "mtaSts"; readonly at: Place }
  | {
      readonly name: "tlsReports";
      readonly at: Place;
      readonly from: Word;
      readonly organization: Word | undefined;
    }
  | { readonly name: "compat"; readonly at: Place; readonly value: "none" | "opensmtpd" }
  | { readonly name: "tls"; readonly at: Place; readonly value: TlsSyntax }
  | { readonly name: "queueCompression"; readonly at: Place; readonly value: "zstd" | "gzip" }
  | {
      readonly name: "queueEncryption";
      readonly at: Place;
      readonly key:
        | { readonly from: "line"; readonly key: Word }
        | { readonly from: "file"; readonly path: Word }
        | { readonly from: "terminal" | "stdin" };
    }
  | { readonly name: "traceRecipients"; readonly at: Place; readonly value: "masked" | "off" }
  | { readonly name: "bounceWarnIntervals"; readonly at: Place; readonly value: readonly Amount[] };

/** `mta limit …`, `mda limit …`, `scheduler limit …`. */
export interface LimitStatement {
  readonly kind: "limit";
  readonly at: Place;
  readonly of: "mta" | "mda" | "scheduler";
  /** `for domain D`. */
  readonly domain: Word | undefined;
  readonly limits: readonly LimitSyntax[];
}

export type LimitSyntax =
  | { readonly kind: "family"; readonly at: Place; readonly family: "inet4" | "inet6" }
  | { readonly kind: "limit"; readonly key: Word; readonly value: Amount };

/** One line of `pki`, of several about one name. */
export interface PkiStatement {
  readonly kind: "pki";
  readonly at: Place;
  readonly name: Word;
  readonly cert?: Option<string>;
  readonly key?: Option<string>;
  readonly dhe?: Option<"none" | "auto" | "legacy">;
  readonly ocsp?: Option<PkiOcsp>;
}

export interface CaStatement {
  readonly kind: "ca";
  readonly at: Place;
  readonly name: Word;
  readonly cert: Word;
}

export interface OAuthStatement {
  readonly kind: "oauth";
  readonly at: Place;
  readonly name: Word;
  readonly url: Word;
  /** `client ID secret PATH`. */
  readonly client?: { readonly id: Word; readonly secret: Word };
  readonly scope?: Word;
  readonly claim?: Word;
  readonly ca?: Word;
}

export interface ProcStatement {
  readonly kind: "proc";
  readonly at: Place;
  readonly name: Word;
  readonly program: ProgramSyntax;
}

/** A command, and who runs it where. */
export interface ProgramSyntax {
  readonly command: Word;
  readonly user?: Option<string>;
  readonly group?: Option<string>;
  readonly chroot?: Option<Word>;
}

export interface WrapperStatement {
  readonly kind: "wrapper";
  readonly at: Place;
  readonly name: Word;
  readonly command: Word;
}

export interface FilterStatement {
  readonly kind: "filter";
  readonly at: Place;
  readonly name: Word;
  readonly filter:
    | { readonly kind: "proc"; readonly proc: Word }
    | { readonly kind: "proc-exec"; readonly program: ProgramSyntax }
    | { readonly kind: "chain"; readonly names: readonly Word[] }
    | FilterPhaseSyntax;
}

export interface FilterPhaseSyntax {
  readonly kind: "phase";
  readonly phase: FilterPhase;
  readonly negated: boolean;
  readonly condition: FilterConditionSyntax;
  readonly action: FilterAction;
}

export type FilterConditionSyntax =
  | { readonly kind: "fcrdns" }
  | { readonly kind: "src" | "helo" | "mail-from" | "rcpt-to"; readonly match: TableMatchSyntax }
  | { readonly kind: "rdns" | "auth"; readonly match: TableMatchSyntax | undefined };

export type Statement =
  | ActionStatement
  | CaStatement
  | FilterStatement
  | LimitStatement
  | ListenStatement
  | MatchStatement
  | OAuthStatement
  | PkiStatement
  | ProcStatement
  | SettingStatement
  | TableStatement
  | WrapperStatement;
