/** Every user of the daemon (tools/install-users): no mail is delivered as one of them. */
export const DAEMON_USERS: readonly string[] = [
  "_smtpd",
  "_smtpq",
  "_smtpl",
  "_smtpc",
  "_smtpe",
  "_smtpx",
  "_smtpw",
];
