/**
 * Completes package-lock.json: `bin/node tools/complete-lockfile.ts` after a dependency
 * changed; with `--check` it only says what is wrong.
 *
 * npm leaves out the optional packages of other platforms when the registry in use does
 * not carry them, and then `npm ci` refuses the file. Each gets the entry that makes npm
 * pass over it: its version, and the platform that its name tells. Also checked: no
 * download addresses, and no package that needs an install script.
 */
import { readFileSync, writeFileSync } from "node:fs";

const PATH = "package-lock.json";

/** Its script only looks whether the binary of this platform is there, which a package of its own brings. */
const WORKS_WITHOUT_SCRIPT: readonly string[] = ["node_modules/esbuild", "node_modules/koffi"];

/** Of an entry of the lock file, what is looked at here. */
export interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export type LockedPackages = Readonly<Record<string, LockedPackage>>;

/** A part of a package's name, and what it says of the platform. */
const SYSTEMS =
  /(?:^|[-/])(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-/;
const PROCESSORS = /-(arm64|arm|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64)(?:-|$)/;

/** What is wrong with `packages`, and cannot be completed. */
export function lockfileFaults(packages: LockedPackages): readonly string[] {
  return Object.entries(packages).flatMap(([path, locked]) => {
    const faults: string[] = [];
    if (locked.resolved !== undefined) faults.push(`${path}: has a download address`);
    if (locked.hasInstallScript === true && !WORKS_WITHOUT_SCRIPT.includes(path))
      faults.push(`${path}: needs an install script`);
    return faults;
  });
}

/** The entries that are missing, by path. */
export function missingPackages(packages: LockedPackages): LockedPackages {
  const missing: Record<string, LockedPackage> = {};
  for (const owner of Object.values(packages)) {
    for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
      const path = `node_modules/${name}`;
      if (path in packages) continue;
      const dev = owner.dev === true ? { dev: true } : {};
      missing[path] = { version, ...dev, optional: true, ...platformOf(name) };
    }
  }
  return missing;
}

/** @throws {RangeError} if the name tells no platform: look at the package. */
function platformOf(name: string): LockedPackage {
  const os = SYSTEMS.exec(name)?.[1];
  const cpu = PROCESSORS.exec(name)?.[1];
  if (os === undefined || cpu === undefined) throw new RangeError(`Cannot place ${name}`);
  const libc = /-musl/.test(name) ? ["musl"] : /-gnu/.test(name) ? ["glibc"] : undefined;
  return { os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc }) };
}

if (import.meta.main) {
  const lock = JSON.parse(readFileSync(PATH, "utf8")) as { packages: LockedPackages };
  const faults = lockfileFaults(lock.packages);
  const missing = missingPackages(lock.packages);
  for (const fault of faults) console.error(fault);
  if (process.argv.includes("--check")) {
    for (const path of Object.keys(missing)) console.error(`${path}: has no entry`);
    process.exitCode = faults.length + Object.keys(missing).length === 0 ? 0 : 1;
  } else {
    const all = Object.entries({ ...lock.packages, ...missing });
    // npm's own order.
    lock.packages = Object.fromEntries(all.toSorted(([a], [b]) => a.localeCompare(b, "en")));
    writeFileSync(PATH, `${JSON.stringify(lock, undefined, 2)}\n`);
    process.exitCode = faults.length === 0 ? 0 : 1;
  }
}
