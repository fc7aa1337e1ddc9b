/**
 * `action NAME METHOD …`: the method and its options, in any order; `ttl` comes last.
 * Which options go together is for build-local-action.ts and build-relay-action.ts.
 *
 * Source: smtpd.conf(5); OpenSMTPD parse.y (dispatcher); nooSMTPD (`forward-file`,
 * `allow-exec`, `curves`).
 */
import { parseFilterOperand } from "./parse-filter.ts";
import { parseTableOperand } from "./parse-table.ts";
import { parseDelayAmount, parseHostname, parseHostnameWord } from "./parse-values.ts";
import type { Place } from "./place.ts";
import type {
  ActionStatement,
  AliasSyntax,
  LocalMethod,
  LocalOptions,
  Option,
  RelayOptions,
  TableOperand,
  Word,
} from "./syntax.ts";
import { Misfit, type TokenReader } from "./token-reader.ts";

const METHODS = ["mbox", "maildir", "lmtp", "mda", "forward-only", "expand-only", "relay"] as const;

/** Reads what follows an option's word, which stands at `at`. */
type OptionReader<Options> = (reader: TokenReader, at: Place) => Options;
type OptionReaders<Options> = ReadonlyMap<string, OptionReader<Options>>;

/** Options that belong to a method: `junk` and `rcpt-to`. */
interface MethodOptions {
  readonly junk?: true;
  readonly rcptTo?: true;
}

interface CommonOptions {
  readonly ttl?: Option<number>;
}

type LocalOptionsRead = LocalOptions & MethodOptions & CommonOptions;
type RelayOptionsRead = RelayOptions & CommonOptions;

const TTL: OptionReaders<CommonOptions> = new Map([
  ["ttl", (reader, at) => ({ ttl: { at, value: parseDelayAmount(reader, "ttl").value } })],
]);

const LOCAL_OPTIONS: OptionReaders<LocalOptionsRead> = new Map<
  string,
  OptionReader<LocalOptionsRead>
>([
  ["user", (reader, at) => ({ user: { at, value: reader.expectString("a user name") } })],
  ["alias", (reader, at) => ({ alias: { at, value: parseAliases(reader) } })],
  ["virtual", (reader, at) => ({ virtual: { at, value: parseAliases(reader) } })],
  ["userbase", (reader, at) => ({ userbase: { at, value: parseTableOperand(reader) } })],
  [
    "wrapper",
    (reader, at) => ({ wrapper: { at, value: reader.expectString("a wrapper's name") } }),
  ],
  [
    "forward-file",
    (reader, at) => ({ forwardFile: { at, value: { allowExec: reader.accept("allow-exec") } } }),
  ],
  ...TTL,
]);

const MAILDIR_OPTIONS: OptionReaders<LocalOptionsRead> = new Map([
  ["junk", () => ({ junk: true })],
  ...LOCAL_OPTIONS,
]);

const LMTP_OPTIONS: OptionReaders<LocalOptionsRead> = new Map([
  ["rcpt-to", () => ({ rcptTo: true })],
  ...LOCAL_OPTIONS,
]);

const RELAY_OPTIONS: OptionReaders<RelayOptionsRead> = new Map<
  string,
  OptionReader<RelayOptionsRead>
>([
  ["backup", (reader, at) => ({ backup: { at, value: parseBackup(reader) } })],
  ["host", (reader, at) => ({ host: { at, value: parseTableOperand(reader) } })],
  ["domain", (reader, at) => ({ domain: { at, value: parseTableOperand(reader) } })],
  ["auth", (reader, at) => ({ auth: { at, value: parseTableOperand(reader) } })],
  ["mail-from", (reader, at) => ({ mailFrom: { at, value: reader.expectString("an address") } })],
  ["src", (reader, at) => ({ src: { at, value: parseTableOperand(reader) } })],
  ["helo", (reader, at) => ({ helo: { at, value: parseHostname(reader) } })],
  ["helo-src", (reader, at) => ({ heloSrc: { at, value: parseTableOperand(reader) } })],
  ["tls", (reader, at) => ({ tls: { at, value: { fingerprints: parsePins(reader) } } })],
  ["no-verify", (_, at) => ({ noVerify: { at, value: true } })],
  ["protocols", (reader, at) => ({ protocols: { at, value: reader.expectString("protocols") } })],
  ["ciphers", (reader, at) => ({ ciphers: { at, value: reader.expectString("ciphers") } })],
  ["curves", (reader, at) => ({ curves: { at, value: reader.expectString("curves") } })],
  ["pki", (reader, at) => ({ pki: { at, value: reader.expectString("a pki's name") } })],
  ["ca", (reader, at) => ({ ca: { at, value: reader.expectString("a ca's name") } })],
  ["filter", (reader, at) => ({ filter: { at, value: parseFilterOperand(reader) } })],
  ["srs", (_, at) => ({ srs: { at, value: true } })],
  ...TTL,
]);

