/** The account behind a local part, `user+tag`. Source: RFC 5321 §4.1.2; OpenSMTPD lka_session.c. */

/**
 * The account that `localPart` names: in lower case, without its tag. A quoted local
 * part has no tag: cut in its quotes it would be no local part any more, and in a
 * command to an LMTP server what follows could be parameters.
 */
export function accountName(localPart: string, delimiter: string): string {
  if (localPart.startsWith('"')) return localPart.toLowerCase();
  const cut = localPart.indexOf(delimiter);
  return (cut < 0 ? localPart : localPart.slice(0, cut)).toLowerCase();
}

/**
 * Whether `name` may be asked for in the user database at all. It becomes an
 * argument of a program and a line of a protocol, so what would be special there is
 * no name: a leading dash, a colon or slash, a blank or control character.
 */
export function isAccountName(name: string): boolean {
  return name.length <= MAX_ACCOUNT_NAME_LENGTH && /^(?!-)[^\p{Cc} :/]+$/u.test(name);
}

/** LOGIN_NAME_MAX of Linux, limits.h(0p). */
const MAX_ACCOUNT_NAME_LENGTH = 255;
