/**
 * Postfix as one of two mail servers that exchange mail. Dovecot says for it who may log
 * in; in its own client it has Cyrus SASL.
 */
import { greeted } from "./greeting.ts";
import { startDovecot, unlessDovecot } from "./peer-dovecot.ts";
import {
  isLoginWay,
  LOGIN,
  MECHANISMS,
  type Party,
  PASSWORD,
  type Route,
  type Setup,
  SMALL_BYTES,
  UNKNOWN,
  type Way,
  WAYS,
} from "./peer-party.ts";
import { PostfixServer, unlessPostfix } from "./postfix-server.ts";

/** It has no LMTP server. */
const DOORS: readonly Way[] = WAYS.filter((way) => way !== "lmtp");

/** `node:test`'s `skip`. */
export function unlessPostfixParty(): string | false {
  return unlessPostfix() || unlessDovecot();
}

export async function startPostfix(setup: Setup): Promise<Party> {
  const { scratch, certified, doors, routes } = setup;
  const { authPath } = await startDovecot(scratch, doors.lmtp);
  const server = await PostfixServer.start(
    scratch,
    [
      "inet_protocols = ipv4",
      "smtputf8_enable = yes",
      // Its boxes are for all that it is not to hand on.
      "virtual_mailbox_domains = static:all",
      `transport_maps = ${inline(routes.map(transport))}`,
      `smtpd_recipient_restrictions = check_recipient_access ${inline([
        ...routes.map(({ domain }) => [domain, "OK"] as const),
        [`${UNKNOWN}@`, "550 5.1.1 Nobody here has this name"],
      ])}`,
      "smtp_host_lookup = native",
      "lmtp_host_lookup = native",
      `smtpd_tls_chain_files = ${certified.key}, ${certified.cert}`,
      `smtp_tls_CAfile = ${certified.ca}`,
      "smtpd_sasl_type = dovecot",
      `smtpd_sasl_path = ${authPath}`,
      "smtp_sasl_security_options =",
      "smtp_sasl_tls_security_options =",
      "smtp_connection_cache_destinations = static:all",
    ],
    [
      ...DOORS.map((way) => service(`127.0.0.1:${doors[way]} inet n`, "smtpd", served(way))),
      ...routes.map((route) =>
        service(`to-${route.way} unix -`, route.way === "lmtp" ? "lmtp" : "smtp", used(route)),
      ),
    ],
  );
  await greeted({ host: "127.0.0.1", port: doors.clear });
  return {
    entrance: doors.clear,
    smallBytes: SMALL_BYTES,
    box: `${server.mail}/anna`,
    echoes: "decoded",
    log: () => server.log,
    loggedIn: (mechanism) => new RegExp(`sasl_method=${mechanism}, sasl_username=${LOGIN}`, "u"),
  };
}

function transport({ way, domain, port }: Route): readonly [string, string] {
  return [domain, `to-${way}:[localhost]:${port}`];
}

/** A table in place (DATABASE_README). */
function inline(entries: readonly (readonly [string, string])[]): string {
  return `inline:{ ${entries.map(([key, value]) => `{ ${key} = ${value} }`).join(", ")} }`;
}

/** A line of master.cf(5). */
function service(what: string, program: string, parameters: readonly string[]): string {
  const options = parameters.map((parameter) => ` -o { ${parameter} }`).join("");
  return `${what} - n - - ${program}${options}`;
}

/** What its server is told for a way, as master.cf has it. */
const SERVED: Readonly<Partial<Record<Way, readonly string[]>>> = {
  modest: ["smtpd_discard_ehlo_keywords = pipelining, chunking, 8bitmime, smtputf8, dsn, size"],
  starttls: ["smtpd_tls_security_level = encrypt"],
  smtps: ["smtpd_tls_wrappermode = yes"],
  silent: ["smtpd_discard_ehlo_keywords = dsn"],
  small: [`message_size_limit = ${SMALL_BYTES}`],
};

function served(way: Way): readonly string[] {
  if (!isLoginWay(way)) return SERVED[way] ?? [];
  return [
    "smtpd_tls_security_level = encrypt",
    "smtpd_sasl_auth_enable = yes",
    `smtpd_sasl_mechanism_filter = ${MECHANISMS[way]}`,
    "smtpd_recipient_restrictions = permit_sasl_authenticated, reject",
  ];
}

/** What its client is told. */
const USED: Readonly<Partial<Record<Way, readonly string[]>>> = {
  modest: ["smtp_discard_ehlo_keywords = pipelining"],
  starttls: ["smtp_tls_security_level = secure"],
  smtps: ["smtp_tls_security_level = secure", "smtp_tls_wrappermode = yes"],
};

function used({ way, port }: Route): readonly string[] {
  if (!isLoginWay(way)) return USED[way] ?? [];
  return [
    "smtp_tls_security_level = secure",
    "smtp_sasl_auth_enable = yes",
    `smtp_sasl_mechanism_filter = ${MECHANISMS[way]}`,
    `smtp_sasl_password_maps = ${inline([[`[localhost]:${port}`, `${LOGIN}:${PASSWORD}`]])}`,
  ];
}
