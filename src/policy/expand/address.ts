/** Parts of a mailbox, `user+tag@domain`. Source: RFC 5321 §4.1.2; spec 2.6, 6.6. */

/** A quoted local part may hold an `@`, so the last one divides. Both are "" for the null path. */
export function splitAddress(address: string): readonly [localPart: string, domain: string] {
  const at = address.lastIndexOf("@");
  return at < 0 ? [address, ""] : [address.slice(0, at), address.slice(at + 1)];
}

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
