/**
 * A Debian that has booted: systemd is process 1, of namespaces of its own and of a control
 * group of its own, with a loopback network and no other. As in a container nothing of it is
 * shared with this machine but the kernel.
 *
 * Source: systemd's "Container Interface".
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { until } from "./greeting.ts";
import { madeRoot, PackageRoot, unlessMade, unlessMakeable } from "./package-root.ts";
import { endOf, run } from "./peer-program.ts";
import type { Scratch } from "./scratch.ts";

const INCLUDED: readonly string[] = ["iproute2", "libatomic1", "s-nail", "systemd-sysv"];
/** A machine that a test has forgotten goes by itself. */
const LIFE_SECONDS = 300;
const BOOTS_WITHIN_MS = 40_000;

/**
 * Around the machine: a control group is a folder of this machine's, and its folders are those
 * that systemd has made in it. `$1` is a name, `$2` the clean root, `$3` a folder for the rest.
 */
const AROUND = `
set -e
mount --make-rprivate /
mkdir "$3/groups"
mount -t cgroup2 cgroup2 "$3/groups"
mkdir "$3/groups/$1"
echo $$ >"$3/groups/$1/cgroup.procs"
timeout -s KILL ${LIFE_SECONDS} unshare --mount --net --pid --uts --ipc --cgroup --fork --kill-child \\
  sh -c "$4" sh "$2" "$3" || true
echo $$ >"$3/groups/cgroup.procs"
find "$3/groups/$1" -depth -type d -exec rmdir {} +
`;

/** Inside of it, before systemd. */
const INSIDE = `
set -e
root=$2/root
mkdir "$root" "$2/upper" "$2/work"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
ip link set lo up
echo mx.test.example >"$root/etc/hostname"
cp "$root/etc/hostname" "$root/etc/mailname"
echo '127.0.0.1 localhost mx.test.example' >"$root/etc/hosts"
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
exec chroot "$root" env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system
`;

const NAMESPACES: readonly string[] = ["mount", "net", "pid", "uts", "ipc", "cgroup"].map(
  (name) => `--${name}`,
);

/** `node:test`'s `skip`: why no machine can be booted here, or false, with a Debian that is made. */
export async function unlessBootable(): Promise<string | false> {
  return unlessMakeable() || (await unlessControlGroups()) || unlessMade(INCLUDED);
}

async function unlessControlGroups(): Promise<string | false> {
  const script = `mount -t cgroup2 cgroup2 /mnt && mkdir /mnt/postrider-${process.pid} && rmdir /mnt/postrider-${process.pid}`;
  const { code, output } = await run(["unshare", "--mount", "sh", "-c", script]);
  return code === 0 ? false : `root may not make a control group here: ${output.trim()}`;
}

export class Machine extends PackageRoot implements AsyncDisposable {
  /** What is around it. */
  readonly #child: ChildProcess;
  readonly #pid: number;

  private constructor(child: ChildProcess, pid: number) {
    super(pid, NAMESPACES);
    this.#child = child;
    this.#pid = pid;
  }

  /** Resolves when it has booted. */
  static async boot(scratch: Scratch): Promise<Machine> {
    const root = await madeRoot(INCLUDED);
    const words = [AROUND, "sh", basename(scratch.folder), root, scratch.folder, INSIDE];
    const child = spawn("unshare", ["--mount", "sh", "-c", ...words], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (bytes: Buffer) => {
      errors += bytes.toString();
    });
    const first = (): number | undefined => {
      if (child.exitCode !== null) throw new Error(`Cannot boot a machine: ${errors}`);
      return systemdBelow(child.pid);
    };
    await until(() => first() !== undefined, "first process of a machine", BOOTS_WITHIN_MS);
    const machine = scratch.use(new Machine(child, first() ?? -1));
    await until(() => machine.#isUp(), "machine that has booted", BOOTS_WITHIN_MS);
    return machine;
  }

  async #isUp(): Promise<boolean> {
    const { output } = await this.shell("systemctl is-system-running");
    return /^(?:running|degraded)$/mu.test(output);
  }

  /** All its processes end with the first. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = endOf(this.#child);
    process.kill(this.#pid, "SIGKILL");
    await ended;
  }
}

/** The number of the machine's first process, once it is systemd. */
function systemdBelow(around: number | undefined): number | undefined {
  let last = around;
  for (let next = last; next !== undefined; next = childOf(next)) last = next;
  return last !== undefined && nameOf(last) === "systemd" ? last : undefined;
}

/** Of a chain of processes that wait for each other; systemd, the last, starts several. */
function childOf(pid: number): number | undefined {
  if (nameOf(pid) === "systemd") return undefined;
  const children = contentOf(`/proc/${pid}/task/${pid}/children`).trim();
  return /^\d+$/u.test(children) ? Number(children) : undefined;
}

function nameOf(pid: number): string {
  return contentOf(`/proc/${pid}/comm`).trim();
}

/** Empty for a process that has gone. */
function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
