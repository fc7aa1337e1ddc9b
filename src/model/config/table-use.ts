/**
 * What tables are used for: which shape each use needs, what its entries must be, and
 * how a complaint names it. Mistakes in entries are found here, with their line, where
 * OpenSMTPD finds them when mail comes, or never.
 *
 * Source: smtpd.conf(5), table(5); OpenSMTPD parse.y (table_check_use), table.c (values).
 */
import { parseIpAddress, parseIpNetwork } from "#base/ip-address.ts";
import { parseExpansionList } from "#model/expansion-list.ts";
import { isPlainText } from "#model/secret.ts";
import { parseFingerprint } from "#model/fingerprint.ts";
import { parseCredentials, parseUserinfo } from "#model/table-values.ts";
import { isGreetingName } from "./host-name.ts";
import { parseRelayUrl } from "./relay-url.ts";
import type { Table } from "./table.ts";

/** An option that takes a table; those of filters begin with "filter". */
export type TableUse =
  | "alias"
  | "virtual"
  | "userbase"
  | "host"
  | "domain"
  | "relay auth"
  | "src"
  | "helo-src"
  | "tag"
  | "from src"
  | "from rdns"
  | "for domain"
  | "helo"
  | "auth"
  | "fingerprint"
  | "mail-from"
  | "rcpt-to"
  | "listen auth"
  | "hostnames"
  | "senders"
  | "proxy"
  | "xclient"
  | "filter src"
  | "filter rdns"
  | "filter helo"
  | "filter auth"
  | "filter mail-from"
  | "filter rcpt-to";

export interface EntryFault {
  readonly message: string;
  readonly hint: string;
  /** A warning where mail for the other entries is none the worse. */
  readonly severity: "error" | "warning";
}

/** Undefined for an entry that is fine. `value` is "" in a list. */
export type CheckEntry = (key: string, value: string) => EntryFault | undefined;

export interface TableUseTraits {
  readonly shapes: readonly ("list" | "mapping")[];
  /** What it is called in `table "X" may not be used for … lookups`. */
  readonly word: string;
  readonly check?: CheckEntry;
  /** Entries may hold passwords: they are not shown. */
  readonly isSecret?: true;
  /** A `passwd:` table has what this asks for. */
  readonly takesPasswd?: true;
}

const LIST = ["list"] as const;
const MAPPING = ["mapping"] as const;
/** Of a mapping the keys count. */
const KEYS = ["list", "mapping"] as const;

const NETWORKS = { check: checkNetwork, shapes: LIST } as const;

export const TABLE_USES: Readonly<Record<TableUse, TableUseTraits>> = {
  alias: { shapes: MAPPING, word: "alias", check: checkExpansion },
  virtual: { shapes: MAPPING, word: "virtual", check: checkExpansion },
  userbase: { shapes: MAPPING, word: "userbase", check: checkUserinfo, takesPasswd: true },
  host: { shapes: LIST, word: "host", check: (key) => checkRelayUrl(key) },
  domain: { shapes: MAPPING, word: "host", check: (_, value) => checkRelayUrl(value) },
  "relay auth": { shapes: MAPPING, word: "auth", check: checkCredentials, isSecret: true },
  src: { shapes: KEYS, word: "source", check: checkAddress },
  "helo-src": { shapes: MAPPING, word: "helo-source", check: checkHostOfAddress },
  tag: { shapes: LIST, word: "tag" },
  "from src": { ...NETWORKS, word: "from" },
  "from rdns": { shapes: LIST, word: "rdns" },
  "for domain": { shapes: LIST, word: "for", check: checkDomain },
  helo: { shapes: LIST, word: "helo" },
  // Only names are asked for, but often of the table that has the passwords too.
  auth: { shapes: KEYS, word: "auth", isSecret: true },
  fingerprint: { shapes: KEYS, word: "fingerprint", check: checkFingerprint },
  "mail-from": { shapes: KEYS, word: "mail-from" },
  "rcpt-to": { shapes: KEYS, word: "rcpt-to" },
  "listen auth": {
    shapes: MAPPING,
    word: "auth",
    check: checkLogin,
    isSecret: true,
    takesPasswd: true,
  },
  hostnames: { shapes: MAPPING, word: "HOSTNAMES", check: checkHostOfAddress },
  senders: { shapes: MAPPING, word: "SENDERS" },
  proxy: { ...NETWORKS, word: "proxy" },
  xclient: { ...NETWORKS, word: "xclient" },
  "filter src": { ...NETWORKS, word: "src" },
  "filter rdns": { shapes: LIST, word: "rdns" },
  "filter helo": { shapes: LIST, word: "helo" },
  "filter auth": { shapes: KEYS, word: "auth", isSecret: true },
  "filter mail-from": { shapes: KEYS, word: "mail-from" },
  "filter rcpt-to": { shapes: KEYS, word: "rcpt-to" },
};

