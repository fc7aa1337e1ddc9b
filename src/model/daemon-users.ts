/** The users of the daemon (tools/install-users). */

/**
 * Commands and files of aliases are run and written as this user, where the action names
 * none: it owns nothing, no process of the daemon runs as it, and it has no mail of its own.
 */
export const COMMAND_USER = "_smtpx";

/** Local programs' mail comes by this one, and root's waiting mail is read by it. */
export const ENQUEUE_USER = "_smtpe";

/** All of them: no mail is delivered as one of them, but for what COMMAND_USER is there for. */
export const DAEMON_USERS: readonly string[] = [
  "_smtpd",
  "_smtpq",
  "_smtpl",
  "_smtpc",
  ENQUEUE_USER,
  COMMAND_USER,
  "_smtpw",
];
