/**
 * Postfix under measurement: Debian's package with its defaults, as an instance of
 * its own (configuration, queue and data in the folder of the run), on a loopback
 * port. Needs root, as Postfix does. The system's own instance is not touched.
 *
 * Where it is not Debian's default, and why:
 * - no chroot: the private queue has no copies of the files that a chroot needs;
 * - messages that are only accepted get the action HOLD and `in_flow_delay = 0`:
 *   Postfix then writes and syncs them as ever and passes them to no other daemon.
 *   It is the least that it can do with them, and so in its favour;
 * - messages may be as large as ours, 35 MiB: its own limit is under 10 MiB;
 * - limits on processes and clients are raised when a scenario needs more sessions;
 * - no syslog may be there to hear it: then it logs nothing, also in its favour.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { unreachable } from "#base/unreachable.ts";
import type { CertificateFiles, Fate, Peer, RunSettings } from "./peer.ts";
import { startServer } from "./peer.ts";

const MASTER = "/usr/lib/postfix/sbin/master";
const STOCK_SERVICES = "/etc/postfix/master.cf.proto";

/** Postfix's own: default_process_limit. */
const DEFAULT_PROCESS_LIMIT = 100;

const UNPRIVILEGED_ID = 65534;

export const postfix: Peer = {
  name: "Postfix",
  durability: "a file and a sync per message",
  missing() {
    if (!existsSync(MASTER) || !existsSync(STOCK_SERVICES)) return "postfix is not installed";
    return process.getuid?.() === 0 ? undefined : "postfix needs root";
  },
  start(settings: RunSettings) {
    const { folder, port } = settings;
    const configFolder = `${folder}/etc`;
    for (const name of ["etc", "queue", "data"]) mkdirSync(`${folder}/${name}`);
    spawnSync("chown", ["postfix", `${folder}/data`]);
    writeFileSync(`${configFolder}/main.cf`, mainConfig(settings));
    writeFileSync(`${configFolder}/master.cf`, services(port));
    const checked = spawnSync("postfix", ["-c", configFolder, "check"], { encoding: "utf8" });
    writeFileSync(`${folder}/log`, `${checked.stdout}${checked.stderr}`);
    const command = [MASTER, "-c", configFolder, "-s"];
    return startServer({ command, logPath: `${folder}/log`, port, readyWord: "" });
  },
};

function mainConfig(settings: RunSettings): string {
  const { folder, fate, sessions, tls } = settings;
  const lines = [
    "compatibility_level = 3.6",
    `queue_directory = ${folder}/queue`,
    `data_directory = ${folder}/data`,
    "myhostname = peer.bench.example",
    "mynetworks = 127.0.0.0/8",
    "inet_interfaces = 127.0.0.1",
    `message_size_limit = ${35 * 1024 * 1024}`,
    "alias_maps =",
    "alias_database =",
    ...fateLines(fate),
    ...tlsLines(tls),
  ];
  if (sessions > DEFAULT_PROCESS_LIMIT / 2) {
    lines.push(`default_process_limit = ${sessions + DEFAULT_PROCESS_LIMIT}`);
    lines.push("smtpd_client_connection_count_limit = 0");
  }
  return `${lines.join("\n")}\n`;
}

function fateLines(fate: Fate): readonly string[] {
  switch (fate.kind) {
    case "kept":
      return ["mydestination =", "smtpd_sender_restrictions = static:HOLD", "in_flow_delay = 0"];
    case "relayed":
      return [
        "mydestination =",
        `relayhost = [127.0.0.1]:${fate.port}`,
        ...(fate.outgoing === "single" ? ["smtp_connection_cache_on_demand = no"] : []),
      ];
    case "lmtp":
      return [...virtualLines(fate.users), `virtual_transport = lmtp:inet:127.0.0.1:${fate.port}`];
    case "homes":
      return ["mydestination = bench.example", "home_mailbox = Maildir/"];
    case "maildir":
      mkdirSync(fate.folder, { recursive: true });
      spawnSync("chown", [String(UNPRIVILEGED_ID), fate.folder]);
      return [
        ...virtualLines(fate.users),
        `virtual_mailbox_base = ${fate.folder}`,
        `virtual_uid_maps = static:${UNPRIVILEGED_ID}`,
        `virtual_gid_maps = static:${UNPRIVILEGED_ID}`,
      ];
    default:
      return unreachable(fate);
  }
}

function virtualLines(users: readonly string[]): readonly string[] {
  const boxes = users.map((user) => `{ ${user}@bench.example = ${user}/ }`).join(", ");
  return [
    "mydestination =",
    "virtual_mailbox_domains = bench.example",
    `virtual_mailbox_maps = inline:{ ${boxes} }`,
  ];
}

function tlsLines(tls: CertificateFiles | undefined): readonly string[] {
  if (tls === undefined) return [];
  return [
    "smtpd_tls_security_level = may",
    `smtpd_tls_chain_files = ${tls.key}, ${tls.certificate}`,
  ];
}

/** Debian's services, with our port for SMTP, and without chroot. */
function services(port: number): string {
  return readFileSync(STOCK_SERVICES, "utf8")
    .split("\n")
    .map((line) => {
      const [name, type, isPrivate, unprivileged, chroot, ...rest] = line.split(/\s+/);
      if (name === undefined || name === "" || name.startsWith("#") || chroot === undefined) {
        return line;
      }
      const own = name === "smtp" && type === "inet" ? `127.0.0.1:${port}` : name;
      return [own, type, isPrivate, unprivileged, "n", ...rest].join(" ");
    })
    .join("\n");
}
