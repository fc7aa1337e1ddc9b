/**
 * What each process cannot do: a probe in its place, with the command, the user, the flags
 * and the limits that it is started with, tries. What it may do is listed here; whatever else
 * the probe has tried must have been refused.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { type Account, type LaunchRequest, SEALED_ROLES } from "#processes/child.ts";
import { type Confinement, confinementHere, forbidForks } from "#processes/confinement.ts";
import { type ChildCommand, childCommand } from "#processes/launch.ts";
import { handInCommand } from "#processes/hand-in-launch.ts";
import type { HandInRights } from "#processes/hand-in-order.ts";
import { ROLES, type Role } from "#processes/roles.ts";
import { nodeChildren } from "#world/node/children.ts";
import { unlessStartable } from "./daemon.ts";
import { until } from "./greeting.ts";
import { run } from "./peer-program.ts";
import { MAIL_GID, MAIL_UID, RUNS_AS_ROOT, Scratch } from "./scratch.ts";

const PROBE = new URL("circumstances-probe.ts", import.meta.url).pathname;

const skip =
  (await unlessStartable()) || (RUNS_AS_ROOT ? false : "only root can start processes as others");
const { confinement, lacks } = await confinementHere(nodeChildren(), RUNS_AS_ROOT);

/** What there is to be tried: each `name=argument` of the probe, by what it means. */
async function scene(scratch: Scratch): Promise<Readonly<Record<string, string>>> {
  const { folder } = scratch;
  writeFileSync(`${folder}/mx.key`, "a private key", { mode: 0o600 });
  mkdirSync(`${folder}/spool`, { mode: 0o700 });
  const mailbox = scratch.mailFolder("mailbox");
  chmodSync(mailbox, 0o700);
  const own = createServer().listen(0, "127.0.0.1");
  await once(own, "listening");
  const control = createServer().listen(`${folder}/control.sock`);
  await once(control, "listening");
  scratch.use({
    [Symbol.asyncDispose]: async () => {
      own.close();
      control.close();
    },
  });
  chmodSync(`${folder}/control.sock`, 0o600);
  const address = own.address();
  const port = address === null || typeof address === "string" ? 0 : address.port;
  const other = spawn("sleep", ["60"], { uid: MAIL_UID, gid: MAIL_GID, stdio: "ignore" });
  scratch.use({
    [Symbol.asyncDispose]: async () => {
      other.kill();
    },
  });
  return {
    "read a private key": `read=${folder}/mx.key`,
    "read the system's passwords": "read=/etc/shadow",
    "look into the spool": `list=${folder}/spool`,
    "look into a user's mailbox": `list=${mailbox}`,
    "write where others look": `write=${folder}/written`,
    "start a program": "start=/bin/true",
    "signal the parent": `signal=${process.pid}`,
    "signal a user's process": `signal=${other.pid}`,
    "see the parent's memory": `see-memory=${process.pid}`,
    "see the parent's environment": `see-environment=${process.pid}`,
    "connect to a port": `connect=${port}`,
    "connect to the control socket": `connect-socket=${folder}/control.sock`,
    "become root": "become=0",
  };
}

/** What the probe could do in the place of `request.role`. */
function probed(
  request: LaunchRequest,
  by: Confinement,
  tries: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const seal = (pid: number): Promise<string | undefined> =>
    forbidForks(by, nodeChildren(), { pid, account: request.account });
  const isSealed = SEALED_ROLES.has(request.role);
  return probedAs(childCommand(request, by, PROBE), tries, isSealed ? seal : undefined);
}

