/**
 * The text of a `passwd:` table: a user a line, as passwd(5) has them, with the hash of
 * the password in place, or only part of that:
 *
 *     USER:HASH
 *     USER:HASH:UID:GID:GECOS:HOME:SHELL
 *     USER:HASH:UID:GID::HOME::EXTRA          (Dovecot's, whose extra fields are ignored)
 *
 * One table so holds two things: credentials, and the uid, gid and home that `userbase`
 * asks for. An entry has the user as its key and the rest of the line, as it stands, as
 * its value; policy/tables takes from it what the look-up is for, and a line that lacks
 * that has no answer. Of two lines about one user the first counts, as for anyone who
 * reads such a file from its start.
 *
 * Source: table-passwd of OpenSMTPD-extras; passwd(5).
 */
import type { TableFileEntry, TableFileResult } from "./table-file.ts";

export function parsePasswdFile(text: string): TableFileResult {
  const entries = new Map<string, TableFileEntry>();
  for (const [index, raw] of text.split("\n").entries()) {
    const content = raw.trim();
    const line = index + 1;
    if (content === "" || content.startsWith("#")) continue;
    const reason = lineFault(content);
    if (reason !== undefined) return { kind: "table-fault", line, reason };
    const colon = content.indexOf(":");
    const key = content.slice(0, colon);
    if (!entries.has(key)) entries.set(key, { key, value: content.slice(colon + 1), line });
  }
  return { kind: "table", shape: "mapping", entries: [...entries.values()] };
}

function lineFault(line: string): string | undefined {
  const [user = "", hash, uid = "", gid = "", , home = ""] = line.split(":");
  if (hash === undefined) return "invalid passwd entry: a user and a hash are needed";
  if (user === "" || /\s/u.test(user)) return "invalid passwd entry: the user's name";
  if (!/^[0-9]{0,10}$/u.test(uid)) return "invalid passwd entry: the uid is no number";
  if (!/^[0-9]{0,10}$/u.test(gid)) return "invalid passwd entry: the gid is no number";
  if (home !== "" && !home.startsWith("/")) return "invalid passwd entry: the home is not absolute";
  return undefined;
}
