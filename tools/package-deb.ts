/**
 * Builds the package for Debian: `npm run package:deb -- [--revision N] [--fast] [FOLDER]`, into `build` by default.
 *
 * It carries bundles of the programs, the native package that they import, and the Node.js that this
 * checkout runs with; packaging/ has the rest. Nothing is built on the machine that installs
 * it. `--fast` compresses less, for tests.
 *
 * Source: deb(5), deb-control(5), deb-conffiles(5).
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { completionScript, type Shell } from "#programs/smtpctl-completion.ts";
import { wrappedCommand } from "./wrappers.ts";

const CHECKOUT = dirname(import.meta.dirname);
const PACKAGING = join(CHECKOUT, "packaging");
/** Where the package lives on the machine. */
const HOME = "usr/lib/postrider";

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Programs that only this package has, and where they are found. Those that each mail system has are alternatives. */
const PROGRAMS: Readonly<Record<string, string>> = {
  smtpd: "usr/sbin",
  smtpctl: "usr/sbin",
  makemap: "usr/sbin",
  smtp: "usr/bin",
};
/** Programs that each mail system has: they are links that update-alternatives(1) makes. */
const ALTERNATIVES: readonly string[] = ["sendmail", "send-mail", "mailq", "newaliases"];

/** Where each shell looks for what completes smtpctl(8). */
const COMPLETIONS: Readonly<Record<Shell, string>> = {
  bash: "usr/share/bash-completion/completions/smtpctl",
  zsh: "usr/share/zsh/vendor-completions/_smtpctl",
};

/** Of koffi: the library for other C libraries, and what it would be built from. */
const NOT_PACKED =
  /\/(?:musl_[a-z0-9]+|doc|vendor|abi|koffi\/lib)(?:\/|$)|\.(?:d\.ts|map|md|cc|hh|inc|def)$|\/(?:cnoke|trampolines)\.cjs$|\/CMakeLists\.txt$/u;

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { revision: { type: "string", default: "1" }, fast: { type: "boolean" } },
    allowPositionals: true,
  });
  const target = positionals[0] ?? join(CHECKOUT, "build");
  console.log(buildPackage(target, values.revision, values.fast === true ? "1" : "19"));
}

/** @returns the path of the package. */
function buildPackage(target: string, revision: string, level: string): string {
  const architecture = ARCHITECTURES[process.arch];
  if (architecture === undefined) throw new Error(`Cannot build for ${process.arch}`);
  const version = `${manifestOf(CHECKOUT).version}-${revision}`;
  mkdirSync(target, { recursive: true });
  const path = join(target, `postrider_${version}_${architecture}.deb`);
  const root = mkdtempSync(join(tmpdir(), "postrider-deb-"));
  try {
    chmodSync(root, 0o755);
    writeCode(root);
    writePrograms(root);
    writeManuals(root);
    writeCompletions(root);
    writeDocuments(root);
    writeSystemFiles(root);
    writeControl(root, { version, architecture });
    const words = ["--root-owner-group", "-Zzstd", `-z${level}`, "--build", root, path];
    execFileSync("dpkg-deb", words, { stdio: ["ignore", "ignore", "inherit"] });
  } finally {
    rmSync(root, { recursive: true });
  }
  return path;
}

/** Bundles, what stays a package, Node.js. */
function writeCode(root: string): void {
  const home = join(root, HOME);
  mkdirSync(join(home, "bin"), { recursive: true });
  runTool("bundle.ts", join(home, "lib"));
  for (const name of packagesOf(CHECKOUT)) {
    cpSync(join(CHECKOUT, "node_modules", name), join(home, "node_modules", name), {
      recursive: true,
      filter: (source) => !NOT_PACKED.test(source.slice(CHECKOUT.length)),
    });
  }
  cpSync(process.execPath, join(home, "bin/node"));
  cpSync(join(CHECKOUT, "tools/install-users"), join(home, "install-users"));
  cpSync(join(PACKAGING, "debian/running-daemons"), join(home, "running-daemons"));
}

/** Names of all packages that `folder` imports at run time, and that these import; not Node.js itself. */
function packagesOf(folder: string, found: Set<string> = new Set()): ReadonlySet<string> {
  const { dependencies, optionalDependencies } = manifestOf(folder);
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const path = join(CHECKOUT, "node_modules", name);
    if (found.has(name) || name.startsWith("node-linux-") || !existsSync(path)) continue;
    found.add(name);
    packagesOf(path, found);
  }
  return found;
}

/** What bin/run sets and takes away before it runs a program. */
interface RunParts {
  /** Lines of sh: what is not taken of the environment by all but smtpd, and by all. */
  readonly fromOthers: string;
  readonly fromAll: string;
  /** Flags of Node.js by program; "*": of the others. */
  readonly own: ReadonlyMap<string, string>;
  /** The line of sh by which sendmail's `own` may get one more. */
  readonly ofFilters: string;
}