async function probedAs(
  { program, words, environment, account }: ChildCommand,
  tries: Readonly<Record<string, string>>,
  seal?: (pid: number) => Promise<string | undefined>,
): Promise<readonly string[]> {
  const child = spawn(program, [...words, ...Object.values(tries)], {
    stdio: ["pipe", "pipe", "inherit"],
    env: environment,
    cwd: "/",
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
  });
  let said = "";
  child.stdout.on("data", (bytes: Buffer) => {
    said += bytes.toString();
  });
  const all = text(child.stdout);
  await until(() => said.includes("waiting\n"), "word of the probe");
  const fault = await seal?.(child.pid ?? 0);
  child.stdin.end();
  assert.equal(fault, undefined);
  const outcomes = (await all).split("\n");
  return Object.entries(tries).flatMap(([name, word]) => {
    const outcome = outcomes.find((line) => line.startsWith(`${word}: `));
    assert.ok(outcome !== undefined, `the probe has tried to ${name}`);
    return outcome === `${word}: done` ? [name] : [];
  });
}

async function accountOf(role: Role): Promise<Account> {
  const user = ROLES[role].user;
  if (user === undefined) return { uid: MAIL_UID, gid: MAIL_GID };
  const { output } = await run(["getent", "passwd", user]);
  const [, , uid, gid] = output.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

/** What each may do of what is tried; nothing else. */
const MAY: readonly {
  readonly role: Role;
  readonly when?: string;
  readonly request?: Partial<LaunchRequest>;
  readonly may: readonly string[];
}[] = [
  { role: "dispatcher", may: ["connect to a port"] },
  { role: "queue", may: [] },
  { role: "control", may: [] },
  { role: "local", may: [] },
  { role: "lookup", may: [] },
  {
    role: "lookup",
    when: "while issuers are to be asked",
    request: { reach: { network: true, stapleFolder: undefined } },
    may: ["connect to a port"],
  },
  {
    role: "auth",
    when: "as root, as passwords of the system are checked by root alone,",
    request: { account: undefined },
    may: [
      "read a private key",
      "read the system's passwords",
      "look into the spool",
      "look into a user's mailbox",
      "write where others look",
      "start a program",
      "signal the parent",
      "signal a user's process",
      "see the parent's environment",
      "connect to a port",
      "connect to the control socket",
      "become root",
    ],
  },
  {
    role: "agent",
    may: [
      "look into a user's mailbox",
      "start a program",
      "signal a user's process",
      "connect to a port",
    ],
  },
];

for (const { role, when, request, may } of MAY) {
  const what = may.length === 0 ? "nothing of what is tried" : may.join(", ");
  test(`${role}${when === undefined ? "" : ` ${when}`} can do: ${what}`, { skip }, async () => {
    assert.deepEqual(lacks, [], "this machine has the means");
    await using scratch = new Scratch();
    const tries = await scene(scratch);
    const whole = { role, account: await accountOf(role), home: "/", listenerFds: [], ...request };
    assert.deepEqual(await probed(whole, confinement, tries), may);
  });
}

const HAND_INS: readonly {
  readonly whose: string;
  readonly rights: HandInRights;
  readonly may: readonly string[];
}[] = [
  {
    whose: "a user's",
    rights: { kind: "owner", account: { uid: MAIL_UID, gid: MAIL_GID } },
    may: ["signal a user's process", "connect to a port"],
  },
  {
    whose: "root's",
    // Before it gives root up, which it does before it reads a byte of anybody.
    rights: { kind: "root", becomes: { uid: MAIL_UID, gid: MAIL_GID } },
    may: ["signal the parent", "connect to a port", "connect to the control socket", "become root"],
  },
];

for (const { whose, rights, may } of HAND_INS) {
  const what = may.length === 0 ? "nothing of what is tried" : may.join(", ");
  test(`who hands in ${whose} offline mail can do: ${what}`, { skip }, async () => {
    await using scratch = new Scratch();
    const tries = await scene(scratch);
    const folder = `${scratch.folder}/offline`;
    mkdirSync(folder);
    chmodSync(folder, 0o1733);
    const settings = {
      folder,
      socket: `${scratch.folder}/enqueue.sock`,
      setpriv: confinement.setpriv,
      serverName: () => "mx.example",
    };
    const order = { name: "nobody", login: undefined, rights, names: [] };
    const command = handInCommand(settings, order, 0, PROBE);
    assert.deepEqual(await probedAs(command, tries), may);
  });
}
