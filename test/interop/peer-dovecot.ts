/**
 * Dovecot as a server of somebody else: LMTP on a UNIX-domain socket and on a port of
 * 127.0.0.1, into a Maildir for each user; it tells a Postfix who may log in, and hands
 * mail for one of its users to another LMTP server, as a proxy of Dovecot's does.
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { freePort, greeted } from "./greeting.ts";
import { LOGIN, PASSWORD } from "./peer-party.ts";
import { startPeer } from "./peer-process.ts";
import { unlessInstalled } from "./peer-program.ts";
import { MAIL_GID, MAIL_UID, MAIL_USER, RUNS_AS_ROOT, type Scratch } from "./scratch.ts";

/** `node:test`'s `skip`. */
export function unlessDovecot(): string | false {
  return unlessInstalled("/usr/lib/dovecot/lmtp");
}

/** Of `full`; others have none. */
const QUOTA_BYTES = 1000;
/** Users with a mailbox, beside `full` and LOGIN. */
const USERS: readonly string[] = ["anna", "berta", "carla"];

export interface Dovecot {
  /** LMTP. */
  readonly port: number;
  /** LMTP. */
  readonly socketPath: string;
  /** Where a Postfix asks. */
  readonly authPath: string;
  /** A Maildir. */
  readonly box: (user: string) => string;
}

/** @param proxiedTo the port of 127.0.0.1 that mail for `away` goes to, by LMTP. */
export async function startDovecot(scratch: Scratch, proxiedTo: number): Promise<Dovecot> {
  const folder = `${scratch.folder}/dovecot`;
  const mail = scratch.mailFolder("dovecot-mail");
  mkdirSync(folder);
  const port = await freePort();
  const dovecot: Dovecot = {
    port,
    socketPath: `${folder}/lmtp.sock`,
    authPath: `${folder}/auth.sock`,
    box: (user) => `${mail}/${user}`,
  };
  writeFileSync(`${folder}/users`, users(mail, proxiedTo).join("\n"));
  chmodSync(`${folder}/users`, 0o644);
  writeFileSync(`${folder}/conf`, configuration(dovecot, folder, mail));
  startPeer(scratch, ["dovecot", "-F", "-c", `${folder}/conf`], `${folder}/said`);
  await greeted({ path: dovecot.socketPath });
  return dovecot;
}

/** As passwd(5), with what Dovecot wants to know besides behind it. */
function users(mail: string, proxiedTo: number): readonly string[] {
  const line = (name: string, more = ""): string =>
    `${name}:{PLAIN}${PASSWORD}:${MAIL_UID}:${MAIL_GID}::${mail}/${name}::${more}`;
  return [
    ...[...USERS, LOGIN].map((name) => line(name)),
    line("full", `userdb_quota_rule=*:bytes=${QUOTA_BYTES}`),
    line("away", `proxy=y host=127.0.0.1 port=${proxiedTo} protocol=lmtp`),
    "",
  ];
}

function configuration(
  { port, socketPath, authPath }: Dovecot,
  folder: string,
  mail: string,
): string {
  return `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
protocols = lmtp
listen = 127.0.0.1
ssl = no
first_valid_uid = 1
${RUNS_AS_ROOT ? "" : `default_internal_user = ${MAIL_USER}`}
mail_location = maildir:${mail}/%n
mail_plugins = quota
lmtp_proxy = yes
auth_mechanisms = plain login scram-sha-256
auth_username_format = %Ln
disable_plaintext_auth = no
plugin {
  quota = maildir:User quota
}
passdb {
  driver = passwd-file
  args = ${folder}/users
}
userdb {
  driver = passwd-file
  args = ${folder}/users
}
service lmtp {
  unix_listener ${socketPath} {
    mode = 0666
  }
  inet_listener lmtp {
    port = ${port}
  }
}
service auth {
  unix_listener ${authPath} {
    mode = 0666
  }
}
`;
}
