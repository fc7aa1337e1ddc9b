/**
 * A clean Debian: what debootstrap makes, with some programs that send mail, as a root of
 * its own with its own processes and its own loopback network.
 *
 * Made once, from the mirror that this machine uses, and kept in build/debian-root; each
 * test writes to a layer above it. It needs root and Debian; where it cannot be had, tests
 * are skipped by name.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { hash } from "node:crypto";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename } from "node:path";
import { until } from "./greeting.ts";
import { unlessMountable } from "./mounts.ts";
import { endOf, type Finished, run, unlessInstalled } from "./peer-program.ts";
import { RUNS_AS_ROOT, type Scratch } from "./scratch.ts";

/** What the package depends on, what configures a network, and programs that send mail. */
const INCLUDED: readonly string[] = [
  "ca-certificates",
  "cron",
  "git",
  "git-email",
  "iproute2",
  "libatomic1",
  "libmailtools-perl", // git send-email
  "man-db",
  "mutt",
  "perl-openssl-defaults", // libnet-ssleay-perl asks for it by another name, which debootstrap does not follow
  "s-nail",
];
const CHECKOUT = new URL("../..", import.meta.url).pathname;
/** Another list makes another one. */
const CLEAN_ROOT = `${CHECKOUT}build/debian-root-${hash("sha256", INCLUDED.join(), "hex").slice(0, 8)}`;
/** debootstrap loads a hundred packages. */
const MAKE_WITHIN_SECONDS = 420;
/** A root that a test has forgotten goes by itself. */
const LIFE_SECONDS = 600;

/** Mounts are in a namespace that ends with the process; `$1` is the clean root, `$2` a folder for the rest. */
const START = `
set -e
mkdir "$2/root" "$2/upper" "$2/work"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
mount --rbind /dev "$2/root/dev"
mount -t tmpfs tmpfs "$2/root/run"
ip link set lo up
echo up
exec chroot "$2/root" sleep ${LIFE_SECONDS}
`;

/** `node:test`'s `skip`: why there can be no clean Debian here, or false, with one that is made. */
export async function unlessDebianRoot(): Promise<string | false> {
  const why = unlessMakeable();
  if (why !== false) return why;
  try {
    await makeCleanRoot();
    return false;
  } catch (error) {
    // Whoever has the packages is out of reach, or has changed them meanwhile.
    return error instanceof Error ? error.message : String(error);
  }
}

function unlessMakeable(): string | false {
  if (!RUNS_AS_ROOT) return "only root can make a clean Debian root";
  const { codename } = debian();
  if (codename === undefined)
    return "this machine is no Debian: its clean root would be of another";
  return (
    unlessMountable() ||
    ["debootstrap", "unshare", "nsenter", "ip", "dpkg-deb"]
      .map((program) => unlessInstalled(program))
      .find((why) => why !== false) ||
    false
  );
}

export class DebianRoot implements AsyncDisposable {
  /** Of the machine that runs the tests. */
  readonly #child: ChildProcess;
  readonly #pid: number;

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.#pid = pid;
  }

  static async start(scratch: Scratch): Promise<DebianRoot> {
    await makeCleanRoot();
    const words = ["--mount", "--net", "--pid", "--uts", "--fork", "--kill-child"];
    const child = spawn(
      "unshare",
      [...words, "sh", "-c", START, "sh", CLEAN_ROOT, scratch.folder],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    let printed = "";
    child.stdout.on("data", (bytes: Buffer) => {
      printed += bytes.toString();
    });
    await until(() => printed !== "" || child.exitCode !== null, "root that is mounted");
    const inner = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
    const root = scratch.use(new DebianRoot(child, Number(inner)));
    await root.shell(
      "hostname mx.test.example && echo '127.0.0.1 localhost mx.test.example' >/etc/hosts",
    );
    return root;
  }

  /** A file of this machine, in the folder /tmp of the root. @returns its path there. */
  bring(path: string): string {
    const there = `/tmp/${basename(path)}`;
    copyFileSync(path, this.pathOf(there));
    return there;
  }

  read(path: string): string {
    return readFileSync(this.pathOf(path), "utf8");
  }

  write(path: string, text: string): void {
    writeFileSync(this.pathOf(path), text);
  }

  /** Runs `script` with sh(1), as root or as `user`. */
  shell(script: string, user?: string): Promise<Finished> {
    const inner = user === undefined ? ["sh", "-c", script] : ["su", "-", user, "-c", script];
    return run([...this.#entering(), ...inner]);
  }

  /** Starts the installed daemon, and resolves when it is ready with how long that took. */
  async startDaemon(): Promise<number> {
    const [program = "", ...words] = this.#entering();
    const log = "/var/log/smtpd.log";
    this.write(log, "");
    const begunMs = performance.now();
    // Its end is that of the root.
    spawn(program, [...words, "sh", "-c", `exec smtpd -d >>${log} 2>&1`], {
      stdio: "ignore",
      detached: true,
    }).unref();
    await until(() => this.read(log).includes("info: ready"), "daemon in the clean root");
    return performance.now() - begunMs;
  }

  #entering(): readonly string[] {
    return [
      "nsenter",
      `--target=${this.#pid}`,
      "--mount",
      "--net",
      "--pid",
      "--uts",
      "--root",
      "env",
      "-i",
      "--chdir=/",
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME=/root",
      "DEBIAN_FRONTEND=noninteractive",
    ];
  }

  pathOf(path: string): string {
    return `/proc/${this.#pid}/root${path}`;
  }

  /** All its processes end with the first, and all its mounts with them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = endOf(this.#child);
    this.#child.kill("SIGKILL");
    await ended;
  }
}

/** One that was not finished has another name. */
async function makeCleanRoot(): Promise<void> {
  if (existsSync(CLEAN_ROOT)) return;
  const { codename = "", mirror } = debian();
  const unfinished = `${CLEAN_ROOT}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  const { code, output } = await run([
    "timeout",
    String(MAKE_WITHIN_SECONDS),
    "debootstrap",
    "--variant=minbase",
    `--include=${INCLUDED.join(",")}`,
    codename,
    unfinished,
    mirror,
  ]);
  if (code !== 0) {
    rmSync(unfinished, { recursive: true });
    throw new Error(
      `Cannot make a clean Debian: debootstrap ended with ${code}\n${output.slice(-1000)}`,
    );
  }
  appendFileSync(`${unfinished}/etc/mailname`, "mx.test.example\n");
  renameSync(unfinished, CLEAN_ROOT);
}

/** What this machine is, and where it has its packages from. */
function debian(): { readonly codename: string | undefined; readonly mirror: string } {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  const isDebian = /^ID=debian$/mu.test(release);
  const codename = /^VERSION_CODENAME=(\w+)$/mu.exec(release)?.[1];
  const sources = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"]
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
  const mirror = /^(?:URIs: |deb (?:\[.*\] )?)(https?:\S+)/mu.exec(sources)?.[1];
  return {
    codename: isDebian ? codename : undefined,
    mirror: mirror ?? "http://deb.debian.org/debian",
  };
}
