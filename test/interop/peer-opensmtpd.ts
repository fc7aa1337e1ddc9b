/**
 * OpenSMTPD as one of two mail servers that exchange mail: Debian's package, unpacked by
 * tools/install-test-peers. Its folders are built in, so it runs where it alone sees them:
 * in a mount namespace of its own. Needs root, as OpenSMTPD does.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { greeted } from "./greeting.ts";
import {
  isLoginWay,
  LOGIN,
  type Party,
  PASSWORD,
  type Route,
  type Setup,
  SMALL_BYTES,
  UNKNOWN,
  type Way,
} from "./peer-party.ts";
import { startPeer } from "./peer-process.ts";
import { run } from "./peer-program.ts";
import { MAIL_USER, RUNS_AS_ROOT } from "./scratch.ts";

export const PEER = "/usr/local/lib/postrider-peers/opensmtpd";
const SMTPD: string = `${PEER}/usr/sbin/smtpd`;
const USERS: readonly string[] = ["opensmtpd", "opensmtpq"];
const SMTPCTL = new URL("../../bin/smtpctl", import.meta.url).pathname;

/** It has one limit for all ways in, LOGIN only beside PLAIN, and neither SCRAM nor LMTP. */
const DOORS: readonly Way[] = ["clear", "modest", "starttls", "smtps", "plain", "silent", "small"];
const ROUTES: readonly Way[] = [...DOORS, "lmtp"];

/** Between connections to one address, whatever the port. */
const DELAYS: readonly string[] = [
  "conn-delay-host",
  "conn-delay-route",
  "conn-delay-source",
  "conn-delay-relay",
  "reconn-delay-route",
];

/** Empties the folders that are built in, for itself alone, and becomes the daemon. */
const IN_FOLDERS_OF_ITS_OWN = `
set -e
for folder in /run /var/lib /var/spool /usr/libexec; do
  mount -t tmpfs -o size=16M,mode=755 tmpfs "$folder"
done
mkdir -m 711 /var/spool/smtpd
mkdir -p /var/lib/opensmtpd/empty
cp -R ${PEER}/usr/libexec/opensmtpd /usr/libexec/
exec ${SMTPD} -d -v -f "$1"
`;

/** `node:test`'s `skip`. */
export async function unlessOpenSmtpd(): Promise<string | false> {
  if (!existsSync(SMTPD)) return "opensmtpd is not there (tools/install-test-peers)";
  if (!RUNS_AS_ROOT) return "opensmtpd needs root";
  for (const user of USERS) {
    const { code } = await run(["getent", "passwd", user]);
    if (code !== 0) return `the user ${user} is missing (tools/install-test-peers)`;
  }
  const { code } = await run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/run"]);
  return code === 0 ? false : "root may not mount a file system here";
}

export async function startOpenSmtpd(setup: Setup): Promise<Party> {
  const { scratch, doors } = setup;
  const folder = `${scratch.folder}/opensmtpd`;
  const box = `${scratch.mailFolder("opensmtpd-mail")}/box`;
  mkdirSync(folder);
  const { output: hash } = await run([SMTPCTL, "encrypt", PASSWORD]);
  writeFileSync(`${folder}/conf`, `${configuration(setup, box, hash.trim()).join("\n")}\n`);
  const command = ["unshare", "-m", "sh", "-c", IN_FOLDERS_OF_ITS_OWN, "sh", `${folder}/conf`];
  startPeer(scratch, command, `${folder}/log`);
  await greeted({ host: "127.0.0.1", port: doors.clear });
  return {
    entrance: doors.clear,
    smallBytes: SMALL_BYTES,
    box,
    echoes: "not at all",
    log: () => readFileSync(`${folder}/log`, "latin1"),
    loggedIn: () => new RegExp(`smtp authentication user=${LOGIN} result=ok`, "u"),
  };
}

function configuration(setup: Setup, box: string, hash: string): readonly string[] {
  const { certified, doors, routes } = setup;
  const ways = routes.filter(({ way }) => ROUTES.includes(way));
  return [
    `pki localhost cert "${certified.cert}"`,
    `pki localhost key "${certified.key}"`,
    `ca test cert "${certified.ca}"`,
    `smtp max-message-size ${SMALL_BYTES}`,
    "mta limit inet4",
    ...DELAYS.map((delay) => `mta limit ${delay} 0`),
    `table logins { "${LOGIN}" = "${hash}" }`,
    `table secrets { "far" = "${LOGIN}:${PASSWORD}" }`,
    `table everybody { "@" = "${MAIL_USER}" }`,
    ...DOORS.map(
      (way) =>
        `listen on 127.0.0.1 port ${doors[way]} hostname opensmtpd.example ${listening(way)}`,
    ),
    ...ways.map((route) => `action "to-${route.way}" relay host ${host(route)}`),
    `action "keep" maildir "${box}" virtual <everybody>`,
    ...ways.map(({ way, domain }) => `match from any for domain "${domain}" action "to-${way}"`),
    `match from any for rcpt-to regex "^${UNKNOWN}@" reject`,
    'match from any for any action "keep"',
  ];
}

function listening(way: Way): string {
  if (isLoginWay(way)) return "tls-require pki localhost auth <logins>";
  if (way === "starttls") return "tls-require pki localhost";
  if (way === "smtps") return "smtps pki localhost";
  return way === "silent" || way === "modest" ? "no-dsn" : "";
}

function host({ way, port }: Route): string {
  if (isLoginWay(way)) return `"smtp+tls://far@localhost:${port}" auth <secrets> ca test`;
  if (way === "starttls") return `"smtp+tls://localhost:${port}" ca test`;
  if (way === "smtps") return `"smtps://localhost:${port}" ca test`;
  return `"${way === "lmtp" ? "lmtp" : "smtp+notls"}://localhost:${port}"`;
}
