/** Postrider as one of two mail servers that exchange mail. */
import { Daemon } from "./daemon.ts";
import {
  isLoginWay,
  LOGIN,
  type Party,
  PASSWORD,
  type Setup,
  SMALL_BYTES,
  UNKNOWN,
  type Way,
  WAYS,
} from "./peer-party.ts";
import { run } from "./peer-program.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";

const SMTPCTL = new URL("../../bin/smtpctl", import.meta.url).pathname;

async function encrypted(...options: readonly string[]): Promise<string> {
  return (await run([SMTPCTL, "encrypt", ...options, PASSWORD])).output.trim();
}

/** Two daemons: there is one limit of messages in a configuration, and `small` has another one. */
export async function startPostrider(setup: Setup): Promise<Party> {
  const { scratch, certified, doors, routes } = setup;
  const box = `${scratch.mailFolder("postrider-mail")}/box`;
  const ways = WAYS.filter((way) => way !== "small");
  const daemon = await Daemon.start(scratch, [
    `pki localhost cert "${certified.cert}" key "${certified.key}"`,
    `ca test cert "${certified.ca}"`,
    `table logins { ${LOGIN} = "${await encrypted()}" }`,
    `table verifiers { ${LOGIN} = "${await encrypted("--scram")}" }`,
    `table secrets { far = "${LOGIN}:${PASSWORD}" }`,
    ...ways.map((way) => `listen on 127.0.0.1 port ${doors[way]} ${listening(way)}`),
    ...routes.map(({ way, port }) => `action "to-${way}" relay host ${host(way, port)}`),
    `action "keep" maildir "${box}" user ${MAIL_USER}`,
    ...routes.map(({ way, domain }) => `match from any for domain "${domain}" action "to-${way}"`),
    `match from any for any rcpt-to regex "^${UNKNOWN}@" reject`,
    'match from any for any action "keep"',
  ]);
  const small = scratch.use(new Scratch());
  await Daemon.start(small, [
    `smtp max-message-size ${SMALL_BYTES / 2}`,
    `listen on 127.0.0.1 port ${doors.small}`,
    'action "nowhere" expand-only',
    'match from any for any action "nowhere"',
  ]);
  return {
    entrance: doors.clear,
    smallBytes: SMALL_BYTES / 2,
    box,
    echoes: "decoded",
    log: () => daemon.log,
    loggedIn: (mechanism) => new RegExp(`user=${LOGIN} result=ok mechanism=${mechanism}`, "u"),
  };
}

function listening(way: Way): string {
  if (way === "scram") return "tls-require pki localhost auth <verifiers>";
  if (isLoginWay(way)) return "tls-require pki localhost auth <logins>";
  if (way === "starttls") return "tls-require pki localhost";
  if (way === "smtps") return "smtps pki localhost";
  if (way === "silent") return "no-dsn";
  return way === "lmtp" ? "lmtp" : "";
}

function host(way: Way, port: number): string {
  if (isLoginWay(way)) return `"smtp+tls://far@localhost:${port}" auth <secrets> ca test`;
  if (way === "starttls") return `"smtp+tls://localhost:${port}" ca test`;
  if (way === "smtps") return `"smtps://localhost:${port}" ca test`;
  return `"${way === "lmtp" ? "lmtp" : "smtp"}://localhost:${port}"`;
}
