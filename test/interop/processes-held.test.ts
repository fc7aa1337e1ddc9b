/**
 * What the runtime keeps from the processes that face strangers: a probe with the
 * flags of their role tries everything, and can do nothing but use the network.
 * docs/architecture.md says what each flag is for.
 */
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { test } from "node:test";
import type { Reach } from "#processes/reach.ts";
import { type Role, ROLES } from "#processes/roles.ts";
import { run } from "./peer-program.ts";
import { MAIL_GID, MAIL_UID, RUNS_AS_ROOT, Scratch } from "./scratch.ts";

const PROBE = new URL("held-probe.ts", import.meta.url).pathname;

/** What a process without permission flags can do, so that a refusal proves something. */
const FREE = ["read a file of the system", "write a file", "start a program", "start a thread"];

/** What the probe could do and could not, with the flags of `role`. */
async function probed(
  scratch: Scratch,
  role: Role,
  reach?: Reach,
): Promise<ReadonlyMap<string, string>> {
  const home = scratch.mailFolder("home");
  copyFileSync(PROBE, `${scratch.folder}/held-probe.ts`);
  const asUser = RUNS_AS_ROOT
    ? ["setpriv", `--reuid=${MAIL_UID}`, `--regid=${MAIL_GID}`, "--clear-groups"]
    : [];
  const flags = ROLES[role].nodeFlags(scratch.folder, reach);
  const probe = [process.execPath, ...flags, `${scratch.folder}/held-probe.ts`];
  const { output } = await run([...asUser, "env", `HOME=${home}`, ...probe]);
  const lines = output.split("\n").filter((line) => line.includes(": "));
  return new Map(lines.map((line) => line.split(": ", 2) as [string, string]));
}

for (const role of ["dispatcher", "control"] as const) {
  test(`the ${role} reads and writes no file, starts no program, and has the network alone`, async () => {
    await using scratch = new Scratch();
    const outcomes = await probed(scratch, role);
    assert.ok(outcomes.size > FREE.length, "the probe ran");
    const done = [...outcomes].filter(([, outcome]) => outcome === "done");
    assert.deepEqual(done, [["use the network", "done"]]);
    for (const name of FREE) assert.equal(outcomes.get(name), "ERR_ACCESS_DENIED", name);
  });
}

test("lookup reads files and opens databases; it writes none by itself, starts no program, has no network", async () => {
  await using scratch = new Scratch();
  const outcomes = await probed(scratch, "lookup");
  const done = [...outcomes].filter(([, outcome]) => outcome === "done").map(([name]) => name);
  assert.deepEqual(done, [
    "read a file of the system",
    "read a file by promise",
    "look at a file",
    "read its environment in /proc",
    // SQLite knows nothing of the permission model: the user holds it there.
    "open a database",
  ]);
});

test("lookup that asks responders has the network too, and writes in its own folder alone", async () => {
  await using other = new Scratch();
  const before = await probed(other, "lookup");
  await using scratch = new Scratch();
  const outcomes = await probed(scratch, "lookup", {
    network: true,
    stapleFolder: scratch.mailFolder("ocsp"),
  });
  const differing = [...outcomes].filter(([name, outcome]) => before.get(name) !== outcome);
  assert.deepEqual(differing, [["use the network", "done"]]);
});

test("lookup that asks issuers of tokens has the network, and still writes nothing", async () => {
  await using other = new Scratch();
  const before = await probed(other, "lookup");
  await using scratch = new Scratch();
  const outcomes = await probed(scratch, "lookup", { network: true, stapleFolder: undefined });
  const differing = [...outcomes].filter(([name, outcome]) => before.get(name) !== outcome);
  assert.deepEqual(differing, [["use the network", "done"]]);
});

for (const role of ["queue", "agent"] as const) {
  test(`the ${role} is held by its user alone: it must sync, which no permission allows`, async () => {
    await using scratch = new Scratch();
    const outcomes = await probed(scratch, role);
    for (const name of FREE) assert.equal(outcomes.get(name), "done", name);
    assert.notEqual(outcomes.get("open a database"), "done");
  });
}
