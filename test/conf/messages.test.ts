/**
 * Every complaint of OpenSMTPD's parser that is kept is in a golden, in its words: people
 * look for them, and for what others have written about them.
 *
 * Not kept: `syntax error`, which says what was expected instead, and a second `ttl`,
 * which comes last.
 *
 * Source: OpenSMTPD parse.y.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

const MESSAGES = [
  "string too long",
  "invalid number:",
  "reached end of file while parsing quoted string",
  "not defined",
  "macro name cannot contain whitespace",
  "failed to include file",
  "invalid size:",
  "invalid ttl delay:",
  "is too short",
  "invalid bounce delay:",
  "invalid port:",
  "invalid DHE keyword:",
  "not a valid domain name:",
  "not a valid admd",
  "subaddressing-delimiter must be one character",
  "sub-addr-delim uses invalid character",
  "tag name too long",
  "invalid session limit keyword:",
  "invalid mta limit keyword:",
  "invalid scheduler limit keyword:",
  "no such table:",
  "no such dispatcher:",
  "no filter exist with that name:",
  "no processor exist with that name:",
  "no mda wrapper with that name:",
  "dispatcher already declared with that name:",
  "filter already exists with that name:",
  "processor already exists with that name:",
  "mda wrapper already declared with that name:",
  "invalid backend parameter for table:",
  "invalid configuration file",
  "as HOSTNAMES parameter",
  "as SENDERS parameter",
  "user may not be specified for this dispatcher",
  "user may not be specified for forward-only",
  "user may not be specified for expand-only",
  "backup and host are mutually exclusive",
  "backup and domain are mutually exclusive",
  "auth may not be specified without host on a dispatcher",
  "an srs key is required for srs to be specified in an action",
  "no filter chain allowed within a filter chain:",
  "no filter allowed twice within a filter chain:",
  "no proc allowed twice within a filter chain:",
  "too many pki specified",
  "socket listener already configured",
  "invalid listen option: auth requires tls/smtps",
  "invalid listen option: pki requires tls/smtps",
  "invalid listen option: pki required for tls/smtps",
  "invalid virtual ip or interface:",
  "pki name not found:",
  "ca name not found:",
  "no rules, nothing to do",
];

/** Words of `table "X" may not be used for … lookups`. */
const LOOKUPS = [
  "alias",
  "virtual",
  "userbase",
  "helo-source",
  "source",
  "host",
  "auth",
  "tag",
  "helo",
  "mail-from",
  "rcpt-to",
  "from",
  "rdns",
  "for",
];

/** What `… already specified` is said of, by whose options they are. */
const TWICE: Readonly<Record<string, readonly string[]>> = {
  " for this dispatcher": [
    "user",
    "helo",
    "helo-source mapping",
    "pki",
    "ca",
    "ciphers",
    "protocols",
    "mail-from",
    "source mapping",
    "backup",
    "host mapping",
    "tls",
    "auth mapping",
    "filter",
    "srs",
    "alias mapping",
    "virtual mapping",
    "userbase mapping",
  ],
  " for this rule": ["tag", "helo", "tls", "auth", "mail-from", "rcpt-to", "from", "for"],
  " for this processor": ["user", "group", "chroot"],
  "": [
    "address family",
    "port",
    "filter",
    "TLS mode",
    "ciphers",
    "protocols",
    "ca",
    "auth",
    "tag",
    "hostname",
    "hostnames",
    "mask-source",
    "received-auth",
    "no-dsn",
    "proxy-v2",
    "senders",
  ],
};

const told = globSync("{,rogues/,wild/}*.complaints", { cwd: import.meta.dirname })
  .map((file) => readFileSync(`${import.meta.dirname}/${file}`, "utf8"))
  .join("");

test("each message of OpenSMTPD that is kept has a configuration that gets it", () => {
  const messages = [
    ...MESSAGES,
    ...LOOKUPS.map((word) => `may not be used for ${word} lookups\n`),
    ...Object.entries(TWICE).flatMap(([whose, words]) =>
      words.map((word) => `: ${word} already specified${whose}\n`),
    ),
  ];
  assert.deepEqual(
    messages.filter((message) => !told.includes(message)),
    [],
  );
});
