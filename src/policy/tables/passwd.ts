/**
 * The lines of a `passwd:` table. Key and value of an entry are the user and the rest of
 * the line, whose fields are those of passwd(5) with the hash in place:
 *
 *     HASH[:UID:GID:[GECOS]:HOME[:SHELL[:EXTRA]]]
 *
 * One table so holds both credentials and users; a line that lacks the fields of one of
 * them has only the other. Answers have the form that other tables have for the service:
 * `user:hash`, and `uid:gid:home`.
 *
 * Source: table-passwd(5) of OpenSMTPD-extras.
 */

/** Undefined if the line has no such thing. */
export function passwdValue(
  user: string,
  line: string,
  service: "credentials" | "userinfo",
): string | undefined {
  const [hash = "", uid = "", gid = "", , home = ""] = line.split(":");
  if (service === "credentials") return hash === "" ? undefined : `${user}:${hash}`;
  const isUser = /^\d+$/u.test(uid) && /^\d+$/u.test(gid) && home.startsWith("/");
  return isUser ? `${uid}:${gid}:${home}` : undefined;
}

/** The line as it is for whoever looks for users: the hash, and what stands behind the home, are taken out. */
export function withoutHash(line: string): string {
  const [, uid = "", gid = "", , home = ""] = line.split(":");
  return `:${uid}:${gid}::${home}`;
}
