/**
 * Exim as one of two mail servers that exchange mail: Debian's package, unpacked by
 * tools/install-test-peers, as one daemon in a scratch folder. Needs root, as Exim does; with
 * a configuration of ours it delivers as its own user.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { greeted } from "./greeting.ts";
import {
  isLoginWay,
  LOGIN,
  type Party,
  PASSWORD,
  type Ports,
  type Route,
  type Setup,
  SMALL_BYTES,
  UNKNOWN,
  type Way,
} from "./peer-party.ts";
import { startPeer } from "./peer-process.ts";
import { run } from "./peer-program.ts";
import { RUNS_AS_ROOT } from "./scratch.ts";

const EXIM = "/usr/local/lib/postrider-peers/exim4/usr/sbin/exim4";
const EXIM_USER = "Debian-exim";

/** Ways in that its own LMTP, which is none, and GnuTLS' light package leave. */
const DOORS: readonly Way[] = [
  "clear",
  "modest",
  "starttls",
  "smtps",
  "plain",
  "login",
  "silent",
  "small",
];

/** `node:test`'s `skip`. */
export async function unlessExim(): Promise<string | false> {
  if (!existsSync(EXIM)) return "exim4 is not there (tools/install-test-peers)";
  if (!RUNS_AS_ROOT) return "exim needs root";
  const { code } = await run(["getent", "passwd", EXIM_USER]);
  return code === 0 ? false : `the user ${EXIM_USER} is missing (tools/install-test-peers)`;
}

export async function startExim(setup: Setup): Promise<Party> {
  const { scratch, certified, doors } = setup;
  const folder = `${scratch.folder}/exim`;
  const box = `${folder}/box`;
  mkdirSync(folder);
  const key = `${folder}/key.pem`;
  writeFileSync(key, readFileSync(certified.key), { mode: 0o600 });
  for (const path of [folder, key]) await run(["chown", EXIM_USER, path]);
  writeFileSync(`${folder}/conf`, configuration(setup, folder, box));
  startPeer(scratch, [EXIM, "-C", `${folder}/conf`, "-bdf"], `${folder}/said`);
  await greeted({ host: "127.0.0.1", port: doors.clear });
  return {
    entrance: doors.clear,
    smallBytes: SMALL_BYTES,
    box,
    echoes: "as they came",
    log: () => readFileSync(`${folder}/log-main`, "latin1"),
    loggedIn: (mechanism) => new RegExp(` <= .* A=${mechanism.toLowerCase()}:${LOGIN} `, "u"),
  };
}

/** An option of Exim's that is "*" for clients of these doors, and nobody for others. */
function hostsOf(doors: Ports, ...ways: readonly Way[]): string {
  const ports = ways.map((way) => doors[way]).join(":");
  return `\${if inlist{$received_port}{${ports}}{*}{}}`;
}

function configuration(setup: Setup, folder: string, box: string): string {
  const { certified, doors, routes } = setup;
  const generous = DOORS.filter((way) => way !== "modest");
  return `
exim_path = ${EXIM}
primary_hostname = exim.example
spool_directory = ${folder}/spool
log_file_path = ${folder}/log-%s
log_selector = +pipelining
keep_environment =
deliver_drop_privilege
local_interfaces = <; 127.0.0.1
daemon_smtp_ports = ${DOORS.map((way) => doors[way]).join(" : ")}
tls_on_connect_ports = ${doors.smtps}
tls_advertise_hosts = ${hostsOf(doors, "starttls", "plain", "login")}
tls_certificate = ${certified.cert}
tls_privatekey = ${folder}/key.pem
auth_advertise_hosts = ${hostsOf(doors, "plain", "login")}
pipelining_advertise_hosts = ${hostsOf(doors, ...generous)}
chunking_advertise_hosts = ${hostsOf(doors, ...generous)}
smtputf8_advertise_hosts = ${hostsOf(doors, ...generous)}
dsn_advertise_hosts = ${hostsOf(doors, ...generous.filter((way) => way !== "silent"))}
message_size_limit = \${if eq{$received_port}{${doors.small}}{${SMALL_BYTES}}{50M}}
acl_smtp_rcpt = check
acl_smtp_data = accept
begin acl
check:
  accept
    domains = ${routes.map(({ domain }) => domain).join(" : ")}
  deny
    local_parts = ${UNKNOWN}
    message = 5.1.1 Nobody here has this name
  deny
    message = 5.7.0 TLS is missing
    condition = \${if inlist{$received_port}{${doors.starttls}:${doors.smtps}}}
    !encrypted = *
  deny
    message = 5.7.0 A login is missing
    condition = \${if inlist{$received_port}{${doors.plain}:${doors.login}}}
    !authenticated = *
  accept
begin routers
${routes.map(router).join("")}
keep:
  driver = accept
  transport = keep
begin transports
${routes.map((route) => transport(route, certified.ca)).join("")}
keep:
  driver = appendfile
  maildir_format
  directory = ${box}
  delivery_date_add
  envelope_to_add
  return_path_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = \${if eq{$received_port}{${doors.plain}}}
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{${LOGIN}}}{eq{$auth3}{${PASSWORD}}}}}
  server_set_id = $auth2
  client_condition = \${if eq{$transport_name}{to_plain}}
  client_send = ^${LOGIN}^${PASSWORD}
login:
  driver = plaintext
  public_name = LOGIN
  server_advertise_condition = \${if eq{$received_port}{${doors.login}}}
  server_prompts = Username:: : Password::
  server_condition = \${if and{{eq{$auth1}{${LOGIN}}}{eq{$auth2}{${PASSWORD}}}}}
  server_set_id = $auth1
  client_condition = \${if eq{$transport_name}{to_login}}
  client_send = : ${LOGIN} : ${PASSWORD}
`;
}

function router({ way, domain }: Route): string {
  return `
to_${way}:
  driver = manualroute
  domains = ${domain}
  route_list = * localhost byname
  host_find_failed = fail
  self = send
  transport = to_${way}
`;
}

function transport({ way, port }: Route, ca: string): string {
  return `
to_${way}:
  driver = smtp
  port = ${port}
  allow_localhost
${using(way, ca)
  .map((line) => `  ${line}\n`)
  .join("")}`;
}

function using(way: Way, ca: string): readonly string[] {
  const verified = [
    "hosts_require_tls = *",
    `tls_verify_certificates = ${ca}`,
    "tls_verify_hosts = *",
  ];
  if (isLoginWay(way)) return [...verified, "hosts_require_auth = *"];
  if (way === "starttls") return verified;
  if (way === "smtps") return [...verified, "protocol = smtps"];
  if (way === "lmtp") return ["hosts_avoid_tls = *", "protocol = lmtp"];
  if (way === "modest")
    return ["hosts_avoid_tls = *", "hosts_avoid_pipelining = *", "hosts_try_chunking ="];
  return ["hosts_avoid_tls = *"];
}
