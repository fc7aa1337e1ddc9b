/**
 * The words that smtpd.conf(5) reserves: unquoted, they cannot name anything.
 *
 * They are OpenSMTPD 7.8's, all of them, so that a file means the same here. Words
 * that we add (`mode`, …) are known by their position instead: a table that has
 * such a name today keeps it.
 */
export const KEYWORDS: readonly string[] = words(`
  action admd alias any auth auth-optional backup bounce bypass ca cert chain chroot ciphers
  commit compression connect data data-line dhe disconnect domain ehlo encryption expand-only
  fcrdns filter for forward-only from group helo helo-src host hostname hostnames include
  inet4 inet6 junk key limit listen lmtp local mail-from maildir mask-src masquerade match
  max-deferred max-message-size mbox mda mta mx no-dsn no-verify noop on phase pki port proc
  proc-exec protocols proxy-v2 queue quit rcpt-to rdns received-auth recipient regex reject
  relay report rewrite rset scheduler senders smtp smtp-in smtp-out smtps socket src srs
  sub-addr-delim table tag tagged tls tls-require ttl user userbase verify virtual
  warn-interval wrapper
`);

const KEYWORD_SET: ReadonlySet<string> = new Set(KEYWORDS);

export function isKeyword(text: string): boolean {
  return KEYWORD_SET.has(text);
}

/** The words of a text, for tables that are easier to read that way. */
export function words(text: string): readonly string[] {
  return text.trim().split(/\s+/u);
}