/** Whether `use` may have `table`; `regex` asks for patterns, which are always a list. */
export function isUsable(table: Table, use: TableUse, regex: boolean): boolean {
  const { shapes, takesPasswd } = TABLE_USES[use];
  if (table.source.kind === "passwd") return takesPasswd === true && !regex;
  if (table.shape === "remote") return true;
  // An empty file counts as a mapping, yet it may be a list without items.
  if (table.entries.size === 0) return true;
  return (regex ? LIST : shapes).some((shape) => shape === table.shape);
}

/** The complaint about a table that `use` cannot have. */
export function misuseMessage(name: string, use: TableUse): string {
  const { word } = TABLE_USES[use];
  if (use === "hostnames" || use === "senders")
    return `invalid use of table "${name}" as ${word} parameter`;
  return `table "${name}" may not be used for ${word} lookups`;
}

function checkNetwork(key: string): EntryFault | undefined {
  if (key.toLowerCase() === "local" || parseIpNetwork(key) !== undefined) return undefined;
  return error(`invalid network: ${key}`, "write an address, ADDRESS/BITS or 'local'");
}

function checkFingerprint(key: string): EntryFault | undefined {
  if (parseFingerprint(key) !== undefined) return undefined;
  return error(`invalid fingerprint: ${key}`, "write SHA256: and the hash, in hex or base64");
}

function checkAddress(key: string): EntryFault | undefined {
  return parseIpAddress(key) === undefined ? error(`invalid address: ${key}`) : undefined;
}

function checkHostOfAddress(key: string, value: string): EntryFault | undefined {
  if (isGreetingName(value)) return checkAddress(key);
  return error(`invalid host name: ${value}`);
}

function checkDomain(key: string): EntryFault | undefined {
  if (/^<.*>$/u.test(key)) {
    const meant = `the name of a table has no quotes around: ${key}`;
    return { severity: "warning", message: `no domain is ${key}`, hint: meant };
  }
  if (!key.includes("@")) return undefined;
  const hint = "'for domain' compares domains; 'for rcpt-to' compares addresses";
  return { severity: "warning", message: `no domain is ${key}`, hint };
}

function checkRelayUrl(text: string): EntryFault | undefined {
  const host = parseRelayUrl(text);
  return "reason" in host ? error(host.reason) : undefined;
}

/** `uid:gid:home`. */
function checkUserinfo(key: string, value: string): EntryFault | undefined {
  const userinfo = parseUserinfo(value);
  if (userinfo === undefined)
    return error(`invalid user information of ${key}: ${value}`, "write UID:GID:/HOME");
  if (userinfo.uid !== 0) return undefined;
  const message = `mail to ${key} is refused: mail is never delivered as root`;
  return { severity: "warning", message, hint: "" };
}

/** `user:password`, or a password whose user is the key. */
function checkCredentials(key: string, value: string): EntryFault | undefined {
  if (parseCredentials(key, value) !== undefined) return undefined;
  return error(`credentials of ${key} lack a user or a password`, "write USER:PASSWORD");
}

/** The same, where the password is to be hashed. The others can log in all the same. */
function checkLogin(key: string, value: string): EntryFault | undefined {
  const { secret } = parseCredentials(key, value) ?? {};
  if (secret === undefined || !isPlainText(secret)) return checkCredentials(key, value);
  const message = `${key} cannot log in: the password is not hashed`;
  return { severity: "warning", message, hint: "'smtpctl encrypt' makes a hash" };
}

/** Mail to the entry is refused temporarily, as OpenSMTPD does; other mail flows. */
function checkExpansion(key: string, value: string): EntryFault | undefined {
  const list = parseExpansionList(value);
  if (list.kind === "expansion-list") return undefined;
  const message = `mail to ${key} has nowhere to go: ${list.reason}`;
  return { severity: "warning", message, hint: "" };
}

function error(message: string, hint = ""): EntryFault {
  return { severity: "error", message, hint };
}
