/**
 * Postfix as a server of somebody else: Debian's package as an instance of its own, in a
 * scratch folder and on a free port of 127.0.0.1, that keeps mail for in.example in
 * Maildirs. Needs root, as Postfix does; the system's own instance is not touched.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { freePort, greeted } from "./greeting.ts";
import { endOf } from "./peer-program.ts";
import { MAIL_GID, MAIL_UID, RUNS_AS_ROOT, type Scratch } from "./scratch.ts";

const MASTER = "/usr/lib/postfix/sbin/master";
const STOCK_SERVICES = "/etc/postfix/master.cf.proto";

/** `node:test`'s `skip`. */
export function unlessPostfix(): string | false {
  if (!existsSync(MASTER) || !existsSync(STOCK_SERVICES)) return "postfix is not installed";
  return RUNS_AS_ROOT ? false : "postfix needs root";
}

interface Running {
  readonly child: ChildProcess;
  readonly logPath: string;
}

export class PostfixServer implements AsyncDisposable {
  readonly port: number;
  /** Of its mailboxes: `USER/new`. */
  readonly mail: string;
  readonly #logPath: string;
  readonly #child: ChildProcess;

  private constructor(port: number, mail: string, running: Running) {
    this.port = port;
    this.mail = mail;
    this.#logPath = running.logPath;
    this.#child = running.child;
  }

  /**
   * @param lines of main.cf, in place of those of their names.
   * @param more lines of master.cf.
   */
  static async start(
    scratch: Scratch,
    lines: readonly string[],
    more: readonly string[] = [],
  ): Promise<PostfixServer> {
    const folder = `${scratch.folder}/postfix`;
    for (const path of ["", "/etc", "/queue", "/data"]) mkdirSync(`${folder}${path}`);
    spawnSync("chown", ["postfix", `${folder}/data`]);
    const mail = scratch.mailFolder("postfix-mail");
    const port = await freePort();
    const main = [
      "compatibility_level = 3.6",
      `queue_directory = ${folder}/queue`,
      `data_directory = ${folder}/data`,
      `maillog_file = ${folder}/log`,
      `maillog_file_prefixes = ${folder}`,
      "myhostname = postfix.example",
      "mydestination =",
      "mynetworks = 127.0.0.0/8",
      "inet_interfaces = 127.0.0.1",
      "alias_maps =",
      "alias_database =",
      "virtual_mailbox_domains = in.example",
      `virtual_mailbox_base = ${mail}`,
      "virtual_mailbox_maps = static:anna/",
      `virtual_uid_maps = static:${MAIL_UID}`,
      `virtual_gid_maps = static:${MAIL_GID}`,
      `virtual_minimum_uid = 1`,
    ];
    const given = new Set(lines.map(parameterOf));
    const all = [...main.filter((line) => !given.has(parameterOf(line))), ...lines];
    writeFileSync(`${folder}/etc/main.cf`, `${all.join("\n")}\n`);
    writeFileSync(
      `${folder}/etc/master.cf`,
      services(port) + more.map((line) => `${line}\n`).join(""),
    );
    spawnSync("postfix", ["-c", `${folder}/etc`, "check"]);
    const child = spawn(MASTER, ["-c", `${folder}/etc`, "-s"], { stdio: "ignore" });
    const server = scratch.use(new PostfixServer(port, mail, { child, logPath: `${folder}/log` }));
    await greeted({ port });
    return server;
  }

  /** What it has logged so far. */
  get log(): string {
    return readFileSync(this.#logPath, "latin1");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = endOf(this.#child);
    this.#child.kill("SIGTERM");
    await ended;
  }
}

/** Of a line of main.cf. */
function parameterOf(line: string): string {
  return line.slice(0, line.indexOf(" "));
}

/** Debian's services, with our port for SMTP, and without chroot. */
function services(port: number): string {
  return readFileSync(STOCK_SERVICES, "utf8")
    .split("\n")
    .map((line) => {
      const [name, type, isPrivate, unprivileged, chroot, ...rest] = line.split(/\s+/u);
      if (name === undefined || name === "" || name.startsWith("#") || chroot === undefined)
        return line;
      const own = name === "smtp" && type === "inet" ? `127.0.0.1:${port}` : name;
      return [own, type, isPrivate, unprivileged, "n", ...rest].join(" ");
    })
    .join("\n");
}
