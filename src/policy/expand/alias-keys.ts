/**
 * Under which keys a table of aliases or virtual addresses is asked, the most telling
 * first. Source: OpenSMTPD aliases.c; aliases(5), smtpd.conf(5) `virtual`.
 */
import { splitAddress } from "#protocols/mail/address.ts";
import { accountName } from "./account-name.ts";

/** `user+tag`, then `user`. */
export function aliasKeys(user: string, delimiter: string): readonly string[] {
  const account = accountName(user, delimiter);
  return account === user || account === "" ? [user] : [user, account];
}

/** The address with its tag and without, the same of the user alone, then what catches all. */
export function virtualKeys(address: string, delimiter: string): readonly string[] {
  const { localPart, domain } = splitAddress(address.toLowerCase());
  const users = aliasKeys(localPart, delimiter);
  if (domain === "") return users;
  return [...users.map((user) => `${user}@${domain}`), ...users, `@${domain}`, "@"];
}
