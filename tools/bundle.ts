/**
 * Writes each program as a bundle: `bundle.ts TARGET`.
 *
 * A program and all that it imports are one file of plain JavaScript, so that it starts in
 * a third of the time that hundreds of modules take, and what it imports by `import()` is
 * beside it in `chunks`. Only native code stays a package. Lines are not those of the
 * sources: a comment before each part names its source.
 *
 * A package ships this. In a checkout the programs in bin/ run it by themselves into
 * node_modules/.cache (docs/decisions/0024-bundles.md).
 */
import {
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";
import { wrappedCommand } from "./wrappers.ts";

const CHECKOUT = join(import.meta.dirname, "..");

/** It brings binaries of its own. */
const NATIVE = "koffi";

/** A file of the target: the licenses of what the bundles have of others. */
const LICENSES = "LICENSES";

/** Modules of Node that a CommonJS package requires: an ES module has no `require`, but can import them. */
const REQUIRED_BUILTINS: Plugin = {
  name: "required builtins",
  setup(bundling) {
    bundling.onResolve({ filter: /^[a-z_/]+$/ }, ({ kind, path }) =>
      kind === "require-call" && builtinModules.includes(path)
        ? { path, namespace: "required" }
        : undefined,
    );
    bundling.onLoad({ filter: /^/, namespace: "required" }, ({ path }) => ({
      contents: `export * from "node:${path}";`,
    }));
  },
};

const target = process.argv[2];
if (target === undefined) throw new TypeError("Cannot bundle: want a target folder");
await replace(target);

/** Replaces `folder` as a whole, so that a program that starts meanwhile sees all or nothing new. */
async function replace(folder: string): Promise<void> {
  const fresh = `${folder}.${process.pid}`;
  const old = `${folder}.${process.pid}.old`;
  try {
    await writeAll(fresh);
    try {
      renameSync(folder, old);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    renameSync(fresh, folder);
  } finally {
    // A source that is being edited may be no program: nothing is left of the attempt.
    for (const left of [fresh, old]) rmSync(left, { recursive: true, force: true });
  }
}

async function writeAll(folder: string): Promise<void> {
  // The daemon's users read what root has made, whatever root's mask is.
  process.umask(0o022);
  const begun = new Date();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), manifest());
  writeFileSync(join(folder, LICENSES), licenses(await writePrograms(folder)));
  const stamp = join(folder, "stamp");
  writeFileSync(stamp, "");
  // What is edited while this runs counts as newer.
  utimesSync(stamp, begun, begun);
}

/** Each by itself: what two have in common is in both, so that neither has to look for it in a third file. */
async function writePrograms(folder: string): Promise<readonly Metafile[]> {
  const programs = [
    ...startedPrograms(),
    ...globSync("src/processes/*-main.ts", { cwd: CHECKOUT }),
  ];
  const built = await Promise.all(
    programs.map((program) =>
      build({
        absWorkingDir: CHECKOUT,
        entryPoints: [program],
        outdir: folder,
        outbase: "src",
        chunkNames: "chunks/[name]-[hash]",
        bundle: true,
        splitting: true,
        platform: "node",
        format: "esm",
        target: "node26",
        external: [NATIVE],
        legalComments: "none",
        plugins: [REQUIRED_BUILTINS],
        logLevel: "warning",
        metafile: true,
      }),
    ),
  );
  return built.map(({ metafile }) => metafile);
}

/** Those that the wrappers in bin/ start. */
function startedPrograms(): readonly string[] {
  const names = readdirSync(join(CHECKOUT, "bin")).flatMap((wrapper) => {
    const [name] = wrappedCommand(wrapper) ?? [];
    return name === undefined ? [] : [`src/programs/${name}.ts`];
  });
  return [...new Set(names)];
}

/** Only what the runtime looks for: the module type. */
function manifest(): string {
  const { name, version, type } = JSON.parse(
    readFileSync(join(CHECKOUT, "package.json"), "utf8"),
  ) as Record<string, unknown>;
  return `${JSON.stringify({ name, version, type }, undefined, 2)}\n`;
}

/** The licenses of all packages that are in a bundle; the folder of one may be a link, or in that of another. */
function licenses(built: readonly Metafile[]): string {
  const packages = new Map<string, string>();
  for (const input of built.flatMap(({ inputs }) => Object.keys(inputs))) {
    const [folder, name] = /^.*(node_modules\/(?:@[^/]+\/)?[^/]+)/u.exec(input) ?? [];
    if (folder !== undefined && name !== undefined) packages.set(name, folder);
  }
  return [...packages]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(
      ([name, folder]) =>
        `${name}\n\n${readFileSync(join(CHECKOUT, folder, "LICENSE"), "utf8").trim()}\n`,
    )
    .join("\n\n");
}
