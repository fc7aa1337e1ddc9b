/**
 * The syntax tree of smtpd.conf(5): what was written, with places, and nothing
 * looked up. parser.ts makes it, build.ts gives it meaning.
 */
import type { Place } from "./config.ts";
import type { NumberSettingName } from "./defaults.ts";

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
    | { readonly kind: "file" | "db" | "passwd"; readonly path: string; readonly at: Place }
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

/** `filter NAME`, or `filter { NAME, NAME }`: a chain without a name. */
export interface FilterOperand {
  readonly at: Place;
  readonly names: readonly Word[];
}

export interface ListenStatement {
  readonly kind: "listen";
  readonly at: Place;
  /** Undefined: `listen on socket`, at the default path. */
  readonly target: { readonly kind: "socket"; readonly path: Word | undefined } | ListenAddress;
  readonly port: number | undefined;
  readonly tag: string;
  readonly hostname: string | undefined;
  readonly maskSource: boolean;
  readonly mode: number | undefined;
}

export interface ListenAddress {
  readonly kind: "address";
  /** A literal, an interface or `all`. */
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

export interface RelayOptions {
  readonly backup?: Option<{ readonly mx: Word | undefined }>;
  readonly host?: Option<TableOperand>;
  readonly domain?: Option<TableOperand>;
  readonly auth?: Option<TableOperand>;
  readonly mailFrom?: Option<Word>;
  readonly src?: Option<TableOperand>;
  readonly helo?: Option<string>;
  readonly heloSrc?: Option<TableOperand>;
  readonly tls?: Option<{ readonly verify: boolean }>;
  readonly ciphers?: Option<Word>;
  readonly curves?: Option<Word>;
  readonly protocols?: Option<Word>;
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
  | { readonly kind: "tls" };

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
  | { readonly name: "subAddressDelimiter"; readonly value: Word };

export type Statement =
  | TableStatement
  | ListenStatement
  | ActionStatement
  | MatchStatement
  | SettingStatement;
