/** Names of hosts, as a line of smtpd.conf(5) may have them. Which of them exist is for DNS to say. */

/** A name with letters, digits, `_`, `-` and dots, perhaps with the dot of the root. */
export function isHostName(text: string): boolean {
  return /^[0-9A-Za-z_](?:[0-9A-Za-z_.-]*[0-9A-Za-z_])?\.?$/u.test(text);
}

/** What a greeting may say: a name, or an address in brackets (RFC 5321 §4.1.3). */
export function isGreetingName(text: string): boolean {
  return /^(\[[0-9A-Za-z.:]+\]|[0-9A-Za-z_.-]+)$/u.test(text);
}
