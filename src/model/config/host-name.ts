/** Names of hosts, as a line of smtpd.conf(5) may have them. */
import { isHostName } from "#protocols/mail/domain.ts";

/** A host name, perhaps with the dot of the root behind it (RFC 1034 §3.1). */
export function isRootedName(text: string): boolean {
  return isHostName(text.endsWith(".") ? text.slice(0, -1) : text);
}

/** A domain has no more octets (RFC 5321 §4.5.3.1.2). */
const MAX_GREETING_NAME_LENGTH = 255;

/** What a greeting may say: a name, or an address in brackets (RFC 5321 §4.1.3). */
export function isGreetingName(text: string): boolean {
  if (text.length > MAX_GREETING_NAME_LENGTH) return false;
  return /^(\[[0-9A-Za-z.:]+\]|[0-9A-Za-z_.-]+)$/u.test(text);
}
