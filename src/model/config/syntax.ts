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

export interface TableStatement {
  readonly kind: "table";
  readonly at: Place;
  readonly name: Word;
  readonly source:
    | { readonly kind: "inline"; readonly items: TableItems }
    | { readonly kind: "file"; readonly path: string; readonly at: Place };
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

export type ActionMethod =
  | {
      readonly kind: "maildir";
      readonly path: Word | undefined;
      readonly user: Word | undefined;
    }
  | {
      readonly kind: "lmtp";
      readonly destination: Word;
      readonly rcptTo: boolean;
      readonly user: Word | undefined;
    }
  | {
      readonly kind: "relay";
      readonly hosts: TableOperand | undefined;
      readonly helo: string | undefined;
    };

export interface ActionStatement {
  readonly kind: "action";
  readonly at: Place;
  readonly name: Word;
  readonly method: ActionMethod;
  readonly ttlMs: number | undefined;
}

export type FromSyntax =
  | { readonly kind: "any" | "local" | "socket" }
  | { readonly kind: "src"; readonly table: TableOperand };

export type ForSyntax =
  | { readonly kind: "any" | "local" }
  | { readonly kind: "domain"; readonly table: TableOperand };

export interface Negatable<Value> {
  readonly negated: boolean;
  readonly value: Value;
}

export interface MatchStatement {
  readonly kind: "match";
  readonly at: Place;
  readonly from: Negatable<FromSyntax> | undefined;
  readonly for: Negatable<ForSyntax> | undefined;
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
