/** Programs of a checkout that make their bundles when they start (docs/decisions/0024-bundles.md). */
import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { run } from "./peer-program.ts";
import { Scratch } from "./scratch.ts";

const skip = await unlessStartable();
const CHECKOUT = new URL("../..", import.meta.url).pathname;
const COPIED: readonly string[] = ["bin", "src", "tools", "package.json"];
const READABLE = 0o044;

/** A checkout of its own, whose packages are links. @returns its folder. */
function checkoutIn({ folder }: Scratch): string {
  // What a shell or an option of Node could take for more than one.
  const checkout = `${folder}/a checkout, mine`;
  mkdirSync(`${checkout}/node_modules`, { recursive: true });
  for (const name of COPIED)
    cpSync(`${CHECKOUT}${name}`, `${checkout}/${name}`, { recursive: true });
  for (const name of readdirSync(`${CHECKOUT}node_modules`)) {
    if (!name.startsWith("."))
      symlinkSync(`${CHECKOUT}node_modules/${name}`, `${checkout}/node_modules/${name}`);
  }
  return checkout;
}

/** Nothing went wrong before. */
const USAGE = /^usage: smtp .*\n$/u;

const IN_SHELL = ["sh", "-c", 'umask "$1"; shift; exec "$@"', "sh"];

test("programs that start together make bundles once, which all may read", { skip }, async () => {
  await using scratch = new Scratch();
  const checkout = checkoutIn(scratch);
  const killed = `${checkout}/node_modules/.cache/postrider/js.1`;
  mkdirSync(`${killed}/programs`, { recursive: true });
  const program = [...IN_SHELL, "077", `${checkout}/bin/smtp`, "-h"];
  const ends = await Promise.all(Array.from({ length: 4 }, () => run(program)));
  for (const { output } of ends) assert.match(output, USAGE);
  const kept = `${checkout}/node_modules/.cache/postrider`;
  assert.deepEqual(
    readdirSync(kept).filter((name) => name !== "compiled"),
    ["js"],
    "nothing of the attempts is left",
  );
  for (const path of ["", "js/programs", "js/processes/queue-main.js", "js/stamp"])
    assert.equal(statSync(`${kept}/${path}`).mode & READABLE, READABLE, path);
  const begunMs = statSync(`${kept}/js/stamp`).mtimeMs;
  assert.match((await run(program)).output, USAGE);
  assert.equal(statSync(`${kept}/js/stamp`).mtimeMs, begunMs, "they are kept");
  writeFileSync(`${checkout}/node_modules/.package-lock.json`, "{}");
  assert.match((await run(program)).output, USAGE);
  assert.ok(statSync(`${kept}/js/stamp`).mtimeMs > begunMs, "a package was installed");
  const licenses = readFileSync(`${kept}/js/LICENSES`, "utf8");
  for (const name of ["re2js", "dns-packet"]) assert.match(licenses, new RegExp(`/${name}$`, "mu"));
});

test("a source that is no program now leaves no bundle behind", { skip }, async () => {
  await using scratch = new Scratch();
  const checkout = checkoutIn(scratch);
  writeFileSync(`${checkout}/src/programs/makemap-run.ts`, "export const runMakemap = (;\n");
  const { output } = await run([`${checkout}/bin/smtp`, "-h"]);
  assert.match(output, /^usage: smtp /mu, "the sources of another run");
  assert.deepEqual(
    readdirSync(`${checkout}/node_modules/.cache/postrider`).filter((name) => name !== "compiled"),
    [],
  );
});

test("a checkout without its packages of development says what it lacks", { skip }, async () => {
  await using scratch = new Scratch();
  const checkout = checkoutIn(scratch);
  for (const name of ["esbuild", "re2js", "dns-packet"]) rmSync(`${checkout}/node_modules/${name}`);
  const { code, output } = await run([`${checkout}/bin/smtp`, "-h"]);
  assert.equal(
    output,
    `postrider: a checkout runs with its packages of development: run 'npm ci' in ${checkout}\n`,
  );
  assert.equal(code, 1);
});
