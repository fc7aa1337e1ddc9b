/**
 * What OpenSMTPD and the nooSMTPD programme can say in smtpd.conf(5) and Postrider
 * cannot do yet. It is read and refused by name, never ignored. A word leaves this
 * table when it is built and gets an entry in the manual; a test holds the two
 * together.
 */
import { words } from "./keywords.ts";

/** Statements, each with the words that only it knows. */
export const NOT_BUILT_STATEMENTS: ReadonlyMap<string, readonly string[]> = new Map([
  ["admd", []],
  ["bounce", ["warn-interval"]],
  ["ca", ["cert"]],
  ["compat", []],
  [
    "filter",
    words(`
      auth bypass chain chroot commit connect data disconnect ehlo fcrdns group helo junk mail-from
      phase proc proc-exec rcpt-to rdns regex report rewrite src
    `),
  ],
  ["mda", words("limit wrapper")],
  ["mta", words("inet4 inet6 limit max-deferred")],
  ["pki", words("cert dhe key")],
  ["proc", words("chroot group")],
  ["scheduler", ["limit"]],
  ["srs", words("backup key ttl")],
]);

export type OptionPosition =
  | "queue setting"
  | "smtp setting"
  | "listen address"
  | "listen option"
  | "socket option"
  | "action method"
  | "local option"
  | "relay option"
  | "match criterion"
  | "from criterion"
  | "for criterion"
  | "table operand";

/** Options, by where they may stand. */
export const NOT_BUILT_OPTIONS: Readonly<Record<OptionPosition, readonly string[]>> = {
  "queue setting": words("compression encryption"),
  "smtp setting": words("ciphers tls"),
  "listen address": ["egress"],
  "listen option": words(`
    auth auth-optional ca ciphers curves filter fingerprint hostnames inet4 inet6 masquerade no-dsn
    ocsp pki protocols proxy-v2 received-auth senders smtps tls tls-require verify
  `),
  "socket option": words("filter group no-dsn user"),
  "action method": words("expand-only forward-only mbox mda"),
  "local option": words("alias allow-exec forward-file junk userbase virtual wrapper"),
  "relay option": words(`
    auth backup ca ciphers curves domain filter fingerprint helo-src mail-from mx no-verify pki
    protocols src srs tls
  `),
  "match criterion": words("auth fingerprint helo mail-from rcpt-to tag tls"),
  "from criterion": words("auth mail-from rdns"),
  "for criterion": ["rcpt-to"],
  "table operand": ["regex"],
};

/** Schemes of a relay URL, as smtpd.conf(5) has them. */
export const NOT_BUILT_RELAY_SCHEMES: readonly string[] = ["smtp+tls", "smtps"];

/** Reserved by OpenSMTPD, used by none of its statements. */
export const UNUSED_KEYWORDS: readonly string[] = words(
  "data-line noop quit recipient rset smtp-in smtp-out tagged",
);

export function isNotBuilt(position: OptionPosition, word: string): boolean {
  return NOT_BUILT_OPTIONS[position].includes(word);
}
