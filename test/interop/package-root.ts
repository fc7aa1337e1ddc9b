/**
 * A Debian for tests of packages: what debootstrap makes, with some packages, as a root
 * that a test enters, with its own processes and its own loopback network.
 *
 * Made once for each list of packages, from the mirror that this machine uses, and kept in
 * build/; who uses one writes to a layer above it. It needs root and Debian.
 */
import { hash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename } from "node:path";
import { unlessMountable } from "./mounts.ts";
import { type Finished, run, unlessInstalled } from "./peer-program.ts";
import { RUNS_AS_ROOT } from "./scratch.ts";

const BUILD: string = new URL("../../build/", import.meta.url).pathname;
/** debootstrap and apt-get load a hundred packages. */
const MAKE_WITHIN_SECONDS = 420;

/** `node:test`'s `skip`: why no Debian can be made here, or false. */
export function unlessMakeable(): string | false {
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

/** `node:test`'s `skip`: why there can be no Debian with `packages` here, or false, with one that is made. */
export async function unlessMade(packages: readonly string[]): Promise<string | false> {
  const why = unlessMakeable();
  if (why !== false) return why;
  try {
    await madeRoot(packages);
    return false;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * @returns the folder of a clean Debian with `packages`.
 * @throws if whoever has the packages is out of reach, or has changed them meanwhile.
 */
export async function madeRoot(packages: readonly string[]): Promise<string> {
  const root = `${BUILD}debian-${hash("sha256", packages.join(), "hex").slice(0, 8)}`;
  if (existsSync(root)) return root;
  const { codename = "", mirror } = debian();
  // One that was not finished has another name.
  const unfinished = `${root}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  const included = "--include=ca-certificates"; // apt-get may need them
  // debootstrap knows no names that packages provide, so that it cannot install what depends on one: apt-get does the rest.
  const install = `apt-get update -q && apt-get install -q -y --no-install-recommends ${packages.join(" ")} && apt-get clean`;
  const script = `
    debootstrap --variant=minbase ${included} ${codename} ${unfinished} ${mirror} &&
    chroot ${unfinished} env DEBIAN_FRONTEND=noninteractive LC_ALL=C sh -c '${install}'`;
  const { code, output } = await run(["timeout", String(MAKE_WITHIN_SECONDS), "sh", "-c", script]);
  if (code !== 0) {
    rmSync(unfinished, { recursive: true });
    throw new Error(`Cannot make a clean Debian: ended with ${code}\n${output.slice(-1000)}`);
  }
  renameSync(unfinished, root);
  return root;
}

/** One that runs: its first process is `pid`, as this machine counts. */
export class PackageRoot {
  readonly #pid: number;
  readonly #namespaces: readonly string[];

  /** @param namespaces options of nsenter(1). */
  constructor(pid: number, namespaces: readonly string[]) {
    this.#pid = pid;
    this.#namespaces = namespaces;
  }

  /** A file of this machine, in the folder /root of the other. @returns its path there. */
  bring(path: string): string {
    const there = `/root/${basename(path)}`;
    copyFileSync(path, this.pathOf(there));
    return there;
  }

  read(path: string): string {
    return readFileSync(this.pathOf(path), "utf8");
  }

  write(path: string, text: string): void {
    writeFileSync(this.pathOf(path), text);
  }

  pathOf(path: string): string {
    return `/proc/${this.#pid}/root${path}`;
  }

  /** Runs `script` with sh(1), as root or as `user`. */
  shell(script: string, user?: string): Promise<Finished> {
    const inner = user === undefined ? ["sh", "-c", script] : ["su", "-", user, "-c", script];
    return run([...this.entering(), ...inner]);
  }

  /** What is put before a command that shall run there. */
  protected entering(): readonly string[] {
    return [
      "nsenter",
      `--target=${this.#pid}`,
      ...this.#namespaces,
      "--root",
      "env",
      "-i",
      "--chdir=/",
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME=/root",
      "DEBIAN_FRONTEND=noninteractive",
    ];
  }
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