/** What the complaint about a second one calls an option, where that is not its word. */
const TITLES: ReadonlyMap<string, string> = new Map([
  ["alias", "alias mapping"],
  ["virtual", "virtual mapping"],
  ["userbase", "userbase mapping"],
  ["host", "host mapping"],
  ["domain", "domain mapping"],
  ["auth", "auth mapping"],
  ["src", "source mapping"],
  ["helo-src", "helo-source mapping"],
]);

export function parseAction(reader: TokenReader, at: Place): ActionStatement {
  const name = reader.expectString("an action name");
  const kind = reader.expectOneOf(METHODS);
  if (kind === "relay") {
    const { ttl, ...options } = parseOptions(reader, RELAY_OPTIONS);
    return { kind: "action", at, name, method: { kind: "relay", options }, ttl };
  }
  const { local, ttl, options } = parseLocal(reader, kind);
  return { kind: "action", at, name, method: { kind: "local", local, options }, ttl };
}

interface Local {
  readonly local: LocalMethod;
  readonly options: LocalOptions;
  readonly ttl: Option<number> | undefined;
}

function parseLocal(reader: TokenReader, kind: LocalMethod["kind"]): Local {
  if (kind === "maildir") {
    // Words of options that are no keywords, and so would be taken for a path.
    const hasPath =
      reader.isAtString() && !reader.isAt("forward-file") && !reader.isAt("allow-exec");
    const path = hasPath ? reader.expectString("a path") : undefined;
    const { ttl, junk = false, ...options } = parseOptions(reader, MAILDIR_OPTIONS);
    return { local: { kind, path, junk }, options, ttl };
  }
  if (kind === "lmtp") {
    const destination = reader.expectString("a destination");
    const { ttl, rcptTo = false, ...options } = parseOptions(reader, LMTP_OPTIONS);
    return { local: { kind, destination, rcptTo }, options, ttl };
  }
  if (kind === "mda") {
    const command = reader.expectString("a command in quotes");
    const { ttl, ...options } = parseOptions(reader, LOCAL_OPTIONS);
    return { local: { kind, command }, options, ttl };
  }
  const { ttl, ...options } = parseOptions(reader, LOCAL_OPTIONS);
  return { local: { kind }, options, ttl };
}

function parseOptions<Options extends CommonOptions>(
  reader: TokenReader,
  readers: OptionReaders<Options>,
): Partial<Options> {
  let options: Partial<Options> = {};
  const seen = new Set<string>();
  const words = [...readers.keys()];
  while (!reader.isAtLineEnd()) {
    const { at } = reader.peek();
    const word = reader.expectOneOf(words);
    if (seen.has(word))
      throw new Misfit(at, `${TITLES.get(word) ?? word} already specified for this dispatcher`);
    seen.add(word);
    options = { ...options, ...readers.get(word)?.(reader, at) };
    // `ttl` is the last word of an action.
    if (word === "ttl") break;
  }
  return options;
}

function parseAliases(reader: TokenReader): AliasSyntax {
  const table = parseTableOperand(reader);
  return { table, allowExec: reader.accept("allow-exec") };
}

function parsePins(reader: TokenReader): TableOperand | undefined {
  return reader.accept("fingerprint") ? parseTableOperand(reader) : undefined;
}

function parseBackup(reader: TokenReader): { readonly mx: Word | undefined } {
  return { mx: reader.accept("mx") ? parseHostnameWord(reader) : undefined };
}
