/**
 * A clean Debian: what debootstrap makes, with some programs that send mail, as a root of
 * its own with its own processes and its own loopback network. Nothing manages services.
 *
 * Each test writes to a layer above it (package-root.ts). Where it cannot be had, tests are
 * skipped by name.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { until } from "./greeting.ts";
import { madeRoot, PackageRoot, unlessMade } from "./package-root.ts";
import { endOf } from "./peer-program.ts";
import type { Scratch } from "./scratch.ts";

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
  "msmtp",
  "mutt",
  "s-nail",
];
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
echo mx.test.example >"$2/root/etc/mailname"
ip link set lo up
echo up
exec chroot "$2/root" sleep ${LIFE_SECONDS}
`;

/** `node:test`'s `skip`: why there can be no clean Debian here, or false, with one that is made. */
export function unlessDebianRoot(): Promise<string | false> {
  return unlessMade(INCLUDED);
}

const NAMESPACES: readonly string[] = ["--mount", "--net", "--pid", "--uts"];

export class DebianRoot extends PackageRoot implements AsyncDisposable {
  /** Of the machine that runs the tests. */
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, pid: number) {
    super(pid, NAMESPACES);
    this.#child = child;
  }

  static async start(scratch: Scratch): Promise<DebianRoot> {
    const clean = await madeRoot(INCLUDED);
    const words = [...NAMESPACES, "--fork", "--kill-child", "sh", "-c", START, "sh"];
    const child = spawn("unshare", [...words, clean, scratch.folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
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

  /** Starts the installed daemon, and resolves when it is ready with how long that took. */
  async startDaemon(): Promise<number> {
    const [program = "", ...words] = this.entering();
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

  /** All its processes end with the first, and all its mounts with them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = endOf(this.#child);
    this.#child.kill("SIGKILL");
    await ended;
  }
}