function partsOfRun(): RunParts {
  const run = readFileSync(join(CHECKOUT, "bin/run"), "utf8");
  const [fromOthers, fromAll] = run.match(/(?<=^ *)unset NODE_.*\n/gmu) ?? [];
  const [ofFilters] = run.match(/(?<=^ *)while read .*\n/mu) ?? [];
  const own = Array.from(
    run.matchAll(/^ *(\S+)\) own=(\S*)/gmu),
    ([, program = "", flags = ""]) => [program, flags] as const,
  );
  if (fromOthers === undefined || fromAll === undefined || ofFilters === undefined || !own.length)
    throw new Error("Cannot tell what bin/run sets and takes from the environment");
  return { fromOthers, fromAll, own: new Map(own), ofFilters };
}

/** The wrappers in bin/ look for what a checkout has; these know where they are, and start sooner. Flags and environment are those of bin/run. */
function writePrograms(root: string): void {
  const { fromOthers, fromAll, own, ofFilters } = partsOfRun();
  for (const name of [...Object.keys(PROGRAMS), ...ALTERNATIVES]) {
    const wrapped = wrappedCommand(name);
    if (wrapped === undefined) throw new Error(`Cannot tell what bin/${name} runs`);
    const [program, ...more] = wrapped;
    const environment = program === "smtpd" ? fromAll : `${fromOthers}${fromAll}`;
    const flags = `own=${own.get(program) ?? own.get("*") ?? ""}\n`;
    const before = `${environment}${flags}${program === "sendmail" ? ofFilters : ""}`;
    const node = `/${HOME}/bin/node --disable-sigusr1 --disable-warning=ExperimentalWarning $own`;
    const command = [node, `/${HOME}/lib/programs/${program}.js`, ...more].join(" ");
    const path = join(root, HOME, "bin", name);
    writeFileSync(path, `#!/bin/sh\n${before}exec ${command} "$@"\n`, { mode: 0o755 });
    const folder = PROGRAMS[name];
    if (folder === undefined) continue;
    mkdirSync(join(root, folder), { recursive: true });
    symlinkSync(`../lib/postrider/bin/${name}`, join(root, folder, name));
  }
}

/** Those of alternatives have a name of their own, as their usual one is a link. */
function writeManuals(root: string): void {
  const man = join(root, "usr/share/man");
  runTool("man.ts", man);
  for (const path of globSync(`${man}/man*/*`)) {
    const [, name = "", section = ""] = /^(.*)\.(\d)$/u.exec(basename(path)) ?? [];
    const own = ALTERNATIVES.includes(name) ? `${name}.postrider` : name;
    writeFileSync(join(dirname(path), `${own}.${section}.gz`), gzipped(readFileSync(path)));
    rmSync(path);
  }
}

function writeCompletions(root: string): void {
  for (const shell of ["bash", "zsh"] as const) {
    const path = join(root, COMPLETIONS[shell]);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, completionScript(shell));
  }
}

function writeDocuments(root: string): void {
  const folder = join(root, "usr/share/doc/postrider");
  mkdirSync(folder, { recursive: true });
  for (const name of ["README.md", "LICENSE", "docs", "examples"])
    cpSync(join(CHECKOUT, name), join(folder, name), { recursive: true });
  cpSync(join(PACKAGING, "debian/copyright"), join(folder, "copyright"));
  cpSync(join(dirname(dirname(process.execPath)), "LICENSE"), join(folder, "LICENSE.node"));
  writeFileSync(join(folder, "changelog.gz"), gzipped(readFileSync(join(CHECKOUT, "CHANGES.md"))));
}

function writeSystemFiles(root: string): void {
  cpSync(join(PACKAGING, "systemd"), join(root, "usr/lib/systemd/system"), { recursive: true });
  cpSync(join(PACKAGING, "etc"), join(root, "etc/mail"), { recursive: true });
  cpSync(join(CHECKOUT, "examples/smtpd.conf"), join(root, "etc/mail/smtpd.conf"));
}

function writeControl(
  root: string,
  { version, architecture }: { readonly version: string; readonly architecture: string },
): void {
  const folder = join(root, "DEBIAN");
  const bytes = filesIn(root).reduce((sum, path) => sum + statSync(join(root, path)).size, 0);
  makeReadable(root);
  mkdirSync(folder);
  for (const name of ["postinst", "prerm", "postrm", "conffiles"])
    cpSync(join(PACKAGING, "debian", name), join(folder, name));
  const control = readFileSync(join(PACKAGING, "debian/control"), "utf8")
    .replace("@VERSION@", version)
    .replace("@ARCHITECTURE@", architecture)
    .replace("@KIBIBYTES@", String(Math.ceil(bytes / 1024)));
  writeFileSync(join(folder, "control"), control);
}

/** Whatever the mask of who builds it is. */
function makeReadable(root: string): void {
  execFileSync("chmod", ["-R", "u=rwX,go=rX", root]);
}

function filesIn(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(root.length));
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

/** The same bytes each time: gzip(1) would write the time. */
function gzipped(bytes: Uint8Array): Uint8Array {
  return gzipSync(bytes, { level: 9 });
}

function runTool(tool: string, target: string): void {
  const flags = ["--disable-warning=ExperimentalWarning", join(CHECKOUT, "tools", tool), target];
  execFileSync(process.execPath, flags, { cwd: CHECKOUT, stdio: ["ignore", "ignore", "inherit"] });
}
