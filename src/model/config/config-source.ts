/** Where the configuration and its files come from, and what the machine adds to them. */

/** A file that could not be read; `code` is the system's (`ENOENT`, `EACCES`, …). */
export interface FilesFault {
  readonly kind: "files-fault";
  readonly code: string;
  readonly message: string;
}

export type ReadFile = (path: string) => string | FilesFault;
/** The first bytes of a file, fewer if it is shorter. */
export type ReadHead = (path: string, maxBytes: number) => Uint8Array | FilesFault;

export interface ConfigSource {
  /** The main file, as complaints name it. */
  readonly file: string;
  /** Reads it, and each file that it includes or loads a table from. */
  readonly read: ReadFile;
  /** Reads a file that aliases include, which may be a user's; without this `read` does. */
  readonly readIncluded?: ReadFile;
  /** Tells what a `db:` file is; without this none is looked at. */
  readonly readHead?: ReadHead;
}

/** What a configuration means depends on these, besides its text. */
export interface BuildContext {
  /** `/etc/mail/mailname`, else the host name. */
  readonly serverName: string;
  /** Addresses in text form, as they can be bound, by interface name. */
  readonly interfaces: ReadonlyMap<string, readonly string[]>;
  /** Where `listen on socket` without a path listens. */
  readonly enqueueSocketPath: string;
  /** `-D NAME=VALUE`: these win over definitions in the file. */
  readonly macros: ReadonlyMap<string, string>;
  /** `--compat opensmtpd`: as if the file said `compat opensmtpd`. */
  readonly compat?: "none" | "opensmtpd";
  /** Interfaces with a default route: what `listen on egress` means; undefined if nobody knows. */
  readonly egress?: readonly string[] | undefined;
  /** Addresses of the `hostNames` of a ParsedConfig; a name that is missing has none. */
  readonly hostAddresses?: ReadonlyMap<string, readonly string[]>;
  /** Why a regular expression cannot be used; undefined if it can. Without this none is checked. */
  readonly checkRegex?: (pattern: string) => string | undefined;
  /** The same of patterns that are one table, each good by itself. */
  readonly checkRegexTable?: (patterns: readonly string[]) => string | undefined;
}

/** What build.ts needs besides the syntax tree. */
export interface BuildInput {
  /** The main file, which complaints about the whole name. */
  readonly file: string;
  readonly context: BuildContext;
  readonly read: ReadFile;
  readonly readIncluded: ReadFile;
  readonly readHead: ReadHead | undefined;
  /** Lines are missing that did not fit: nobody can say what they would have declared. */
  readonly isPartial: boolean;
}

/** Splits the argument of `-D` at its last `=`; undefined if it has none, or no usable name. */
export function parseMacroArgument(
  argument: string,
): { readonly name: string; readonly value: string } | undefined {
  const at = argument.lastIndexOf("=");
  const name = argument.slice(0, Math.max(at, 0));
  if (!/^[A-Za-z0-9_]+$/u.test(name)) return undefined;
  return { name, value: argument.slice(at + 1) };
}
